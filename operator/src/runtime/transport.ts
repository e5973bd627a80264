import {Agent, type Dispatcher} from 'undici';
import type {Clock} from './clock.ts';
import type {Credential, TlsParameters} from './credentials.ts';
import {ApiError} from './errors.ts';

/** Connections of each pool; further requests wait for one of them. */
const POOL_CONNECTIONS = 5;
/** Shorter than the 90 s after which the API server closes an idle connection, so that it's us who close it. */
const IDLE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;
const TCP_KEEPALIVE_MS = 30_000;

/** One attempt to be sent. */
export interface Attempt {
  method: Dispatcher.HttpMethod;
  /** Path and query below the server's base URL. */
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  /** For the whole attempt (request) or until the headers are there (stream). */
  timeoutMs: number;
  signal: AbortSignal | undefined;
  /** Which connections; `requests` unless told. */
  pool?: PoolName;
}

/** Requests that only the API server answers, requests that a pod answers (and may leave hanging), and watches. */
export type PoolName = 'requests' | 'pods' | 'watches';

/** A whole answer. */
export interface Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

/** An answer whose body is still coming. */
export interface StreamAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: AsyncIterable<Buffer>;
}

interface Agents {
  readonly fingerprint: string;
  readonly pools: Readonly<Record<PoolName, Agent>>;
}

/**
 * Long-lived pools of connections. client-node makes a new TLS connection for every request, at three times the CPU;
 * here new ones are made only when the TLS parameters changed. HTTP/1.1 on purpose: a connection that hangs takes one
 * watch with it, not all of them.
 */
export class Transport {
  readonly #clock: Clock;
  readonly #onConnect: (host: string) => void;
  #agents: Agents | undefined;
  #closed = false;

  constructor(clock: Clock, onConnect: (host: string) => void) {
    this.#clock = clock;
    this.#onConnect = onConnect;
  }

  /** Sends and reads the whole answer. @throws ApiError of kind Timeout or Network */
  async request(credential: Credential, attempt: Attempt, maxBytes = Infinity): Promise<Answer> {
    const deadline = this.#deadline(attempt);
    try {
      const response = await this.#send(
        this.#pool(credential, attempt.pool ?? 'requests'),
        credential,
        attempt,
        deadline.signal,
      );
      const body = await readAll(response.body, maxBytes);
      return {status: response.statusCode, headers: response.headers, body};
    } catch (error) {
      throw deadline.explain(error);
    } finally {
      deadline.clear();
    }
  }

  /** Sends and gives the body as it comes; the time-out ends with the headers. @throws ApiError as for requests */
  async stream(credential: Credential, attempt: Attempt): Promise<StreamAnswer> {
    const deadline = this.#deadline(attempt);
    try {
      const response = await this.#send(this.#pool(credential, 'watches'), credential, attempt, deadline.signal);
      deadline.stopTimer();
      return {status: response.statusCode, headers: response.headers, body: explained(response.body, deadline)};
    } catch (error) {
      deadline.clear();
      throw deadline.explain(error);
    }
  }

  /** Breaks every connection. Requests after it fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const agents = this.#agents;
    this.#agents = undefined;
    await Promise.all(Object.values(agents?.pools ?? {}).map((agent) => agent.destroy()));
  }

  #send(agent: Agent, credential: Credential, attempt: Attempt, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const base = credential.server.pathname.replace(/\/$/, '');
    return agent.request({
      origin: credential.server.origin,
      path: `${base}${attempt.path}`,
      method: attempt.method,
      headers: {...attempt.headers, ...credential.headers},
      body: attempt.body ?? null,
      signal,
      // The deadline above covers both, and a watch may be silent for longer than any of them.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  #pool(credential: Credential, name: PoolName): Agent {
    if (this.#closed) {
      throw new ApiError('The client is closed', {kind: 'Network', status: 0, reason: 'Closed'});
    }
    const current = this.#agents;
    if (current?.fingerprint === credential.fingerprint) {
      return current.pools[name];
    }
    const pools = {
      requests: this.#agent(credential.tls, POOL_CONNECTIONS),
      pods: this.#agent(credential.tls, POOL_CONNECTIONS),
      watches: this.#agent(credential.tls, null),
    };
    this.#agents = {fingerprint: credential.fingerprint, pools};
    // What is under way on the old connections may end: close() waits for requests, and for watches to be renewed.
    for (const old of Object.values(current?.pools ?? {})) {
      old.close().catch(() => old.destroy());
    }
    return pools[name];
  }

  #agent(tls: TlsParameters, connections: number | null): Agent {
    const agent = new Agent({
      connections,
      allowH2: false,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      connect: {...tls, timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS},
    });
    agent.on('connect', (origin: URL) => this.#onConnect(origin.host));
    return agent;
  }

  #deadline(attempt: Attempt): Deadline {
    return new Deadline(this.#clock, attempt);
  }
}

/** Aborts an attempt when its time is over or its caller wants no more, and tells afterwards which it was. */
class Deadline {
  readonly #abort = new AbortController();
  readonly #attempt: Attempt;
  readonly #timer: {cancel(): void};
  readonly #onAbort: () => void;
  #timedOut = false;

  constructor(clock: Clock, attempt: Attempt) {
    this.#attempt = attempt;
    this.#onAbort = () => {
      this.#abort.abort();
    };
    this.#timer = clock.setTimeout(() => {
      this.#timedOut = true;
      this.#abort.abort();
    }, attempt.timeoutMs);
    if (attempt.signal?.aborted === true) {
      this.#abort.abort();
    }
    attempt.signal?.addEventListener('abort', this.#onAbort, {once: true});
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  stopTimer(): void {
    this.#timer.cancel();
  }

  clear(): void {
    this.#timer.cancel();
    this.#attempt.signal?.removeEventListener('abort', this.#onAbort);
  }

  explain(error: unknown): ApiError {
    if (error instanceof ApiError) {
      return error;
    }
    const what = `${this.#attempt.method} ${withoutQuery(this.#attempt.path)}`;
    if (this.#timedOut) {
      const message = `${what}: no answer within ${this.#attempt.timeoutMs} ms`;
      return new ApiError(message, {kind: 'Timeout', status: 0, reason: 'ClientTimeout'});
    }
    if (this.#attempt.signal?.aborted === true) {
      return new ApiError(`${what}: aborted`, {kind: 'Network', status: 0, reason: 'Aborted'});
    }
    const reason = networkReason(error);
    return new ApiError(`${what}: ${reason}`, {kind: 'Network', status: 0, reason, cause: error});
  }
}

function withoutQuery(path: string): string {
  return path.split('?', 1)[0] ?? path;
}

/** Code of a network error; of several (happy eyeballs) the first. */
function networkReason(error: unknown): string {
  if (error instanceof AggregateError) {
    return networkReason(error.errors[0]);
  }
  if (error instanceof Error) {
    const code = 'code' in error ? error.code : undefined;
    return typeof code === 'string' ? code : error.name;
  }
  return 'Unknown';
}

/** The whole body. @throws ApiError when it is larger than `maxBytes` */
export async function readAll(body: AsyncIterable<Buffer>, maxBytes = Infinity): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) {
      const message = `The answer is larger than ${maxBytes} bytes`;
      throw new ApiError(message, {kind: 'Other', status: 0, reason: 'TooLarge'});
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

async function* explained(body: AsyncIterable<Buffer>, deadline: Deadline): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    throw deadline.explain(error);
  } finally {
    deadline.clear();
  }
}
