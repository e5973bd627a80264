import {Agent as PlainAgent, request as plainRequest, type ClientRequest, type IncomingMessage} from 'node:http';
import {Agent as TlsAgent, request as tlsRequest} from 'node:https';
import type {Socket} from 'node:net';
import type {Clock} from './clock.ts';
import type {Credential} from './credentials.ts';
import {ApiError} from './errors.ts';

/** Connections of each pool; further requests wait for one of them. */
const POOL_CONNECTIONS = 5;
/** Shorter than the 90 s after which the API server closes an idle connection, so that it's us who close it. */
const IDLE_MS = 60_000;
const TCP_KEEPALIVE_MS = 30_000;

/** One attempt to be sent. */
export interface Attempt {
  method: string;
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

/** Header fields of an answer, by lower-case name. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A whole answer. */
export interface Answer {
  status: number;
  headers: Headers;
  body: Buffer;
}

/** An answer whose body is still coming. */
export interface StreamAnswer {
  status: number;
  headers: Headers;
  body: AsyncIterable<Buffer>;
}

interface Pools {
  readonly fingerprint: string;
  readonly agents: Readonly<Record<PoolName, PlainAgent>>;
}

/**
 * Long-lived pools of connections. client-node makes a new TLS connection for every request, at three times the CPU;
 * here new ones are made only when the TLS parameters changed. HTTP/1.1 on purpose: a connection that hangs takes one
 * watch with it, not all of them. Node's own client on purpose: to load undici costs an operator 24 MiB (measured).
 */
export class Transport {
  readonly #clock: Clock;
  readonly #onConnect: (host: string) => void;
  readonly #closed = new AbortController();
  readonly #sockets = new Set<Socket>();
  #pools: Pools | undefined;

  constructor(clock: Clock, onConnect: (host: string) => void) {
    this.#clock = clock;
    this.#onConnect = onConnect;
  }

  /** Sends and reads the whole answer. @throws ApiError of kind Timeout or Network */
  async request(credential: Credential, attempt: Attempt, maxBytes = Infinity): Promise<Answer> {
    const deadline = new Deadline(this.#clock, attempt, this.#closed.signal);
    try {
      const response = await this.#send(credential, attempt, attempt.pool ?? 'requests', deadline);
      const body = await readAll(response, maxBytes);
      return {status: response.statusCode ?? 0, headers: response.headers, body};
    } catch (error) {
      throw deadline.explain(error);
    } finally {
      deadline.clear();
    }
  }

  /** Sends and gives the body as it comes; the time-out ends with the headers. @throws ApiError as for requests */
  async stream(credential: Credential, attempt: Attempt): Promise<StreamAnswer> {
    const deadline = new Deadline(this.#clock, attempt, this.#closed.signal);
    try {
      const response = await this.#send(credential, attempt, 'watches', deadline);
      deadline.stopTimer();
      return {status: response.statusCode ?? 0, headers: response.headers, body: explained(response, deadline)};
    } catch (error) {
      deadline.clear();
      throw deadline.explain(error);
    }
  }

  /** Breaks every connection and resolves when they are gone. Requests after it fail. */
  async close(): Promise<void> {
    this.#closed.abort();
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await Promise.all(closed);
  }

  #send(credential: Credential, attempt: Attempt, pool: PoolName, deadline: Deadline): Promise<IncomingMessage> {
    const {server, tls} = credential;
    const body = attempt.body === undefined ? undefined : Buffer.from(attempt.body);
    const options = {
      method: attempt.method,
      path: `${server.pathname.replace(/\/$/, '')}${attempt.path}`,
      headers: {
        ...attempt.headers,
        ...credential.headers,
        ...(body !== undefined && {'content-length': body.length}),
      },
      agent: this.#agentFor(credential, pool),
      signal: deadline.signal,
    };
    const request =
      server.protocol === 'http:' ? plainRequest(server, options) : tlsRequest(server, {...options, ...tls});
    this.#countConnection(request, server.host);
    return new Promise((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
      request.end(body);
    });
  }

  #countConnection(request: ClientRequest, host: string): void {
    request.once('socket', (socket: Socket) => {
      if (!this.#sockets.has(socket)) {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        this.#onConnect(host);
      }
    });
  }

  /** Pools for these TLS parameters; those for former ones end by themselves once their requests and watches have. */
  #agentFor(credential: Credential, name: PoolName): PlainAgent {
    if (this.#pools?.fingerprint !== credential.fingerprint) {
      const agents = {
        requests: poolOf(credential, POOL_CONNECTIONS),
        pods: poolOf(credential, POOL_CONNECTIONS),
        watches: poolOf(credential, Infinity),
      };
      this.#pools = {fingerprint: credential.fingerprint, agents};
    }
    return this.#pools.agents[name];
  }
}

function poolOf({server, tls}: Credential, maxSockets: number): PlainAgent {
  // The time-out is that of idle connections; it doesn't end what is under way.
  const options = {keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE_MS, maxSockets, timeout: IDLE_MS};
  return server.protocol === 'http:' ? new PlainAgent(options) : new TlsAgent({...options, ...tls});
}

/** Aborts an attempt when its time is over or its caller wants no more, and tells afterwards which it was. */
class Deadline {
  readonly #abort = new AbortController();
  readonly #attempt: Attempt;
  readonly #closed: AbortSignal;
  readonly #timer: {cancel(): void};
  readonly #onAbort: () => void;
  #timedOut = false;

  constructor(clock: Clock, attempt: Attempt, closed: AbortSignal) {
    this.#attempt = attempt;
    this.#closed = closed;
    this.#onAbort = () => {
      this.#abort.abort();
    };
    this.#timer = clock.setTimeout(() => {
      this.#timedOut = true;
      this.#abort.abort();
    }, attempt.timeoutMs);
    for (const signal of [closed, attempt.signal]) {
      if (signal?.aborted === true) {
        this.#abort.abort();
      }
      signal?.addEventListener('abort', this.#onAbort, {once: true});
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  stopTimer(): void {
    this.#timer.cancel();
  }

  clear(): void {
    this.#timer.cancel();
    this.#closed.removeEventListener('abort', this.#onAbort);
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
    if (this.#closed.aborted) {
      return new ApiError(`${what}: the client is closed`, {kind: 'Network', status: 0, reason: 'Closed'});
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

/** Code of a network error; of several (an address of each family) the first. */
function networkReason(error: unknown): string {
  if (typeof error !== 'object' || error === null) {
    return 'Unknown';
  }
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return networkReason(error.errors[0]);
  }
  const {code, name} = error as {code?: unknown; name?: unknown};
  return [code, name].find((text) => typeof text === 'string') ?? 'Unknown';
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
