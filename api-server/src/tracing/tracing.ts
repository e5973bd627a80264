import type {TracingConfig} from '../config.ts';

/** A request as the API met it, before it was answered. */
export interface TracedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly scheme: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** How a request ended. */
export interface TracedAnswer {
  /** The template; undefined: no route matched. */
  readonly route: string | undefined;
  /** Undefined: the client left before its answer. */
  readonly status: number | undefined;
}

/** The span of a request. */
export interface RequestTrace {
  readonly traceId: string;
  /** Runs work so that its statements are this request's. */
  run(work: () => void): void;
  end(answer: TracedAnswer): void;
}

/** Where requests and their statements are told. Nothing of it throws or waits. */
export interface Tracing {
  request(request: TracedRequest): RequestTrace;
  /** Begins a statement of the request that runs; gives what ends it, or undefined outside of a request. */
  statement(name: string): ((error: unknown) => void) | undefined;
  /** Exports what is left, in bounded time. */
  stop(): Promise<void>;
}

/** What tracing needs of the process. */
export interface TracingOptions {
  readonly config: TracingConfig;
  readonly version: string;
  readonly warn: (fields: object, message: string) => void;
}
