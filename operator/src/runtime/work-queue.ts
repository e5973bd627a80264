import type {Clock} from './clock.ts';
import type {Metrics} from './metrics.ts';

export interface WorkQueueOptions {
  /** Name in the metrics. */
  name: string;
  clock: Clock;
  metrics?: Metrics;
  /** Delay after the first failure; 5 ms unless told. */
  baseDelayMs?: number;
  /** Largest delay; 1,000 s unless told. */
  maxDelayMs?: number;
}

export declare class WorkQueue {
  constructor(options: WorkQueueOptions);
  add(key: string): void;
  addAfter(key: string, afterMs: number): void;
  addRateLimited(key: string): void;
  forget(key: string): void;
  failures(key: string): number;
  /** The next key, or undefined once the queue is shut down and drained. */
  get(): Promise<string | undefined>;
  done(key: string): void;
  readonly length: number;
  shutDown(): void;
}
