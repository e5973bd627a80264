import type {Clock} from './clock.ts';
import type {Logger} from './logger.ts';
import type {Metrics} from './metrics.ts';
import type {Outcome} from './outcome.ts';
import type {WorkQueue} from './work-queue.ts';

export interface ReconcileContext {
  /** Aborted when the controller stops. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

export type Reconcile = (key: string, context: ReconcileContext) => Promise<Outcome>;

export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  /** How many keys at once. */
  workers: number;
  reconcile: Reconcile;
  /** False while a cache hasn't seen the key's own last writes; the reconcile is put off until it has. */
  fresh?: (key: string) => boolean;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
}

export declare class Controller {
  constructor(options: ControllerOptions);
  start(): void;
  /** Takes no new keys, waits for the ones under way. */
  stop(): Promise<void>;
}
