import {Agent, request} from 'undici';
import {parse} from 'yaml';

import type {Json} from './objects.ts';

/** Why the API server refused an object. */
export interface Cause {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

/** What the API server made of an object. */
export type Verdict =
  | {readonly accepted: true; readonly object: Json}
  | {readonly accepted: false; readonly code: number; readonly message: string; readonly causes: readonly Cause[]};

/** Columns and rows of `kubectl get`. */
export interface Table {
  readonly columnDefinitions: readonly {readonly name: string; readonly priority: number}[];
  readonly rows: readonly {readonly cells: readonly unknown[]}[];
}

interface Kubeconfig {
  readonly clusters: readonly {cluster: {server: string; 'certificate-authority-data': string}}[];
  readonly users: readonly {user: {'client-certificate-data': string; 'client-key-data': string}}[];
}

interface Failure {
  readonly message: string;
  readonly details?: {readonly causes?: readonly Cause[]};
}

const decoded = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');

/** The API server without a client between: raw JSON there, and its whole answer back. */
export class Server {
  readonly #agent: Agent;
  readonly #url: string;

  /** @param kubeconfig text of a kubeconfig with one cluster and one user with a client certificate */
  constructor(kubeconfig: string) {
    const {clusters, users} = parse(kubeconfig) as Kubeconfig;
    const [cluster] = clusters;
    const [user] = users;
    if (cluster === undefined || user === undefined) throw new Error('the kubeconfig has no cluster or no user');
    this.#url = cluster.cluster.server;
    this.#agent = new Agent({
      connect: {
        ca: decoded(cluster.cluster['certificate-authority-data']),
        cert: decoded(user.user['client-certificate-data']),
        key: decoded(user.user['client-key-data']),
      },
    });
  }

  /** Sends one request. @param path with its query */
  async send(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Verdict> {
    const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json';
    const {statusCode, body: answer} = await request(`${this.#url}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {'content-type': type},
      ...(body !== undefined && {body: JSON.stringify(body)}),
    });
    const text = await answer.text();
    if (statusCode < 300) return {accepted: true, object: JSON.parse(text) as Json};
    // A path that isn't served yet is answered in plain text.
    const {message, details} = (text.startsWith('{') ? JSON.parse(text) : {message: text}) as Failure;
    return {accepted: false, code: statusCode, message, causes: details?.causes ?? []};
  }

  /** Sends one request that must succeed. @throws Error with the API server's message when it doesn't */
  async must(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Json> {
    const verdict = await this.send(method, path, body);
    if (!verdict.accepted) throw new Error(`${method} ${path}: ${verdict.message}`);
    return verdict.object;
  }

  /** What `kubectl get` shows of an object. */
  async table(path: string): Promise<Table> {
    const {body} = await request(`${this.#url}${path}`, {
      dispatcher: this.#agent,
      headers: {accept: 'application/json;as=Table;g=meta.k8s.io;v=v1'},
    });
    return (await body.json()) as Table;
  }

  /** Waits until a kind is served. */
  async served(collection: string): Promise<void> {
    for (let attempt = 0; !(await this.send('GET', `${collection}?limit=1`)).accepted; attempt++) {
      if (attempt > 300) throw new Error(`${collection} is not served`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }
}
