import type {FastifyInstance} from 'fastify';
import {allowOnly} from './problem-details.ts';

/** What decides whether this pod should get traffic. */
export interface HealthSources {
  /** Whether the database answered lately. */
  readonly readiness: {readonly ready: boolean};
  /** Whether the process has been told to end. */
  readonly drain: {readonly draining: boolean};
}

/** `/health/live` tells of the process only; `/health/ready` of the database and of the drain, never of load. */
export function healthRoutes(app: FastifyInstance, {readiness, drain}: HealthSources, done: () => void): void {
  for (const url of ['/health/live', '/health/ready']) allowOnly(app, url, ['GET', 'HEAD']);
  app.get('/health/live', () => ({status: 'live'}));
  app.get('/health/ready', (_request, reply) => {
    if (drain.draining) return reply.code(503).send({status: 'draining'});
    if (!readiness.ready) return reply.code(503).send({status: 'database-unavailable'});
    return reply.send({status: 'ready'});
  });
  done();
}
