import type {FastifyInstance} from 'fastify';
import {allowOnly} from '../plugins/problem-details.ts';

const PATH = '/openapi.json';

/**
 * The API's description, below the prefix of the API. It needs no token: it says what anybody may read in the project's
 * documentation, and tools fetch it before they have one.
 */
export function openApiRoutes(app: FastifyInstance, {version}: {readonly version: string}, done: () => void): void {
  allowOnly(app, PATH, ['GET', 'HEAD']);
  let text: Promise<string> | undefined;
  app.get(PATH, async (_request, reply) => {
    text ??= documentText(version);
    return reply.type('application/json').send(await text);
  });
  done();
}

/** Made when the first client asks, for most processes are never asked. */
async function documentText(version: string): Promise<string> {
  const {openApiDocument} = await import('./document.ts');
  return JSON.stringify(openApiDocument(version));
}
