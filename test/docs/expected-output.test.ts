import {describe, expect, test} from '@jest/globals';
import {ExpectedOutput, UnexpectedOutputError} from './expected-output.ts';

const GOOD = 'a7c3368d1c48';
const BAD = '47468dc496e3';

function check(shown: string, output: string): void {
  new ExpectedOutput().check(shown, output);
}

describe('an output is as shown', () => {
  test.each([
    ['line for line', 'one\ntwo', 'one\ntwo\n'],
    ['with other lines between', 'one\ntwo', 'zero\none\nhalf\ntwo\nthree'],
    ['with other columns', 'NAME   READY\ntasks  True', 'NAME READY\ntasks                True  '],
    ['where the page shows an ellipsis', 'took … in all', 'took 3.2 s in all'],
    ['with other ages', 'tasks 4s Running', 'tasks 2m10s Running'],
    ['with another time', 'at 2026-11-23T06:33:44Z', 'at 2027-01-01T00:00:00.123Z'],
    [
      'with an image of other content',
      `localhost/maintenance-api/api:${GOOD}`,
      'localhost/maintenance-api/api:0123456789ab',
    ],
    ['with other revisions', `from ${BAD} to ${GOOD}`, 'from 000000000000 to 111111111111'],
  ])('%s', (_, shown, output) => {
    expect(() => check(shown, output)).not.toThrow();
  });
});

describe('an output is not as shown', () => {
  test.each([
    ['when a line is missing', 'one\ntwo', 'one'],
    ['when lines come in another order', 'one\ntwo', 'two\none'],
    ['when a word is another', 'tasks True 2/2', 'tasks True 1/2'],
    ['when a line goes on', 'tasks', 'tasks True'],
    ['when a word of no kind is where one of a kind was', 'tasks 4s', 'tasks <unknown>'],
    ['when two revisions are one', `from ${BAD} to ${GOOD}`, 'from 000000000000 to 000000000000'],
    ['when one revision is two', `${BAD} is ${BAD}`, '000000000000 is 111111111111'],
    ['when the page uses what a pattern would take', 'a.c (x)', 'abc (x)'],
  ])('%s', (_, shown, output) => {
    expect(() => check(shown, output)).toThrow(UnexpectedOutputError);
  });
});

test('a revision is the same from block to block', () => {
  const expected = new ExpectedOutput();
  expected.check(`serves ${GOOD}`, 'serves 111111111111');
  expected.check(`left ${BAD}`, 'left 000000000000');
  expect(() => expected.check(`serves ${GOOD}`, 'serves 000000000000')).toThrow(UnexpectedOutputError);
  expect(() => expected.check('serves 0a0b0c0d0e0f', 'serves 111111111111')).toThrow(UnexpectedOutputError);
  expected.check(`serves ${GOOD}`, 'serves 111111111111');
});

test('the error names the line and gives the output', () => {
  expect(() => check('one\ntwo', 'one\nthree')).toThrow(/not in this order:\ntwo\n\nOutput:\none\nthree/);
});
