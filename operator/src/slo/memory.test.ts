import {describe, expect, test} from '@jest/globals';
import {MemoryTrends, type MemoryTrend} from './memory.ts';
import {random} from './testing.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const START = Date.parse('2026-03-02T12:00:00Z');

/** What is known after so long, read every 30 s. */
function after(length: number, bytes: (ms: number) => number): readonly MemoryTrend[] {
  const trends = new MemoryTrends();
  for (let ms = 0; ms <= length; ms += 30 * SECOND) trends.record('pod', START + ms, bytes(ms));
  return trends.trends('pod');
}
/** Whether it climbs, and to more than two hundredths above what there is. */
const leads = (length: number, bytes: (ms: number) => number, above = 1.02): boolean[] =>
  after(length, bytes).map(({steady, leadsTo}) => steady && leadsTo >= above * bytes(length));

describe('memory', () => {
  test('that climbs is seen from six points on, and how much it grew', () => {
    expect(after(2 * MINUTE, (ms) => 100 + ms)).toEqual([]);
    expect(after(2.5 * MINUTE, (ms) => 100 + ms)).toEqual([
      {from: START, to: START + 2.5 * MINUTE, grownBytes: 2.5 * MINUTE, steady: true, leadsTo: Infinity},
    ]);
  });

  test('is known for the last quarter of an hour by the half minute, and for six hours by five minutes', () => {
    const [fine, coarse] = after(10 * HOUR, (ms) => 1e9 + ms);
    expect(fine).toMatchObject({from: START + 10 * HOUR - 14.5 * MINUTE, steady: true});
    expect(coarse).toMatchObject({from: START + 10 * HOUR - 71 * 5 * MINUTE, steady: true});
  });

  test.each<[string, (ms: number) => number]>([
    ['is high and flat', () => 5e8],
    ['falls', (ms) => 1e9 - ms],
    ['reached a level', (ms) => 1e9 + Math.min(ms, 7 * MINUTE)],
    ['nears a level, as a cache that fills', (ms) => 1e9 - 5e8 * Math.exp(-ms / (4 * MINUTE))],
    ['made a step', (ms) => (ms > 7 * MINUTE ? 2e9 : 1.1e9)],
    ['made a step a moment ago', (ms) => (ms > 13 * MINUTE ? 2e9 : 1.1e9)],
    ['goes up and down', (ms) => 1e9 + 2e8 * Math.sin(ms / MINUTE)],
    ['goes up and down in a large saw', (ms) => 6e8 + (ms % (6 * MINUTE)) * 1_000],
  ])('does not climb where it %s', (_, bytes) => {
    expect(leads(14 * MINUTE, bytes)).toEqual([false]);
  });

  test('that slows down leads to where a cache is full, whenever it is looked at', () => {
    for (const [full, fills] of [
      [1e9, 4 * MINUTE],
      [2e9, 10 * MINUTE],
      [5e8, 30 * MINUTE],
    ] as const) {
      for (let length = 3 * MINUTE; length < 2 * fills; length += MINUTE) {
        const [trend] = after(length, (ms) => full * (1 - 0.5 * Math.exp(-ms / fills)));
        expect((trend?.leadsTo ?? 0) / full).toBeGreaterThan(0.95);
        expect((trend?.leadsTo ?? 0) / full).toBeLessThan(1.05);
      }
    }
  });

  test('leads to the same, however unevenly it is read', () => {
    const trends = new MemoryTrends();
    for (let minutes = 0; minutes <= 10; minutes += minutes < 5 ? 0.5 : 1.5) {
      trends.record('pod', START + minutes * MINUTE, 1e9 * (1 - 0.5 * Math.exp(-minutes / 10)));
    }
    expect((trends.trends('pod')[0]?.leadsTo ?? 0) / 1e9).toBeCloseTo(1, 1);
  });

  test('does not climb by chance alone', () => {
    for (let seed = 0; seed < 200; seed++) {
      const chance = random(seed);
      expect(leads(14 * MINUTE, () => 1e9 + 1e8 * chance(), 0)).toEqual([false]);
    }
  });

  test('that leaks below a garbage collector’s saw climbs all the same', () => {
    const trends = new MemoryTrends();
    // Read every 5 s: each half minute has seen a collection.
    for (let ms = 0; ms <= 10 * MINUTE; ms += 5 * SECOND) {
      trends.record('pod', START + ms, 5e8 + ms * 200 + (ms % (25 * SECOND)) * 4_000);
    }
    expect(trends.trends('pod')[0]?.steady).toBe(true);
  });

  test('of a process that began anew is another’s', () => {
    const restarted = after(9 * MINUTE, (ms) => (ms < 5 * MINUTE ? 9e8 + ms : 1e8 + ms));
    expect(restarted[0]).toMatchObject({from: START + 5 * MINUTE, grownBytes: 4 * MINUTE});
  });

  test('of pods that are gone is forgotten, and what was read before is not taken again', () => {
    const trends = new MemoryTrends();
    for (let ms = 0; ms <= 5 * MINUTE; ms += 30 * SECOND) {
      for (const uid of ['one', 'two']) trends.record(uid, START + ms, 100 + ms);
    }
    trends.record('one', START, 5e9);
    trends.record('one', START, 1);
    expect(trends.trends('one')).toEqual(trends.trends('two'));
    trends.retain(new Set(['two']));
    expect(trends.trends('one')).toEqual([]);
    expect(trends.trends('two')).toHaveLength(1);
  });
});
