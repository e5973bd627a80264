import {createServer, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {messageOf} from './errors.ts';
import type {Logger} from './logger.ts';
import type {Metrics} from './metrics.ts';

/** A named check: undefined when all is well, else what is wrong. */
export type HealthCheck = () => string | undefined;

/** Options of the server. */
export interface HealthServerOptions {
  host: string;
  /** 0 = any free port. */
  port: number;
  metrics: Metrics;
  /** Fail only when a restart would help. */
  live: Readonly<Record<string, HealthCheck>>;
  ready: Readonly<Record<string, HealthCheck>>;
  logger: Logger;
}

/** Longer than any probe or scrape; slower clients are cut off. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Serves `/healthz`, `/readyz` (200 or 503, one line a check) and `/metrics`. */
export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer({requestTimeout: REQUEST_TIMEOUT_MS}, (request, response) => {
      this.#answer(request.method ?? '', request.url ?? '', response).catch((error: unknown) => {
        options.logger.error({err: error}, 'Health request failed');
        response.destroy();
      });
    });
  }

  /** Resolves with the port once listening. @throws Error when the address is taken */
  start(): Promise<number> {
    const {host, port} = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Ends all connections. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  async #answer(method: string, url: string, response: ServerResponse): Promise<void> {
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, {allow: 'GET, HEAD'}).end();
      return;
    }
    const {live, metrics, ready} = this.#options;
    switch (url.split('?', 1)[0] ?? '') {
      case '/healthz':
        report(live, response);
        break;
      case '/readyz':
        report(ready, response);
        break;
      case '/metrics': {
        const text = await metrics.registry.metrics();
        response.writeHead(200, {'content-type': metrics.registry.contentType}).end(text);
        break;
      }
      default:
        response.writeHead(404).end();
    }
  }
}

function report(checks: Readonly<Record<string, HealthCheck>>, response: ServerResponse): void {
  const results = Object.entries(checks).map(([name, check]) => ({name, problem: problemOf(check)}));
  const healthy = results.every(({problem}) => problem === undefined);
  const lines = results.map(({name, problem}) => (problem === undefined ? `[+]${name} ok` : `[-]${name} ${problem}`));
  response.writeHead(healthy ? 200 : 503, {'content-type': 'text/plain; charset=utf-8'}).end(`${lines.join('\n')}\n`);
}

function problemOf(check: HealthCheck): string | undefined {
  try {
    return check();
  } catch (error) {
    return messageOf(error);
  }
}
