import type {FastifyInstance} from 'fastify';
import fp from 'fastify-plugin';
import {Problem} from '../problems.ts';
import {isWrite} from './methods.ts';

/** Seconds after which a client may try again: planned work takes minutes. */
const RETRY_AFTER = '30';

/** While `readOnly.active`, refuses whatever may change something; reads go on. */
export const refuseWrites = fp(
  (app: FastifyInstance, {readOnly}: {readOnly: {readonly active: boolean}}, done: () => void) => {
    app.addHook('onRequest', (request, _reply, next) => {
      if (!readOnly.active || !isWrite(request.method)) next();
      else next(new Problem('read-only', {headers: {'retry-after': RETRY_AFTER}}));
    });
    done();
  },
  {name: 'refuse-writes'},
);
