import {randomUUID} from 'node:crypto';
import type {IncomingMessage} from 'node:http';
import fastify, {LogController, type FastifyBaseLogger, type FastifyInstance} from 'fastify';
import type {RequestLog} from './logger.ts';
import {openApiRoutes} from './openapi/routes.ts';
import {bearerAuth} from './plugins/auth.ts';
import {boundBodies} from './plugins/body-budget.ts';
import {answerBrokenRequest} from './plugins/broken-requests.ts';
import {drainConnections, type DrainState} from './plugins/drain.ts';
import {healthRoutes} from './plugins/health.ts';
import {observeRequest, observeRequests, type RequestMetrics} from './plugins/observe-requests.ts';
import {problemDetails, sendProblem} from './plugins/problem-details.ts';
import {rateLimit, type RateLimit} from './plugins/rate-limit.ts';
import {refuseWrites} from './plugins/read-only.ts';
import {shedLoad, type Admission} from './plugins/shed-load.ts';
import {withLateChildren} from './request-logger.ts';
import type {TaskRepository} from './tasks/repository.ts';
import {taskRoutes} from './tasks/routes.ts';
import type {TokenVerifier} from './tokens/store.ts';
import type {Tracing} from './tracing/tracing.ts';

const MAX_BODY_BYTES = 64 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Without a byte in either direction while a request is under way: a client that doesn't read its answer would keep its place. */
const STALLED_TIMEOUT_MS = 30_000;
/** Longer than the 60 s after which common proxies drop an idle connection: the side that reuses must be first to close. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const CONNECTIONS_CHECK_MS = 5000;

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** What the API stands on. The process makes the real ones, a test may make its own. */
export interface AppDependencies {
  readonly tasks: TaskRepository;
  readonly tokens: TokenVerifier;
  readonly metrics: RequestMetrics;
  readonly readiness: {readonly ready: boolean};
  readonly drain: DrainState;
  readonly admission: Admission;
  readonly limit: RateLimit;
  readonly readOnly: {readonly active: boolean};
  readonly logger: FastifyBaseLogger;
  readonly requestLog: RequestLog;
  /** Undefined: nothing is traced. */
  readonly tracing: Tracing | undefined;
  readonly now: () => Date;
  /** Of the release, for the API's description. */
  readonly version: string;
}

/** Builds the API without a port or a database of its own: listen on it, or `inject` requests. */
export function buildApp(dependencies: AppDependencies): FastifyInstance {
  const {tasks, tokens, metrics, readiness, drain, logger, requestLog, tracing, now, version} = dependencies;
  const {admission, limit, readOnly} = dependencies;
  const app = fastify({
    loggerInstance: withLateChildren(logger),
    logController: new LogController({disableRequestLogging: true, requestIdLogLabel: 'requestId'}),
    requestIdHeader: false,
    genReqId: requestId,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: STALLED_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: {headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CONNECTIONS_CHECK_MS},
    // What arrives on a kept-alive connection after the port was closed is still answered, and the connection then ends.
    return503OnClosing: false,
    // The engine's own: half the cost of a serializer made of the schema, whose text comes in as many pieces as it has
    // values. What is answered is what the routes' types say, which are of the same schema.
    schemaController: {compilersFactory: {buildSerializer: () => () => (answer: unknown) => JSON.stringify(answer)}},
    ajv: {
      customOptions: {
        allErrors: true,
        allowUnionTypes: true,
        coerceTypes: false,
        removeAdditional: false,
        verbose: true,
      },
    },
    clientErrorHandler: (error, socket) => answerBrokenRequest(metrics, error, socket),
    frameworkErrors: (error, request, reply) => {
      observeRequest({metrics, requestLog, tracing}, request, reply);
      sendProblem(error, request, reply);
    },
  });
  // Fastify would take plain text for a body too, and then find that it isn't an object.
  app.removeContentTypeParser('text/plain');
  void app.register(problemDetails);
  void app.register(observeRequests, {metrics, requestLog, tracing});
  void app.register(drainConnections, {drain});
  void app.register(healthRoutes, {readiness, drain});
  void app.register(openApiRoutes, {prefix: '/api/v1', version});
  void app.register(
    (api, _options, done) => {
      // In this order: a request that is too much costs least when nothing of it was looked at.
      void api.register(shedLoad, {admission});
      void api.register(bearerAuth, {tokens});
      void api.register(rateLimit, {limit});
      void api.register(refuseWrites, {readOnly});
      void api.register(boundBodies);
      void api.register(taskRoutes, {tasks, now});
      done();
    },
    {prefix: '/api/v1'},
  );
  return app;
}

/** The client's own request id where it is harmless in logs and headers, else a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
