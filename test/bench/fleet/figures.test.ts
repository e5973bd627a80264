import {describe, expect, test} from '@jest/globals';
import {perMinute, untilFirst, type Counted} from './figures.ts';

/** Looked at every half second for so many seconds. */
const looks = (seconds: number, count: (second: number) => number): readonly Counted[] =>
  Array.from({length: seconds * 2 + 1}, (_, index) => ({at: 1_000_000 + index * 500, count: count(index / 2)}));

describe('what rises once in half a minute', () => {
  test.each([0, 7, 29.5])('does so twice a minute, whenever it was first looked at (%d s)', (begun) => {
    const samples = looks(150, (second) => 40 + Math.floor((second + begun) / 30));
    expect(perMinute(samples)).toBe(2);
  });

  test('does so a hundred times a minute where it rises by fifty', () => {
    expect(perMinute(looks(150, (second) => 50 * Math.floor(second / 30)))).toBe(100);
  });

  test('has no rate before it rose twice', () => {
    expect(() => perMinute(looks(59, (second) => Math.floor(second / 30)))).toThrow('it did not rise twice');
    expect(() => perMinute([])).toThrow(RangeError);
  });
});

describe('the first patch after a bad answer', () => {
  test('is neither the one that released it nor a later one', () => {
    expect(untilFirst(5_000, [31_000, 4_000, 12_500])).toBe(7_500);
  });

  test('never came', () => {
    expect(untilFirst(5_000, [4_000])).toBe(Infinity);
  });
});
