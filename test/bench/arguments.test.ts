import {describe, expect, test} from '@jest/globals';
import {parseArguments, UsageError} from './arguments.ts';

const KNOWN = ['a', 'b'];
const defaults = {runs: 3, minutes: 10, idleMinutes: 10, lists: false, demo: false, cold: false};

describe('the command line', () => {
  test('asks for all rows, briefly, unless told', () => {
    expect(parseArguments([], KNOWN)).toEqual({rows: [], isStrict: false, options: defaults});
  });

  test('chooses rows and lengths', () => {
    const args = [
      'b',
      '--runs',
      '20',
      '--minutes=25',
      '--idle-minutes',
      '1',
      '--lists',
      '--demo',
      '--cold',
      '--strict',
    ];
    expect(parseArguments(args, KNOWN)).toEqual({
      rows: ['b'],
      isStrict: true,
      options: {runs: 20, minutes: 25, idleMinutes: 1, lists: true, demo: true, cold: true},
    });
  });

  test('chooses a group by the begin of its names, unless a row is called so', () => {
    const known = ['a', 'a-1', 'api-x', 'api-y', 'apis'];
    expect(parseArguments(['api', 'a'], known)).toMatchObject({rows: ['api-x', 'api-y', 'a']});
  });

  test.each([
    [['c'], 'there is no row c; rows: a b'],
    [['--runs', '21'], '--runs must be a whole number from 1 to 20, not 21'],
    [['--runs', '0'], '--runs must be a whole number'],
    [['--minutes', '1.5'], '--minutes must be a whole number from 1 to 25, not 1.5'],
    [['--idle-minutes', 'x'], '--idle-minutes must be a whole number'],
    [['--fast'], '--fast'],
  ])('%j is refused', (args, message) => {
    expect(() => parseArguments(args, KNOWN)).toThrow(UsageError);
    expect(() => parseArguments(args, KNOWN)).toThrow(message);
  });

  test('may ask for help or the list alone', () => {
    expect(parseArguments(['--help', 'x'], KNOWN)).toBe('help');
    expect(parseArguments(['--list'], KNOWN)).toBe('list');
  });
});
