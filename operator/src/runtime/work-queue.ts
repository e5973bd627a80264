import type {Clock, TimerHandle} from './clock.ts';
import type {Metrics} from './metrics.ts';

/** Options of a queue. */
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

interface Delayed {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly timer: TimerHandle;
}

/**
 * A queue of keys with the semantics of client-go's workqueue: a key that waits is there once however often it is added;
 * a key that is being worked on is never handed out a second time, but comes again when it was added meanwhile; first
 * in, first out, so that no key starves another; failures back off for each key alone.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #metrics: Metrics | undefined;
  readonly #labels: {name: string; controller: string};
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  /** Keys to hand out, with the monotonic time of their arrival; a Map keeps insertion order. */
  readonly #waiting = new Map<string, number>();
  /** Keys handed out, with the monotonic time of that. */
  readonly #processing = new Map<string, number>();
  /** Keys added while they were being worked on. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #getters: ((key: string | undefined) => void)[] = [];
  #shutDown = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#labels = {name: options.name, controller: options.name};
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 1_000_000;
    this.#metrics?.watchQueue({
      name: options.name,
      depth: () => this.length,
      unfinishedSeconds: () => this.#running().reduce((sum, seconds) => sum + seconds, 0),
      longestRunningSeconds: () => Math.max(0, ...this.#running()),
    });
  }

  /** How many keys wait to be handed out, those with a delay not counted. */
  get length(): number {
    return this.#waiting.size;
  }

  /** How often a key failed in a row. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  add(key: string): void {
    if (this.#shutDown || this.#waiting.has(key) || this.#again.has(key)) {
      return;
    }
    this.#metrics?.queueAdds.inc(this.#labels);
    if (this.#processing.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#enqueue(key);
  }

  /** Adds a key later. Of several delays of one key the earliest counts. */
  addAfter(key: string, afterMs: number): void {
    if (this.#shutDown) {
      return;
    }
    if (afterMs <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + afterMs;
    const existing = this.#delayed.get(key);
    if (existing !== undefined) {
      if (existing.at <= at) {
        return;
      }
      existing.timer.cancel();
    }
    const timer = this.#clock.setTimeout(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, afterMs);
    this.#delayed.set(key, {at, timer});
  }

  /** Adds a key after its own backoff: base × 2^(failures so far), at most the cap, but at least `atLeastMs`. */
  addRateLimited(key: string, atLeastMs = 0): void {
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    this.#metrics?.queueRetries.inc(this.#labels);
    this.addAfter(key, Math.max(atLeastMs, Math.min(this.#baseDelayMs * 2 ** failures, this.#maxDelayMs)));
  }

  /** Ends the backoff of a key. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key; waits for one. Undefined once the queue is shut down and empty. Every key must be given back by done(). */
  get(): Promise<string | undefined> {
    const next = this.#waiting.keys().next();
    if (next.done !== true) {
      this.#handOut(next.value);
      return Promise.resolve(next.value);
    }
    if (this.#shutDown) {
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => this.#getters.push(resolve));
  }

  /** Says that the work on a key ended, however it ended. */
  done(key: string): void {
    const since = this.#processing.get(key);
    if (since === undefined) {
      return;
    }
    this.#processing.delete(key);
    this.#metrics?.workSeconds.observe(this.#labels, this.#secondsSince(since));
    if (this.#again.delete(key)) {
      this.#enqueue(key);
    }
  }

  /** Takes no more keys and forgets the delayed ones; what waits is still handed out. */
  shutDown(): void {
    this.#shutDown = true;
    for (const {timer} of this.#delayed.values()) {
      timer.cancel();
    }
    this.#delayed.clear();
    for (const resolve of this.#getters.splice(0)) {
      resolve(undefined);
    }
  }

  #enqueue(key: string): void {
    this.#waiting.set(key, this.#clock.monotonic());
    const getter = this.#getters.shift();
    if (getter !== undefined) {
      this.#handOut(key);
      getter(key);
    }
  }

  #handOut(key: string): void {
    const since = this.#waiting.get(key);
    this.#waiting.delete(key);
    this.#processing.set(key, this.#clock.monotonic());
    if (since !== undefined) {
      this.#metrics?.queueSeconds.observe(this.#labels, this.#secondsSince(since));
    }
  }

  #running(): number[] {
    return Array.from(this.#processing.values(), (since) => this.#secondsSince(since));
  }

  #secondsSince(monotonic: number): number {
    return (this.#clock.monotonic() - monotonic) / 1000;
  }
}
