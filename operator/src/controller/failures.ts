import type {Clock} from '../runtime/index.ts';

const FIRST_MS = 10_000;
const CAP_MS = 120_000;

interface Failed {
  readonly touch: string;
  readonly until: number;
  readonly forMs: number;
}

/**
 * Resources whose reconcile ended in an error that won't pass by itself. Their pods go on being read and watched, and
 * each of those would bring the same error again at once: until a while is over, or the resource was touched, they rest.
 */
export class Failures {
  readonly #clock: Clock;
  readonly #failed = new Map<string, Failed>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds for which a resource rests; 0: it may be reconciled. */
  restMs(key: string, touch: string): number {
    const failed = this.#failed.get(key);
    return failed?.touch === touch ? Math.max(0, failed.until - this.#clock.monotonic()) : 0;
  }

  /** Takes note of a failure: the resource rests, twice as long as after the one before. */
  add(key: string, touch: string): void {
    const before = this.#failed.get(key);
    const forMs = before?.touch === touch ? Math.min(before.forMs * 2, CAP_MS) : FIRST_MS;
    this.#failed.set(key, {touch, until: this.#clock.monotonic() + forMs, forMs});
  }

  forget(key: string): void {
    this.#failed.delete(key);
  }
}
