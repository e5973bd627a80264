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

/** Facts of an {@link ApiError}. */
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

const KIND_BY_STATUS: Readonly<Partial<Record<number, ApiErrorKind>>> = {
  400: 'Invalid',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  408: 'Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Invalid',
  415: 'Invalid',
  422: 'Invalid',
  429: 'TooManyRequests',
  502: 'Unavailable',
  503: 'Unavailable',
  504: 'Timeout',
};

/** Kind for an HTTP status and a Status reason; the reason tells apart what shares a status. */
export function errorKind(status: number, reason: string): ApiErrorKind {
  if (reason === 'AlreadyExists') {
    return 'AlreadyExists';
  }
  // The API server answers 500 with this reason when its store was too slow: the write may have been done.
  if (reason === 'ServerTimeout' || reason === 'Timeout') {
    return 'Timeout';
  }
  return KIND_BY_STATUS[status] ?? 'Other';
}

/** Message of any thrown value, for logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
