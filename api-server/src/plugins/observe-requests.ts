import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import fp from 'fastify-plugin';
import type {RequestLog} from '../logger.ts';
import type {RequestLabels} from '../metrics.ts';
import type {RequestTrace, Tracing} from '../tracing/tracing.ts';

/** Where requests are counted. */
export interface RequestMetrics {
  countRequest(labels: RequestLabels, seconds: number): void;
}

/** The route label of requests that no route matched: their paths are whatever clients make up. */
const UNMATCHED_ROUTE = '<unmatched>';
/** What nginx made customary for "the client left before the answer". */
const CLIENT_CLOSED_REQUEST = 499;
/** Probes aren't service: counted, they would water down the error rate and pass for evidence that a release is good. */
const UNCOUNTED = '/health/';

export interface Observers {
  readonly metrics: RequestMetrics;
  readonly requestLog: RequestLog;
  /** Undefined: nothing is traced. */
  readonly tracing: Tracing | undefined;
}

/** Gives every answer its request id, and counts and logs it when it ended. */
export const observeRequests = fp(
  (app: FastifyInstance, observers: Observers, done: () => void) => {
    const traces = new WeakMap<FastifyRequest, RequestTrace>();
    app.addHook('onRequest', (request, reply, next) => {
      const trace = observeRequest(observers, request, reply);
      if (trace !== undefined) traces.set(request, trace);
      next();
    });
    if (observers.tracing !== undefined) {
      // Not before the body was read: its events don't belong to what was run before them.
      app.addHook('preValidation', (request, _reply, next) => {
        const trace = traces.get(request);
        if (trace === undefined) next();
        else trace.run(next);
      });
    }
    done();
  },
  {name: 'observe-requests'},
);

/**
 * The same for a request that Fastify refuses before its hooks run.
 * @returns its trace, where it has one
 */
export function observeRequest(
  {metrics, requestLog, tracing}: Observers,
  request: FastifyRequest,
  reply: FastifyReply,
): RequestTrace | undefined {
  reply.header('x-request-id', request.id);
  const begin = performance.now();
  const trace = tracing === undefined ? undefined : traceOf(tracing, request);
  let finished = false;
  // Each comes once; `once` itself would cost a wrapper and its removal.
  reply.raw.on('finish', () => (finished = true));
  reply.raw.on('close', () => {
    const route = request.routeOptions.url ?? UNMATCHED_ROUTE;
    if (route.startsWith(UNCOUNTED)) return;
    const milliseconds = performance.now() - begin;
    const status = finished ? reply.statusCode : CLIENT_CLOSED_REQUEST;
    const counted = finished ? (request.countedAs ?? status) : status;
    metrics.countRequest({method: request.method, route, status: counted}, milliseconds / 1000);
    trace?.end({
      route: route === UNMATCHED_ROUTE ? undefined : route,
      status: finished ? status : undefined,
    });
    const principal = request.principal === '' ? undefined : request.principal;
    requestLog.info(
      {
        requestId: request.id,
        method: request.method,
        path: pathOf(request.url),
        route,
        status,
        milliseconds: Math.round(milliseconds),
        principal,
        traceId: trace?.traceId,
      },
      'Request',
    );
  });
  return trace;
}

function traceOf(tracing: Tracing, request: FastifyRequest): RequestTrace | undefined {
  if (request.routeOptions.url?.startsWith(UNCOUNTED) === true) return undefined;
  const {method, url, protocol: scheme, headers} = request;
  return tracing.request({method, path: pathOf(url), scheme, headers});
}

/** Without the query, which may hold what a client thinks is private, and bounded. */
function pathOf(url: string): string {
  return (url.split('?', 1)[0] ?? '').slice(0, 256);
}
