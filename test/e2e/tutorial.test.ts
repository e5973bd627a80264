import {appendFileSync} from 'node:fs';
import {mkdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, test} from '@jest/globals';
import {CommandError, run} from '../../hack/lib/exec.ts';
import {stateRoot} from '../../hack/lib/state.ts';
import {executePage, type Step} from '../docs/tutorial.ts';

/*
 * The tutorial's commands, taken from the page itself, on a cluster of its own. That cluster's state is apart from the
 * user's, so that neither the page's `up` joins nor its `down` ends one that a person named as the page does.
 */
const root = join(import.meta.dirname, '../..');
const env = {...process.env, XDG_STATE_HOME: join(stateRoot(), 'tutorial-test')};
const TIMEOUT_MS = 600_000;
const artifacts = join(stateRoot(), 'e2e');
const transcript = join(artifacts, 'tutorial.txt');

function write({commands}: Step, output: string): void {
  appendFileSync(transcript, `${commands.replaceAll(/^/gm, '$ ')}\n${output}\n`);
}

function cluster(command: string): [string, ...string[]] {
  return [process.execPath, 'hack/bootstrap.mjs', 'hack/cluster/main.ts', command, '--name', 'tutorial'];
}

/** What explains a failure: after the page's last step there is no cluster any more, which is said in its place. */
async function state(): Promise<string> {
  // Apart from eval, which would go on, and ask another cluster, when there is none.
  const script = 'settings=$("$@"); eval "$settings"; kubectl describe mapi -A; kubectl get pods -A';
  try {
    return (await run(['bash', '-euc', script, 'bash', ...cluster('env')], {cwd: root, env})).stdout;
  } catch (error) {
    if (error instanceof CommandError) return `${error.message}\n`;
    throw error;
  }
}

beforeAll(async () => {
  await mkdir(artifacts, {recursive: true});
  await rm(transcript, {force: true});
});

afterAll(async () => {
  appendFileSync(transcript, await state());
  await run(cluster('down'), {cwd: root, env});
}, 120_000);

describe('the tutorial', () => {
  test(
    'does what it says, with the output that it shows',
    async () => {
      const page = await readFile(join(root, 'docs/tutorial/first-light.md'), 'utf8');
      await executePage(page, {cwd: root, env, signal: AbortSignal.timeout(TIMEOUT_MS), onOutput: write});
    },
    TIMEOUT_MS + 30_000,
  );
});
