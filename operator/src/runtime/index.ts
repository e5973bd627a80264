/** The controller runtime: what client-node lacks and an operator needs. Knows nothing of any custom resource. */
export * from './applier.ts';
export * from './client.ts';
export * from './clock.ts';
export * from './controller.ts';
export * from './errors.ts';
export * from './event-recorder.ts';
export * from './health-server.ts';
export * from './leader-elector.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './outcome.ts';
export * from './owned-fields.ts';
export * from './reflector.ts';
export * from './store.ts';
export * from './types.ts';
export * from './work-queue.ts';
