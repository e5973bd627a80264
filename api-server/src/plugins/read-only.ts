import type {FastifyInstance} from 'fastify';
import fp from 'fastify-plugin';
import {Problem} from '../problems.ts';
import {isWrite} from './methods.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The status by which metrics count it, where that isn't the answer's. */
    countedAs: number | undefined;
  }
}

/** Locked: refused because somebody asked for it, which says nothing about the service (docs/reference/image-contract.md). */
const COUNTED_AS = 423;
/** Seconds after which a client may try again: planned work takes minutes. */
const RETRY_AFTER = '30';

/** While `readOnly.active`, refuses whatever may change something; reads go on. */
export const refuseWrites = fp(
  (app: FastifyInstance, {readOnly}: {readOnly: {readonly active: boolean}}, done: () => void) => {
    app.decorateRequest('countedAs', undefined);
    app.addHook('onRequest', (request, _reply, next) => {
      if (!readOnly.active || !isWrite(request.method)) {
        next();
        return;
      }
      request.countedAs = COUNTED_AS;
      next(new Problem('read-only', {headers: {'retry-after': RETRY_AFTER}}));
    });
    done();
  },
  {name: 'refuse-writes'},
);
