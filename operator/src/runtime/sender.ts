import {delay, elapsedMs, mark, type Clock} from './clock.ts';
import type {Credential, Credentials} from './credentials.ts';
import {ApiError, isApiError, messageOf} from './errors.ts';
import type {Metrics} from './metrics.ts';
import {queryString, type Query} from './paths.ts';
import {errorOfAnswer, headerOf} from './status.ts';
import type {Answer, Attempt, PoolName, StreamAnswer, Transport} from './transport.ts';

/** Options of every request. */
export interface RequestOptions {
  /** Milliseconds for one attempt, from the call to the last byte of the answer; 5,000 unless told. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Called immediately before every attempt is sent; by throwing it keeps the request from being sent (invariant 14). */
  beforeSend?: () => void;
}

/** A request to any path. */
export interface KubeRequest extends RequestOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Query;
  body?: unknown;
  contentType?: string;
  /** `application/json` unless told. */
  accept?: string;
  /** Longer answers are refused; without limit unless told. */
  maxBytes?: number;
  /** Which connections; `requests` unless told. */
  pool?: PoolName;
}

/** What a {@link Sender} is made of. */
export interface SenderOptions {
  credentials: Credentials;
  transport: Transport;
  clock: Clock;
  metrics: Metrics | undefined;
  userAgent: string;
  timeoutMs: number;
}

/** Retry-After is honoured within these bounds; beyond them the caller gets the error and its retryAfterSeconds. */
const MAX_RETRIES = 3;
const MAX_RETRY_AFTER_MS = 5_000;

/** Codes of a connection that broke, as opposed to one that never came about. */
const BROKEN_CONNECTION = new Set(['ECONNRESET', 'EPIPE']);

type Send<A> = (credential: Credential, attempt: Attempt) => Promise<A>;

/** Sends requests: adds credentials, sends again what may and should be, and counts. */
export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /**
   * The answer, whatever its status. Sent again, a bounded number of times and counted in
   * `rest_client_request_retries_total`: what the server refused with 429 or 503 and Retry-After, and a read whose
   * connection broke (an idle connection may be closed at the very moment it is used; a write might then be done twice).
   * @throws ApiError of kind Timeout or Network
   */
  async send(request: KubeRequest): Promise<Answer> {
    const {clock, metrics, transport} = this.#options;
    for (let retries = 0; ; retries++) {
      const outcome = await this.#attempt(request, (credential, attempt) =>
        transport.request(credential, attempt, request.maxBytes),
      ).catch(networkError);
      const again = retries < MAX_RETRIES ? retryOf(request, outcome, retries) : undefined;
      if (again === undefined || request.signal?.aborted === true) {
        return unwrap(outcome);
      }
      metrics?.requestRetries.inc({code: again.code, verb: request.method, host: await this.#host()});
      await delay(clock, again.afterMs, request.signal);
    }
  }

  /** The answer with its body still coming; never sent again. @throws ApiError of kind Timeout or Network */
  stream(request: KubeRequest): Promise<StreamAnswer> {
    return this.#attempt(request, (credential, attempt) => this.#options.transport.stream(credential, attempt));
  }

  /** One attempt, and a second one when the server refused the credentials and others are there by now. */
  async #attempt<A extends Answer | StreamAnswer>(request: KubeRequest, send: Send<A>): Promise<A> {
    const credential = await this.#credential(request);
    const first = await this.#once(request, credential, send);
    if (first.status !== 401) {
      return first;
    }
    this.#options.credentials.refused(credential);
    const fresh = await this.#credential(request);
    return sameIdentity(credential, fresh) ? first : this.#once(request, fresh, send);
  }

  async #once<A extends {status: number}>(request: KubeRequest, credential: Credential, send: Send<A>): Promise<A> {
    const {clock, metrics, timeoutMs} = this.#options;
    const labels = {method: request.method, host: credential.server.host};
    const started = mark(clock);
    request.beforeSend?.();
    let code = '<error>';
    try {
      const answer = await send(credential, {
        method: request.method,
        path: `${request.path}${queryString(request.query)}`,
        headers: this.#headers(request),
        body: request.body === undefined ? undefined : JSON.stringify(request.body),
        timeoutMs: request.timeoutMs ?? timeoutMs,
        signal: request.signal,
        ...(request.pool !== undefined && {pool: request.pool}),
      });
      code = String(answer.status);
      return answer;
    } finally {
      metrics?.requests.inc({...labels, code});
      metrics?.requestSeconds.observe({verb: request.method, host: labels.host}, elapsedMs(clock, started) / 1000);
    }
  }

  async #credential(request: KubeRequest): Promise<Credential> {
    try {
      return await this.#options.credentials.get();
    } catch (error) {
      const message = `${request.method} ${request.path}: no credentials: ${messageOf(error)}`;
      throw new ApiError(message, {kind: 'Network', status: 0, reason: 'NoCredentials', cause: error});
    }
  }

  async #host(): Promise<string> {
    return (await this.#options.credentials.get()).server.host;
  }

  #headers(request: KubeRequest): Record<string, string> {
    return {
      accept: request.accept ?? 'application/json',
      'user-agent': this.#options.userAgent,
      ...(request.body !== undefined && {'content-type': request.contentType ?? 'application/json'}),
    };
  }
}

function networkError(error: unknown): ApiError {
  if (isApiError(error, 'Network')) {
    return error;
  }
  throw error;
}

function unwrap(outcome: Answer | ApiError): Answer {
  if (outcome instanceof ApiError) {
    throw outcome;
  }
  return outcome;
}

/** Whether and after how long to send again, or undefined. */
function retryOf(
  request: KubeRequest,
  outcome: Answer | ApiError,
  retries: number,
): {afterMs: number; code: string} | undefined {
  if (outcome instanceof ApiError) {
    const again = request.method === 'GET' && retries === 0 && BROKEN_CONNECTION.has(outcome.reason);
    return again ? {afterMs: 0, code: outcome.reason} : undefined;
  }
  // Only these two say that nothing was done.
  if (outcome.status !== 429 && outcome.status !== 503) {
    return undefined;
  }
  if (headerOf(outcome, 'retry-after') === undefined) {
    return undefined;
  }
  const afterMs = (errorOfAnswer(request, outcome).retryAfterSeconds ?? Infinity) * 1000;
  return afterMs <= MAX_RETRY_AFTER_MS ? {afterMs, code: String(outcome.status)} : undefined;
}

function sameIdentity(one: Credential, other: Credential): boolean {
  return one.fingerprint === other.fingerprint && JSON.stringify(one.headers) === JSON.stringify(other.headers);
}
