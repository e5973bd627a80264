import {describe, expect, test} from '@jest/globals';
import {perHour, percentile} from './statistics.ts';

const upTo = (last: number): number[] => Array.from({length: last}, (_, index) => last - index);

describe('percentile', () => {
  test.each([
    [upTo(20), 95, 19],
    [upTo(21), 95, 20],
    [upTo(3), 95, 3],
    [upTo(100), 1, 1],
    [upTo(100), 100, 100],
    [upTo(4), 50, 2],
    [[7], 95, 7],
    [[10, 9, 100, 1], 75, 10],
  ])('of %j at %d is %d', (values, percent, expected) => {
    expect(percentile(values, percent)).toBe(expected);
  });

  test('what never came is the largest', () => {
    expect(percentile([Infinity, 3, 5], 95)).toBe(Infinity);
    expect(percentile([Infinity, 3, 5], 50)).toBe(5);
  });

  test('leaves its argument as it was', () => {
    const values = [3, 1, 2];
    percentile(values, 50);
    expect(values).toEqual([3, 1, 2]);
  });

  test.each([[[], 50] as const, [[1], 0] as const, [[1], 101] as const, [[1], NaN] as const])(
    'of %j at %d is an error',
    (values, percent) => {
      expect(() => percentile(values, percent)).toThrow(RangeError);
    },
  );
});

test('a count is extrapolated to an hour by the minutes it took', () => {
  expect(perHour(2, 10)).toBe(12);
  expect(perHour(3, 60)).toBe(3);
});
