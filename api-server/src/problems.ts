/**
 * Every problem that the service answers with (RFC 9457). The code is the last part of the problem's `type` and a
 * promise to clients: a new problem gets a new code, and a code never changes its status.
 */
const PROBLEMS = {
  'invalid-request': {status: 400, title: 'The request is not valid'},
  'malformed-body': {status: 400, title: 'The body is not valid JSON'},
  'invalid-cursor': {status: 400, title: 'The cursor was not made by this service'},
  'cursor-mismatch': {status: 400, title: 'The cursor belongs to a list with other filters or another order'},
  'invalid-idempotency-key': {status: 400, title: 'The Idempotency-Key is not valid'},
  'invalid-if-match': {status: 400, title: 'The If-Match header is not valid'},
  unauthorized: {status: 401, title: 'A valid bearer token is needed'},
  'insufficient-scope': {status: 403, title: 'The token does not allow this'},
  'route-not-found': {status: 404, title: 'There is nothing at this path'},
  'task-not-found': {status: 404, title: 'There is no such task'},
  'method-not-allowed': {status: 405, title: 'This path does not take this method'},
  'request-timeout': {status: 408, title: 'The request took too long to arrive'},
  'transition-refused': {status: 409, title: 'The task can not go from its status to this one'},
  'precondition-failed': {status: 412, title: 'The task is not at the version that If-Match names'},
  'body-too-large': {status: 413, title: 'The body is too large'},
  'path-too-long': {status: 414, title: 'The path is too long'},
  'unsupported-media-type': {status: 415, title: 'The body must be application/json'},
  'idempotency-key-reused': {status: 422, title: 'The Idempotency-Key was used for another request'},
  'recurrence-refused': {status: 422, title: 'The recurrence can not be followed'},
  'rate-limited': {status: 429, title: 'The token has made too many requests'},
  'headers-too-large': {status: 431, title: 'The headers are too large'},
  internal: {status: 500, title: 'The service failed'},
  overloaded: {status: 503, title: 'The service has more requests than it can take'},
  'read-only': {status: 503, title: 'The service takes no changes for the moment'},
  'database-unavailable': {status: 503, title: 'The database does not answer'},
} as const satisfies Record<string, {status: number; title: string}>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS) as readonly ProblemCode[];

/** The status and title that a code stands for. */
export function describeProblem(code: ProblemCode): {readonly status: number; readonly title: string} {
  return PROBLEMS[code];
}

/** One field that is wrong: where it is (RFC 6901) and what must be so. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

/** The body of an `application/problem+json` answer. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
  readonly requestId?: string;
  readonly errors?: readonly FieldError[];
  /** transition-refused: the task's status, the one asked for, and those that may follow. */
  readonly from?: string;
  readonly to?: string;
  readonly allowed?: readonly string[];
}

/** What a problem of one code says besides what all say. */
type Extension = Pick<ProblemDocument, 'from' | 'to' | 'allowed'>;

export interface ProblemOptions {
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly extension?: Extension;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Thrown anywhere below a route to answer with a problem. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly detail: string | undefined;
  readonly errors: readonly FieldError[] | undefined;
  readonly extension: Extension | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(options.detail ?? PROBLEMS[code].title, {cause: options.cause});
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.detail = options.detail;
    this.errors = options.errors;
    this.extension = options.extension;
    this.headers = options.headers ?? {};
  }

  /** The answer's body. `requestId` lets a client name the request when it asks for help. */
  toDocument(requestId?: string): ProblemDocument {
    return {
      type: `urn:maintenance-api:problem:${this.code}`,
      title: PROBLEMS[this.code].title,
      status: this.status,
      code: this.code,
      ...(this.detail === undefined ? {} : {detail: this.detail}),
      ...(requestId === undefined ? {} : {requestId}),
      ...(this.errors === undefined ? {} : {errors: this.errors}),
      ...this.extension,
    };
  }
}
