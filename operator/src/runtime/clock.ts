/** Handle of a timer of a {@link Clock}. */
export interface TimerHandle {
  /** Cancels the timer; harmless after it fired. */
  cancel(): void;
}

/** Source of time, passed in so that tests hold it in their hands. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic clock, milliseconds from an arbitrary start. */
  monotonic(): number;
  /** Calls back once after at least `ms` milliseconds. */
  setTimeout(callback: () => void, ms: number): TimerHandle;
}

/** A moment on both clocks. */
export interface Mark {
  readonly wall: number;
  readonly monotonic: number;
}

/** Takes the moment on both clocks. */
export function mark(clock: Clock): Mark {
  return {wall: clock.now(), monotonic: clock.monotonic()};
}

/**
 * Milliseconds since a mark: the larger of monotonic and wall (invariant 14). The monotonic clock stands still while a
 * machine sleeps, the wall clock may be set back; only the larger of the two never flatters.
 */
export function elapsedMs(clock: Clock, since: Mark): number {
  return Math.max(clock.monotonic() - since.monotonic, clock.now() - since.wall, 0);
}

/** Node caps timers at 2^31-1 ms and fires longer ones at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The process' own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), MAX_TIMEOUT_MS));
    return {
      cancel: () => {
        clearTimeout(timer);
      },
    };
  },
};

/** Resolves after `ms` milliseconds, or at once when the signal is aborted; never rejects. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.setTimeout(finish, ms);
    signal?.addEventListener('abort', finish, {once: true});
  });
}
