import {describe, expect, test} from '@jest/globals';
import type {LedgerEntry} from '../harness/ledger.ts';
import {readRollback} from './rollbacks.ts';

const RELEASED = 1_000_000;
const PATCHED = RELEASED + 40_000;
const entry = (t: number, s: number, ms = 0): LedgerEntry => ({t, s, ms, m: 'GET'});

describe('a rollback', () => {
  test('took from the first bad answer to the first patch after it', () => {
    const ledger = [
      entry(RELEASED + 20_000, 500),
      entry(RELEASED + 24_500, 503, 500),
      entry(RELEASED + 30_000, 500),
      entry(RELEASED + 40_000, 200),
    ];
    const released = RELEASED + 100;
    expect(readRollback(ledger, [PATCHED + 9_000, released, PATCHED], RELEASED).latencyMs).toBe(20_000);
  });

  test('begins when the bad answer came, not when it was asked for', () => {
    expect(readRollback([entry(RELEASED, 500, 3_000)], [RELEASED + 1_000, PATCHED], RELEASED).latencyMs).toBe(37_000);
  });

  test('is not begun by what was bad before the release, refused, or the client’s own fault', () => {
    const ledger = [
      entry(RELEASED - 1, 500),
      entry(RELEASED + 1, 0),
      entry(RELEASED + 2, 429),
      entry(PATCHED - 5_000, 500),
    ];
    expect(readRollback(ledger, [PATCHED], RELEASED).latencyMs).toBe(5_000);
  });

  test.each([
    ['without a bad answer', [entry(RELEASED + 1, 200)], [PATCHED]],
    ['without a patch after it', [entry(RELEASED + 1, 500)], [RELEASED]],
  ])('%s never came', (_what, ledger, patches) => {
    expect(readRollback(ledger, patches, RELEASED)).toEqual({latencyMs: Infinity, around: 0, broken: []});
  });

  test('counts what broke from 10 s before the patch to 60 s after it', () => {
    const times = [-10_001, -10_000, 0, 60_000, 60_001].map((offset) => PATCHED + offset);
    const ledger = [entry(PATCHED - 20_000, 500), ...times.flatMap((t) => [entry(t, 0), entry(t, 200)])];
    const {around, broken} = readRollback(ledger, [PATCHED], RELEASED);
    expect(around).toBe(6);
    expect(broken.map(({t}) => t - PATCHED)).toEqual([-10_000, 0, 60_000]);
  });
});
