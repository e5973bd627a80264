import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {CommandError, run} from '../lib/exec.ts';

let state: string;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'images-main-test-'));
});

afterEach(async () => {
  await rm(state, {recursive: true});
});

test.each([
  [['--sideways'], 2, "Unknown option '--sideways'"],
  [['sideways'], 2, 'usage: npm run images'],
  [['--name', 'none-of-this-name'], 1, 'the node is not running (npm run cluster -- up)'],
  [['--name', 'Not A Name'], 1, "a cluster's name must match"],
])('%j fails with exit code %i and says why, without a stack', async (args, exitCode, message) => {
  const env = {...process.env, XDG_STATE_HOME: state};
  const failure = run([process.execPath, join(import.meta.dirname, 'main.ts'), ...args], {env});
  const error = await failure.then(
    () => undefined,
    (reason: unknown) => reason as CommandError,
  );
  expect(error).toBeInstanceOf(CommandError);
  expect(error?.exitCode).toBe(exitCode);
  expect(error?.outputTail).toContain(message);
  expect(error?.outputTail).not.toContain('    at ');
});
