import {describe, expect, test} from '@jest/globals';
import {actThreshold, compare, exceeds, MIN_BAD, wilson} from './statistics.ts';

/** Exact probabilities of 0…n bad ones among n. */
function binomial(n: number, p: number): number[] {
  const logs = [0];
  for (let k = 1; k <= n; k++) logs.push((logs[k - 1] ?? 0) + Math.log(k));
  const choose = (k: number): number => (logs[n] ?? 0) - (logs[k] ?? 0) - (logs[n - k] ?? 0);
  return Array.from({length: n + 1}, (_, k) => Math.exp(choose(k) + k * Math.log(p) + (n - k) * Math.log1p(-p)));
}

const chanceThat = (n: number, p: number, holds: (bad: number) => boolean): number =>
  binomial(n, p).reduce((sum, chance, bad) => (holds(bad) ? sum + chance : sum), 0);

describe("Wilson's interval", () => {
  test.each([
    // The solutions of |share − p| = z·√(p(1 − p)/n), checked by putting them back in.
    [10, 100],
    [1, 1000],
    [37, 182],
    [500, 1000],
  ])('has at both ends, for %d of %d, a distance of exactly z standard errors', (bad, of) => {
    const {lower, upper} = wilson(bad, of);
    for (const end of [lower, upper]) {
      expect(Math.abs(bad / of - end) / Math.sqrt((end * (1 - end)) / of)).toBeCloseTo(2.3263478740408408, 9);
    }
  });

  test.each([
    [200, 0.01],
    [200, 0.1],
    [1000, 0.0144],
    [3000, 0.05],
  ])('of %d responses with a true share of %d lies above it in about one of a hundred windows', (n, p) => {
    expect(chanceThat(n, p, (bad) => wilson(bad, n).lower > p)).toBeLessThan(0.017);
    expect(chanceThat(n, p, (bad) => wilson(bad, n).upper < p)).toBeLessThan(0.017);
  });

  test.each([
    ['nothing', 0, 0],
    ['no number', Number.NaN, 10],
    ['an infinite count', 1, Number.POSITIVE_INFINITY],
    ['more bad ones than there were', 11, 10],
    ['a negative count', -1, 10],
  ])('knows nothing of %s', (_, bad, of) => {
    expect(wilson(bad, of)).toEqual({lower: 0, upper: 1});
  });
});

describe('the act threshold', () => {
  test.each([
    ['99.9 %', 0.001, 0.0144],
    ['99.99 %', 0.0001, 0.01],
    ['99 %', 0.01, 0.1],
    ['95 %', 0.05, 0.1],
    ['90 %', 0.1, 0.2],
  ])('of an objective of %s is as the design says', (_, allowed, threshold) => {
    expect(actThreshold(allowed)).toBeCloseTo(threshold, 12);
  });
});

describe('a threshold is exceeded', () => {
  test('never by fewer than ten bad ones', () => {
    expect(exceeds(MIN_BAD - 1, MIN_BAD - 1, 0.0144)).toBe(false);
    expect(exceeds(MIN_BAD, MIN_BAD, 0.0144)).toBe(true);
  });

  test('only beyond chance', () => {
    expect(exceeds(10, 500, 0.0144)).toBe(false);
    expect(exceeds(20, 500, 0.0144)).toBe(true);
  });

  test('by a service that keeps 99.9 % less than once in a million windows, whatever its traffic', () => {
    for (const n of [20, 100, 300, 1000, 3000]) {
      expect(chanceThat(n, 0.001, (bad) => exceeds(bad, n, actThreshold(0.001)))).toBeLessThan(1e-6);
    }
  });

  test('by a plain comparison much more often: the bound is what keeps it from that', () => {
    expect(chanceThat(60, 0.001, (bad) => bad / 60 > actThreshold(0.001))).toBeGreaterThan(0.05);
  });
});

describe('one group compared with another', () => {
  test.each([
    ['is worse where the intervals do not meet', {bad: 20, of: 100}, {bad: 0, of: 300}, 'Worse'],
    ['is alike where the other fails as much', {bad: 20, of: 100}, {bad: 55, of: 300}, 'Alike'],
    ['is alike where the other fails a little less', {bad: 25, of: 100}, {bad: 45, of: 300}, 'Alike'],
    ['can not be told where the other served too little', {bad: 20, of: 100}, {bad: 0, of: 10}, 'Undetermined'],
    ['can not be told where the other served nothing', {bad: 20, of: 100}, {bad: 0, of: 0}, 'Undetermined'],
  ] as const)('%s', (_, group, other, result) => {
    expect(compare(group, other)).toBe(result);
  });
});
