import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {CommandError, run} from '../lib/exec.ts';

let state: string;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'cluster-main-test-'));
});

afterEach(async () => {
  await rm(state, {recursive: true});
});

async function failure(args: string[]): Promise<CommandError> {
  const env = {...process.env, XDG_STATE_HOME: state, KUBECONFIG: '/dev/null'};
  try {
    await run([process.execPath, join(import.meta.dirname, 'main.ts'), ...args], {env});
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error(`${args.join(' ')} did not fail`);
}

test.each([
  [[], 'a command is missing'],
  [['sideways'], 'unknown command: sideways'],
  [['up', '--sideways'], "Unknown option '--sideways'"],
  [['up', '--provider', 'cloud'], '--provider is local, kind, existing; not cloud'],
  [
    ['up', '--provider', 'existing'],
    '--provider existing needs --context NAME: no cluster is touched unless it is named',
  ],
  [['up', '--context', 'mine'], '--context belongs to --provider existing'],
  [['up', '--provider', 'kind', '--context', 'mine'], '--context belongs to --provider existing'],
  [['up', '--provider', 'kind', '--control-plane-only'], '--control-plane-only belongs to --provider local'],
  [['load-image', 'one', '--provider', 'kind'], 'load-image ARCHIVE REF'],
  [['logs', '--provider', 'kind'], 'kind export logs --name maintenance-api-local'],
  [['load-image', 'one'], 'load-image ARCHIVE REF'],
  [
    ['load-image', 'a', 'b', '--provider', 'existing', '--context', 'mine'],
    'push them to a registry that context mine',
  ],
  [['logs', '--control-plane-only'], 'logs needs a whole cluster'],
  [['env', '--control-plane-only'], 'env needs a whole cluster'],
  [['env', '--provider', 'existing', '--context', 'mine'], 'kubectl config use-context mine'],
])('%j is a usage error', async (args, message) => {
  const error = await failure(args);
  expect(error.exitCode).toBe(2);
  expect(error.outputTail).toContain(message);
  expect(error.outputTail).toContain('usage: npm run cluster -- COMMAND');
});

test.each([
  [['kubeconfig'], 'cluster local is not ready: the node is not running (npm run cluster -- up)'],
  [['env'], 'cluster local is not ready: the node is not running (npm run cluster -- up)'],
  [['status', '--name', 'Not A Name'], "a cluster's name must match"],
  [['kubeconfig', '--control-plane-only'], 'no control plane local runs'],
])('%j fails without a stack', async (args, message) => {
  const error = await failure(args);
  expect(error.exitCode).toBe(1);
  expect(error.outputTail).toContain(message);
  expect(error.outputTail).not.toContain('    at ');
});
