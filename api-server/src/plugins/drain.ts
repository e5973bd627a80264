import type {FastifyInstance} from 'fastify';
import fp from 'fastify-plugin';

/** Set once, when the process is told to end. */
export class DrainState {
  draining = false;
}

/** While draining, asks each client to open its next connection elsewhere: kept-alive ones outlast the Service's endpoints. */
export const drainConnections = fp(
  (app: FastifyInstance, {drain}: {drain: DrainState}, done: () => void) => {
    app.addHook('onSend', (_request, reply, _payload, next) => {
      if (drain.draining) reply.header('connection', 'close');
      next();
    });
    done();
  },
  {name: 'drain-connections'},
);
