import {describe, expect, test} from '@jest/globals';
import {LoadMeter} from './load-meter.ts';
import {RateLimit} from './plugins/rate-limit.ts';

/** A meter whose clock and looks are the test's. */
function createMeter({maxDelayMs = 500, maxInFlight = 2} = {}): {meter: LoadMeter; look: (now: number) => void} {
  let now = 0;
  const meter = new LoadMeter({maxDelayMs, maxInFlight, clock: () => now});
  return {
    meter,
    look: (at) => {
      now = at;
      meter.tick();
    },
  };
}

describe('the meter', () => {
  test('refuses more than so many at once, and takes the next when one has left', () => {
    const {meter} = createMeter();
    expect([meter.enter(), meter.enter()]).toEqual([undefined, undefined]);
    expect(meter.enter()).toBe('2 requests are under way already');
    meter.leave();
    expect(meter.enter()).toBeUndefined();
  });

  test('refuses when the event loop was late twice in a row, until it is on time once', () => {
    const {meter, look} = createMeter();
    look(501);
    expect(meter.enter()).toBeUndefined();
    look(501);
    expect(meter.enter()).toBe('The event loop is more than 500 ms behind');
    look(500);
    expect(meter.enter()).toBeUndefined();
    look(501);
    expect(meter.enter()).toBe('2 requests are under way already');
  });

  test('does not mind any delay when told so', () => {
    const {meter, look} = createMeter({maxDelayMs: 0});
    look(60_000);
    look(60_000);
    expect(meter.enter()).toBeUndefined();
  });
});

describe('the rate limit', () => {
  test('fills evenly, up to its burst', () => {
    let now = 0;
    const limit = new RateLimit({perSecond: 2, burst: 2, clock: () => now});
    expect([limit.take('a'), limit.take('a'), limit.take('a')]).toEqual([0, 0, 500]);
    now = 250;
    expect(limit.take('a')).toBe(250);
    now = 500;
    expect([limit.take('a'), limit.take('a')]).toEqual([0, 500]);
    now = 60_000;
    expect([limit.take('a'), limit.take('a'), limit.take('a')]).toEqual([0, 0, 500]);
  });

  test('is none for the rate 0', () => {
    const limit = new RateLimit({perSecond: 0, burst: 1, clock: () => 0});
    expect(Array.from({length: 100}, () => limit.take('a'))).toEqual(Array.from({length: 100}, () => 0));
  });

  test('keeps those that are used up, however many others there were', () => {
    let now = 0;
    const limit = new RateLimit({perSecond: 1, burst: 1, clock: () => now});
    for (let i = 0; i < 5000; i++) {
      now += 1000;
      limit.take(`name-${i}`);
    }
    expect(limit.size).toBeLessThanOrEqual(1000);
    expect(limit.take('name-4999')).toBe(1000);
  });
});
