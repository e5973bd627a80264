import type {Clock, TimerHandle} from '../clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that moves only when a test says so. Both clocks start at given values and move together unless told apart. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(wallMs = 1_700_000_000_000, monotonicMs = 0) {
    this.#wall = wallMs;
    this.#monotonic = monotonicMs;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    const timer: Timer = {at: this.#monotonic + Math.max(ms, 0), order: this.#order++, callback};
    this.#timers.add(timer);
    return {cancel: () => void this.#timers.delete(timer)};
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer, or undefined without one. */
  get next(): number | undefined {
    const timer = this.#earliest();
    return timer === undefined ? undefined : timer.at - this.#monotonic;
  }

  /** Moves both clocks on and fires what falls due, in order, also what the callbacks set. Promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let timer = this.#earliest(); timer !== undefined && timer.at <= end; timer = this.#earliest()) {
      this.#move(timer.at - this.#monotonic);
      this.#timers.delete(timer);
      timer.callback();
      await settle();
    }
    this.#move(end - this.#monotonic);
  }

  /** Sets the wall clock alone, as a person or NTP does; timers don't notice. */
  stepWall(ms: number): void {
    this.#wall += ms;
  }

  #move(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  #earliest(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}

/** Lets every promise that can settle without time passing do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
