import {readFile} from 'node:fs/promises';
import {request, type RequestOptions} from 'node:https';
import {setTimeout as delay} from 'node:timers/promises';
import {isRunning, logTail, type ProcessIdentity} from '../lib/exec.ts';
import type {KeyPair} from './pki.ts';

const POLL_MS = 200;
const REQUEST_TIMEOUT_MS = 5000;

/** A part of the cluster ended, or was not ready in time; the message has the end of its log. */
export class ClusterStartError extends Error {
  override readonly name = 'ClusterStartError';
}

/** A process whose end makes waiting pointless, and the log that says why. */
export interface Watched {
  readonly name: string;
  readonly process: ProcessIdentity;
  readonly logFile: string;
}

/**
 * Waits for a state, and fails as soon as one of the processes that bring it about has ended.
 * @param what - for the error's text
 * @param watched - the processes concerned
 * @param deadlineMs - how long at most, in milliseconds
 * @param reached - whether the state is there; otherwise why not, in words
 * @throws ClusterStartError
 */
export async function waitFor(
  what: string,
  watched: readonly Watched[],
  deadlineMs: number,
  reached: () => Promise<true | string>,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const state = await reached();
    if (state === true) return;
    for (const {name, process, logFile} of watched) {
      if (await isRunning(process)) continue;
      throw new ClusterStartError(`${what}: ${name} ended\n${await logTail(logFile)}`);
    }
    if (performance.now() > deadline) {
      const logs = await Promise.all(watched.map(async ({name, logFile}) => `--- ${name}\n${await logTail(logFile)}`));
      throw new ClusterStartError(
        `${what} took more than ${String(deadlineMs / 1000)} s: ${state}\n${logs.join('\n')}`,
      );
    }
    await delay(POLL_MS);
  }
}

/** A user of an API server, for the few questions that starting a cluster has. */
export class ApiReader {
  readonly #server: string;
  readonly #credentials: RequestOptions;

  private constructor(server: string, credentials: RequestOptions) {
    this.#server = server;
    this.#credentials = credentials;
  }

  /**
   * @param server - `https://host:port`
   * @param caFile - who signed its certificate
   * @param client - the user's certificate
   */
  static async create(server: string, caFile: string, client: KeyPair): Promise<ApiReader> {
    const [ca, cert, key] = await Promise.all(
      [caFile, client.certFile, client.keyFile].map(async (path) => readFile(path)),
    );
    return new ApiReader(server, {ca, cert, key, agent: false, timeout: REQUEST_TIMEOUT_MS});
  }

  /** Whether the API server is ready: true, or what is wrong. */
  async ready(): Promise<true | string> {
    const answer = await this.get('/readyz');
    return typeof answer === 'string' ? answer : true;
  }

  /**
   * Reads a path of the API.
   * @returns the body of an answer 200, or what is wrong in words
   */
  async get(path: string): Promise<{readonly body: string} | string> {
    return new Promise((resolve) => {
      const asking = request(`${this.#server}${path}`, this.#credentials, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.once('end', () => {
          resolve(response.statusCode === 200 ? {body} : `${path} answers ${String(response.statusCode)}`);
        });
        response.once('error', (error) => {
          resolve(`${path}: ${error.message}`);
        });
      });
      asking.once('timeout', () => asking.destroy(new Error('no answer')));
      asking.once('error', (error) => {
        resolve(`${path}: ${error.message}`);
      });
      asking.end();
    });
  }
}
