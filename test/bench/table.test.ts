import {describe, expect, test} from '@jest/globals';
import type {Measured, Result} from './row.ts';
import {exitCode, table} from './table.ts';

const result = (name: string, outcome: Measured | Error): Result => ({
  row: {name, title: `time of ${name}`, goal: '≤ 1 s'},
  outcome,
});
const met = result('a', {text: '0.5 s', isMet: true, notes: ['of 3 runs', 'warm']});
const missed = result('long', {text: '1.5 s', isMet: false});
const unmeasured = result('c', {text: 'not measured here (--cold)', isMet: undefined});
const broken = result('d', new Error('no cluster\nwith a log\nof many lines'));

describe('the table', () => {
  test('has a row a figure in columns, and the notes below', () => {
    expect(table([met, missed, unmeasured, broken])).toBe(
      [
        '| measure      | goal  | measured                         | ok    |',
        '| ------------ | ----- | -------------------------------- | ----- |',
        '| time of a    | ≤ 1 s | 0.5 s                            | yes   |',
        '| time of long | ≤ 1 s | 1.5 s                            | NO    |',
        '| time of c    | ≤ 1 s | not measured here (--cold)       | –     |',
        '| time of d    | ≤ 1 s | could not be measured: see below | error |',
        '',
        'a: of 3 runs',
        'a: warm',
        'd: no cluster',
        'with a log',
        'of many lines',
      ].join('\n'),
    );
  });

  test('stays a table when a text has its separator', () => {
    expect(table([result('a', {text: '1|2', isMet: true})])).toContain('| 1\\|2 ');
  });
});

describe('the exit code', () => {
  test.each([
    [[met], true, 0],
    [[met, missed], false, 0],
    [[met, missed], true, 1],
    [[met, unmeasured], true, 0],
    [[met, broken], false, 1],
    [[], true, 0],
  ] as const)('case %#', (results, isStrict, expected) => {
    expect(exitCode(results, isStrict)).toBe(expected);
  });
});
