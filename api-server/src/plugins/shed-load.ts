import type {FastifyInstance} from 'fastify';
import fp from 'fastify-plugin';
import {OverloadedError} from '../database/errors.ts';

/** Counts requests in and out, and says why one must be refused. */
export interface Admission {
  enter(): string | undefined;
  leave(): void;
}

/**
 * Refuses requests at their head while the process has more to do than it can: 503 and Retry-After for each. Readiness
 * knows nothing of it: a pod that left its Service because of load would put its load on the others.
 */
export const shedLoad = fp(
  (app: FastifyInstance, {admission}: {admission: Admission}, done: () => void) => {
    app.addHook('onRequest', (_request, reply, next) => {
      const refusal = admission.enter();
      if (refusal !== undefined) {
        next(new OverloadedError(refusal));
        return;
      }
      // Comes once; `once` itself would cost a wrapper and its removal.
      reply.raw.on('close', () => admission.leave());
      next();
    });
    done();
  },
  {name: 'shed-load'},
);
