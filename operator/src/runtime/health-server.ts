import type {Logger} from './logger.ts';
import type {Metrics} from './metrics.ts';

/** A named check: returns undefined when all is well, else what is wrong. */
export type HealthCheck = () => string | undefined;

export interface HealthServerOptions {
  host: string;
  /** 0 = any free port. */
  port: number;
  metrics: Metrics;
  live: Readonly<Record<string, HealthCheck>>;
  ready: Readonly<Record<string, HealthCheck>>;
  logger: Logger;
}

export declare class HealthServer {
  constructor(options: HealthServerOptions);
  /** Resolves with the port once listening. */
  start(): Promise<number>;
  stop(): Promise<void>;
}
