import {describe, expect, test} from '@jest/globals';
import {delay, elapsedMs, mark, systemClock} from './clock.ts';
import {FakeClock} from './testing/fake-clock.ts';

describe('elapsed time is the larger of monotonic and wall (invariant 14)', () => {
  test('when the machine slept, the monotonic clock stood still', async () => {
    const clock = new FakeClock();
    const since = mark(clock);
    await clock.advance(1000);
    clock.stepWall(60_000);
    expect(elapsedMs(clock, since)).toBe(61_000);
  });

  test('when the wall clock was set back', async () => {
    const clock = new FakeClock();
    const since = mark(clock);
    await clock.advance(1000);
    clock.stepWall(-3_600_000);
    expect(elapsedMs(clock, since)).toBe(1000);
  });
});

describe('a delay', () => {
  test('ends after its time', async () => {
    const clock = new FakeClock();
    let ended = false;
    const waiting = delay(clock, 50).then(() => (ended = true));
    await clock.advance(49);
    expect(ended).toBe(false);
    await clock.advance(1);
    await waiting;
    expect(ended).toBe(true);
  });

  test('ends at once when aborted, before or meanwhile, and leaves no timer', async () => {
    const clock = new FakeClock();
    await delay(clock, 50, AbortSignal.abort());
    const abort = new AbortController();
    const waiting = delay(clock, 50, abort.signal);
    expect(clock.pending).toBe(1);
    abort.abort();
    await waiting;
    expect(clock.pending).toBe(0);
  });
});

describe('the system clock', () => {
  test('fires and cancels', async () => {
    let cancelled = true;
    systemClock.setTimeout(() => (cancelled = false), 0).cancel();
    await new Promise<void>((resolve) => {
      systemClock.setTimeout(resolve, 1);
    });
    expect(cancelled).toBe(true);
  });

  test('a timer beyond the limit of Node does not fire at once', async () => {
    let fired = false;
    const timer = systemClock.setTimeout(() => (fired = true), 2 ** 40);
    await new Promise<void>((resolve) => {
      systemClock.setTimeout(resolve, 10);
    });
    timer.cancel();
    expect(fired).toBe(false);
  });
});
