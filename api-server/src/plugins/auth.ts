import type {FastifyInstance} from 'fastify';
import fp from 'fastify-plugin';
import {Problem} from '../problems.ts';
import type {TokenVerifier} from '../tokens/store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Name of the token that the request came with; empty on paths that need none. */
    principal: string;
  }
}

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const CHALLENGE = 'Bearer realm="maintenance-api"';

/** Lets requests to the routes registered beside it pass only with a known bearer token (RFC 6750). */
export const bearerAuth = fp(
  (app: FastifyInstance, {tokens}: {tokens: TokenVerifier}, done: () => void) => {
    app.decorateRequest('principal', '');
    app.addHook('onRequest', (request, _reply, next) => {
      const presented = BEARER.exec(request.headers.authorization ?? '')?.[1];
      const principal = presented === undefined ? undefined : tokens.verify(presented);
      if (principal !== undefined) {
        request.principal = principal;
        next();
        return;
      }
      const challenge = request.headers.authorization === undefined ? CHALLENGE : `${CHALLENGE}, error="invalid_token"`;
      next(new Problem('unauthorized', {headers: {'www-authenticate': challenge}}));
    });
    done();
  },
  {name: 'bearer-auth'},
);
