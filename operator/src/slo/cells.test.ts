import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {Cells} from './cells.ts';

const MINUTE = 60_000;
const START = 1_000 * MINUTE;

describe('cells of time', () => {
  test('share out what came between two times by how much of it lies in each', () => {
    const cells = new Cells(MINUTE, 2, 10);
    cells.add(START + 30_000, START + 3 * MINUTE, [100, 5]);
    expect(cells.rows()).toEqual([
      [1_000, 20, 1],
      [1_001, 40, 2],
      [1_002, 40, 2],
    ]);
  });

  test('never lose or invent one by rounding', () => {
    const span = fc.record({from: fc.nat(9 * MINUTE), length: fc.nat(5 * MINUTE), amount: fc.nat(7)});
    fc.assert(
      fc.property(fc.array(span, {maxLength: 30}), (spans) => {
        const cells = new Cells(MINUTE, 1, 100);
        for (const {from, length, amount} of spans) cells.add(START + from, START + from + length, [amount]);
        const expected = spans.reduce((sum, {amount}) => sum + amount, 0);
        expect(cells.sum(START - MINUTE, START + 100 * MINUTE)).toEqual([expected]);
      }),
    );
  });

  test('are summed only where they lie wholly between two times', () => {
    const cells = new Cells(MINUTE, 1, 10);
    for (let i = 0; i < 5; i++) cells.add(START + i * MINUTE, START + (i + 1) * MINUTE, [1]);
    expect(cells.sum(START + 1, START + 5 * MINUTE - 1)).toEqual([3]);
  });

  test('are kept up to their number, and what is older than that is not added', () => {
    const cells = new Cells(MINUTE, 1, 3);
    for (let i = 0; i < 10; i++) cells.add(START + i * MINUTE, START + (i + 1) * MINUTE, [1]);
    expect(cells.rows().map(([index]) => index)).toEqual([1_007, 1_008, 1_009]);
    const long = new Cells(MINUTE, 1, 3);
    long.add(START, START + 10 * MINUTE, [100]);
    expect(long.rows()).toEqual([
      [1_007, 10],
      [1_008, 10],
      [1_009, 10],
    ]);
  });

  test('are restored as they were', () => {
    const cells = new Cells(MINUTE, 2, 5);
    cells.add(START, START + 4 * MINUTE, [11, 3]);
    const other = new Cells(MINUTE, 2, 5);
    other.restore(cells.rows());
    expect(other.rows()).toEqual(cells.rows());
  });
});
