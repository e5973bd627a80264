import type {FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods} from 'fastify';
import fp from 'fastify-plugin';
import {DatabaseUnavailableError, messageOf, OverloadedError} from '../database/errors.ts';
import {Problem, PROBLEM_MEDIA_TYPE, type FieldError, type ProblemCode} from '../problems.ts';

/** Fastify's own errors that clients can cause, by their code. */
const FASTIFY_ERRORS: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_BAD_URL: 'invalid-request',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-body',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed-body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-body',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_MAX_PARAM_LENGTH: 'path-too-long',
};

/** Seconds after which a client may try again: load passes quickly, a database restart takes longer. */
const RETRY_AFTER_LOAD = '1';
const RETRY_AFTER_OUTAGE = '5';
const MAX_POINTER = 100;

/** Answers every error, and every path that doesn't exist, with a problem (RFC 9457). */
export const problemDetails = fp(
  (app: FastifyInstance, _options: object, done: () => void) => {
    app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
    app.setNotFoundHandler((request, reply) => sendProblem(new Problem('route-not-found'), request, reply));
    done();
  },
  {name: 'problem-details'},
);

/** Sends the problem that an error stands for, and logs it if it is the service's fault. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = isAborted(error, request) ? new Problem('malformed-body', {cause: error}) : toProblem(error);
  logFault(problem, request);
  // With a serializer of its own, since Fastify would add a charset to the media type, which one of JSON doesn't have.
  return reply
    .code(problem.status)
    .headers({...problem.headers})
    .type(PROBLEM_MEDIA_TYPE)
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(problem.toDocument(request.id));
}

/** Whether only a part of the body came, for the client left. The answer goes nowhere, and it is no fault of ours. */
function isAborted(error: unknown, {raw}: FastifyRequest): boolean {
  return raw.readableAborted && error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
}

/** Without a stack where the cause is the database's state: under overload that many would be a load of their own. */
function logFault({status, code, cause, message}: Problem, request: FastifyRequest): void {
  if (status === 503) request.log.warn({code, reason: messageOf(cause ?? message)}, 'Request refused');
  else if (status >= 500) request.log.error({err: cause, code}, 'Request failed');
}

/** The problem that an error stands for; what isn't known is `internal`, and its text stays inside. */
function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof OverloadedError) {
    return new Problem('overloaded', {cause: error, headers: {'retry-after': RETRY_AFTER_LOAD}});
  }
  if (error instanceof DatabaseUnavailableError) {
    return new Problem('database-unavailable', {cause: error, headers: {'retry-after': RETRY_AFTER_OUTAGE}});
  }
  return fastifyProblem(error) ?? new Problem('internal', {cause: error});
}

/**
 * Makes a path refuse, with 405 and `Allow`, the methods that it doesn't take. The check comes before the body is read, so
 * that a wrong method isn't answered as a wrong body.
 */
export function allowOnly(app: FastifyInstance, url: string, allowed: readonly HTTPMethods[]): void {
  const refuse = (): never => {
    throw new Problem('method-not-allowed', {headers: {allow: allowed.join(', ')}});
  };
  const method = app.supportedMethods.filter((candidate) => !allowed.includes(candidate));
  app.route({method, url, onRequest: refuse, handler: refuse});
}

function fastifyProblem(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const {validation, validationContext, code, statusCode} = error as Partial<FastifyError>;
  if (validation !== undefined) {
    const where = validationContext ?? 'request';
    return new Problem('invalid-request', {
      detail: `The ${where === 'querystring' ? 'query' : where} does not match what this path takes.`,
      errors: validation.map(fieldError),
    });
  }
  const known = code === undefined ? undefined : FASTIFY_ERRORS[code];
  if (known !== undefined) return new Problem(known);
  // A JSON body that tries to set a prototype has no code of its own.
  return error instanceof SyntaxError && statusCode === 400 ? new Problem('malformed-body') : undefined;
}

type ValidationError = NonNullable<FastifyError['validation']>[number] & {parentSchema?: {description?: string}};

function fieldError({instancePath, keyword, message, params, parentSchema}: ValidationError): FieldError {
  const extra = params.additionalProperty;
  const missing = params.missingProperty;
  if (typeof extra === 'string') {
    return {pointer: `${instancePath}/${escapePointer(extra)}`.slice(0, MAX_POINTER), message: 'is not a known field'};
  }
  if (typeof missing === 'string')
    return {pointer: `${instancePath}/${escapePointer(missing)}`, message: 'is required'};
  const text = keyword === 'pattern' ? (parentSchema?.description ?? message) : message;
  return {pointer: instancePath, message: text ?? 'is not valid'};
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
