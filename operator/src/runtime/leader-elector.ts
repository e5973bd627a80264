import type {KubeClient} from './client.ts';
import type {Clock} from './clock.ts';
import type {Logger} from './logger.ts';
import type {Metrics} from './metrics.ts';

export interface LeaderElectorOptions {
  /** A client of its own, so that no other traffic delays a renewal. */
  client: KubeClient;
  namespace: string;
  name: string;
  /** Unique to this process. */
  identity: string;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
  /** 15,000 unless told. */
  leaseDurationMs?: number;
  /** 10,000 unless told. */
  renewDeadlineMs?: number;
  /** 2,000 unless told. */
  retryPeriodMs?: number;
  onStartedLeading: () => void;
  /** The lease is lost: end the process. Not called by stop(). */
  onLost: (reason: string) => void;
}

/** An action was to be sent with a lease older than allowed; it wasn't sent. */
export declare class LeaseTooOldError extends Error {
  readonly ageMs: number;
}

export declare class LeaderElector {
  constructor(options: LeaderElectorOptions);
  start(): void;
  /** Releases the lease if held. */
  stop(): Promise<void>;
  isLeader(): boolean;
  /** Age of the last successful renewal, from before it was sent; Infinity when not leading. */
  leaseAgeMs(): number;
  /** For {@link RequestOptions.beforeSend}: throws LeaseTooOldError from `maxAgeMs` (10,000 unless told) on. */
  guard(maxAgeMs?: number): () => void;
}
