import {ApiError, errorKind, type Status} from './errors.ts';
import type {Answer} from './transport.ts';

/** First value of a header, by its lower-case name. */
export function headerOf(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The Status object in an answer's body, if that is what it is. */
function statusOf(body: Buffer): Status | undefined {
  try {
    return asStatus(JSON.parse(body.toString('utf8')));
  } catch {
    // Not JSON: not the API server's words (a load balancer's page, say), and so not to be quoted.
    return undefined;
  }
}

/** The value as a Status, if it is one. */
export function asStatus(value: unknown): Status | undefined {
  const isStatus = typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
  return isStatus ? (value as Status) : undefined;
}

/** What the error messages say of the request, and whether the server's own message may be repeated. */
export interface FailedRequest {
  method: string;
  path: string;
}

/** The error for an answer that isn't a success. */
export function errorOfAnswer(request: FailedRequest, answer: Pick<Answer, 'status' | 'headers' | 'body'>): ApiError {
  const retryAfter = Number(headerOf(answer, 'retry-after'));
  return errorOfStatus(request, statusOf(answer.body), {
    status: answer.status,
    ...(Number.isFinite(retryAfter) && retryAfter >= 0 && {retryAfterSeconds: retryAfter}),
  });
}

/**
 * The error for a Status. For Secrets the server's message is left out, since it may quote what was sent, and for pod
 * proxies everything but the reason, since the pod may have forged it.
 */
export function errorOfStatus(
  request: FailedRequest,
  status: Status | undefined,
  answer: {status: number; retryAfterSeconds?: number},
): ApiError {
  const reason = identifier(status?.reason);
  const proxied = /\/proxy(\/|$)/.test(request.path);
  const quotable = !proxied && !/\/secrets(\/|$)/.test(request.path);
  const text = quotable ? (status?.message ?? reason) : reason;
  const retryAfterSeconds = answer.retryAfterSeconds ?? status?.details?.retryAfterSeconds;
  return new ApiError(`${request.method} ${request.path}: ${`${answer.status} ${text}`.trimEnd()}`, {
    kind: errorKind(answer.status, reason),
    status: answer.status,
    reason,
    fields: proxied ? [] : fieldsOf(status),
    ...(retryAfterSeconds !== undefined && {retryAfterSeconds}),
  });
}

/** The reason, if it is one word as the API server's are. */
function identifier(reason: string | undefined): string {
  return reason !== undefined && /^[A-Za-z]{1,64}$/.test(reason) ? reason : '';
}

function fieldsOf(status: Status | undefined): string[] {
  return (status?.details?.causes ?? []).flatMap((cause) => cause.field ?? []);
}
