import {expect, test} from '@jest/globals';
import {parseArguments, UsageError} from './arguments.ts';

test('reads the command and the options', () => {
  expect(parseArguments(['npm test'])).toEqual({command: 'npm test', keepCache: undefined, thisMachine: false});
  expect(parseArguments(['--keep-cache', '/kept', '--this-machine', 'true'])).toEqual({
    command: 'true',
    keepCache: '/kept',
    thisMachine: true,
  });
  expect(parseArguments(['--help'])).toBeUndefined();
});

test.each([[[]], [['npm', 'test']], [['--no-such-option', 'true']], [['--keep-cache']]])('refuses %j', (args) => {
  expect(() => parseArguments(args)).toThrow(UsageError);
});
