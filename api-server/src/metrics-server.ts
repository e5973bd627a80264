import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import type {Metrics} from './metrics.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** The server of METRICS_PORT: `/metrics` and nothing else, apart from the API, so that no Ingress can route to it. */
export function createMetricsServer(metrics: Metrics, onError: (error: unknown) => void): Server {
  return createServer({requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS}, (request, response) => {
    answer(metrics, request, response).catch((error: unknown) => {
      onError(error);
      response.writeHead(500).end();
    });
  });
}

async function answer(metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?', 1)[0];
  if (path !== '/metrics') {
    response.writeHead(404).end();
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, {allow: 'GET, HEAD'}).end();
    return;
  }
  const page = await metrics.page();
  response.writeHead(200, {'content-type': metrics.contentType}).end(page);
}
