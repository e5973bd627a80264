import {readFile} from 'node:fs/promises';
import {request as requestHttp, type IncomingMessage} from 'node:http';
import {request as requestHttps} from 'node:https';

/** A Prometheus server, or what answers like one, that the platform team named in the operator's configuration. */
export interface PrometheusServer {
  /** By which a spec refers to it. */
  readonly name: string;
  /** http or https, without a query; `/api/v1/query` is added to it. */
  readonly url: string;
  /** PEM of the authorities that sign its certificate; left out: the system's. */
  readonly caFile?: string | undefined;
  /** Holds the bearer token; read at every question, for it may be renewed. */
  readonly bearerTokenFile?: string | undefined;
}

/** A question to Prometheus failed. Its message never holds what the server said (invariant 12). */
export class PrometheusError extends Error {
  override readonly name = 'PrometheusError';
  /** The question may be too large: parts of it can be asked for. */
  readonly divisible: boolean;

  constructor(message: string, divisible: boolean, options?: ErrorOptions) {
    super(message, options);
    this.divisible = divisible;
  }
}

/**
 * Asks an instant query.
 *
 * @returns the body of an answer with status 200
 * @throws PrometheusError in every other case, also when there is no answer in time
 */
export type AskPrometheus = (server: PrometheusServer, query: string, timeoutMs: number) => Promise<string>;

/** About 10,000 pods; an answer is parsed as a whole. */
const MAX_ANSWER_BYTES = 16_000_000;
/** Prometheus ends a query on its own before we hang up, so that it isn't left working for nobody. */
const SERVER_SIDE_SHARE = 0.8;
/** A query that can't be executed: too many samples. And one that takes too long, or a server that is stopping. */
const DIVISIBLE = new Set([422, 503]);

/** Asks over HTTP. Redirects aren't followed: the platform team named where the question goes. */
export const askPrometheus: AskPrometheus = async (server, query, timeoutMs) => {
  const [ca, token] = await Promise.all([textOf(server.caFile), textOf(server.bearerTokenFile)]);
  const url = new URL(`${server.url.replace(/\/+$/, '')}/api/v1/query`);
  const form = new URLSearchParams({query, timeout: `${Math.round(timeoutMs * SERVER_SIDE_SHARE)}ms`}).toString();
  const signal = AbortSignal.timeout(timeoutMs);
  const options = {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(form),
      accept: 'application/json',
      ...(token !== undefined && {authorization: `Bearer ${token.trim()}`}),
    },
    // A connection for each question: one that is kept may be closed in the very moment in which it is used.
    agent: false as const,
    signal,
    ...(ca !== undefined && {ca}),
  };
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, resolve);
      request.once('error', reject).end(form);
    });
    try {
      return await bodyOf(answer);
    } finally {
      answer.destroy();
    }
  } catch (error) {
    if (error instanceof PrometheusError) throw error;
    if (signal.aborted) throw new PrometheusError(`it did not answer within ${timeoutMs / 1000} s`, true);
    throw new PrometheusError(`it can not be reached (${codeOf(error)})`, false, {cause: error});
  }
};

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const {statusCode = 0} = answer;
  if (statusCode !== 200) {
    throw new PrometheusError(`it answered with status ${String(statusCode)}`, DIVISIBLE.has(statusCode));
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new PrometheusError('its answer is too large', true);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * What a file holds; undefined for none.
 *
 * @throws PrometheusError when it can't be read
 */
async function textOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new PrometheusError(`${file} can not be read (${codeOf(error)})`, false, {cause: error});
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'for an unknown reason';
}
