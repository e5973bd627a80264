/** Kinds of failure of a request to the API server, named by what a caller does about them. */
export type ApiErrorKind =
  | 'NotFound'
  | 'Conflict'
  | 'AlreadyExists'
  | 'Invalid'
  | 'Forbidden'
  | 'Unauthorized'
  | 'Gone'
  | 'TooManyRequests'
  | 'Timeout'
  | 'Unavailable'
  | 'Network'
  | 'Other';

/** The `Status` object by which the API server reports a failure. */
export interface Status {
  kind: 'Status';
  status?: string;
  message?: string;
  reason?: string;
  code?: number;
  details?: {retryAfterSeconds?: number; causes?: {field?: string; reason?: string; message?: string}[]};
}

export interface ApiErrorDetails {
  kind: ApiErrorKind;
  /** HTTP status; 0 when there was no answer. */
  status: number;
  /** Reason from the API server's Status, or the network error's code. */
  reason: string;
  retryAfterSeconds?: number;
  /** Field paths the API server complained about, without values. */
  fields?: readonly string[];
  cause?: unknown;
}

const MAX_MESSAGE = 1024;

/**
 * A request to the API server failed. The message holds at most the API server's own Status message, never the body of
 * another server, and for Secrets not even that (it may quote what was sent).
 */
export class ApiError extends Error {
  readonly kind: ApiErrorKind;
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;
  readonly fields: readonly string[];

  constructor(message: string, details: ApiErrorDetails) {
    super(message.slice(0, MAX_MESSAGE), details.cause === undefined ? undefined : {cause: details.cause});
    this.name = 'ApiError';
    this.kind = details.kind;
    this.status = details.status;
    this.reason = details.reason;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.fields = details.fields ?? [];
  }
}

/** Whether an error is an ApiError of one of the given kinds. */
export function isApiError(error: unknown, ...kinds: readonly ApiErrorKind[]): error is ApiError {
  return error instanceof ApiError && (kinds.length === 0 || kinds.includes(error.kind));
}

/** Kind for an HTTP status and a Status reason; the reason tells a 409's two meanings apart. */
export function errorKind(status: number, reason: string): ApiErrorKind {
  switch (status) {
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Gone';
    case 400:
    case 413:
    case 415:
    case 422:
      return 'Invalid';
    case 429:
      return 'TooManyRequests';
    case 408:
    case 504:
      return 'Timeout';
    case 500:
      // The API server answers 500 with reason ServerTimeout when the store was too slow, 500 otherwise is a fault of its own.
      return reason === 'ServerTimeout' || reason === 'Timeout' ? 'Timeout' : 'Other';
    case 502:
    case 503:
      return 'Unavailable';
    default:
      return 'Other';
  }
}

/** Message of any thrown value, for logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
