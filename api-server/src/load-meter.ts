export interface LoadMeterOptions {
  /** Milliseconds that the event loop may be behind; 0: any. */
  readonly maxDelayMs: number;
  /** Requests that may be under way at once. */
  readonly maxInFlight: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
}

/** How often the event loop's delay is looked at, in milliseconds. */
const TICK_MS = 100;

/**
 * Says when this process has more to do than it can.
 *
 * The delay of the event loop counts only when it was found too long twice in a row: one pause, as of a node that stops
 * for a moment, is over when it is noticed, and what waited is better answered late than not at all. It is back as soon as
 * one look is on time.
 */
export class LoadMeter {
  readonly #options: LoadMeterOptions;
  #due = 0;
  #late = 0;
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoadMeterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Counts a request in, or says why it must be refused; one that came in must be counted out by `leave`. */
  enter(): string | undefined {
    const {maxDelayMs, maxInFlight} = this.#options;
    if (this.#inFlight >= maxInFlight) return `${maxInFlight} requests are under way already`;
    if (this.#late > 1) return `The event loop is more than ${maxDelayMs} ms behind`;
    this.#inFlight++;
    return undefined;
  }

  leave(): void {
    this.#inFlight--;
  }

  /** One look at the clock; `start` sees to it. */
  tick(): void {
    const {maxDelayMs, clock} = this.#options;
    const delay = clock() - this.#due;
    this.#late = maxDelayMs > 0 && delay > maxDelayMs ? this.#late + 1 : 0;
  }

  #schedule(): void {
    this.#due = this.#options.clock() + TICK_MS;
    this.#timer = setTimeout(() => {
      this.tick();
      this.#schedule();
    }, TICK_MS).unref();
  }
}
