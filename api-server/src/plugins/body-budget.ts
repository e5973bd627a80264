import type {FastifyInstance, FastifyRequest} from 'fastify';
import fp from 'fastify-plugin';
import {OverloadedError} from '../database/errors.ts';

/** What the bodies of all requests under way may have in bytes: read, parsed and sent to the database, each is there several times. */
const BUDGET = 4 * 2 ** 20;

/**
 * Refuses a request with a body, before that is read, while the bodies of others take all the memory that there is for them:
 * 503 and Retry-After. Two hundred of the largest at once would be more than a pod has.
 */
export const boundBodies = fp(
  (app: FastifyInstance, _options: object, done: () => void) => {
    let taken = 0;
    app.addHook('onRequest', (request, reply, next) => {
      const bytes = bytesOf(request);
      if (bytes === 0) {
        next();
        return;
      }
      if (taken + bytes > BUDGET) {
        next(new OverloadedError(`The bodies of requests under way have ${taken} bytes already`));
        return;
      }
      taken += bytes;
      reply.raw.on('close', () => (taken -= bytes));
      next();
    });
    done();
  },
  {name: 'bound-bodies'},
);

/** Bytes that a body may come to: what its header says, but for one that says nothing or too much, which ends at the limit. */
function bytesOf(request: FastifyRequest): number {
  const {'content-length': length, 'transfer-encoding': encoding} = request.headers;
  if (length === undefined && encoding === undefined) return 0;
  const {bodyLimit} = request.routeOptions;
  return encoding === undefined ? Math.min(Number(length), bodyLimit) : bodyLimit;
}
