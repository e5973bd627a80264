import {afterEach, expect, jest, test} from '@jest/globals';
import {spawn} from 'node:child_process';
import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {setTimeout as delay} from 'node:timers/promises';
import {CommandError, run} from '../../hack/lib/exec.ts';
import {stateDir} from '../../hack/lib/state.ts';

// The root filesystem of the new machine is made by the first call.
jest.setTimeout(300_000);

const fresh = fileURLToPath(new URL('../../hack/fresh', import.meta.url));
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGTERM');
});

/** Process ids of this machine whose command line has the word. */
async function processesWith(word: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = pids.map(async (pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''));
  const found = await Promise.all(lines);
  return pids.filter((pid, index) => pid !== String(process.pid) && found[index]?.includes(word) === true);
}

/** What a run may leave on this machine: folders, control groups, mounts; without those that were there before. */
async function traces(before: readonly string[] = []): Promise<string[]> {
  const groups = await run(['find', '/sys/fs/cgroup', '-name', 'maintenance-api-fresh-*']);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => line.includes('/fresh/'));
  const all = [...(await readdir(await stateDir('fresh'))), ...groups.stdout.split('\n').filter(Boolean), ...mounts];
  return all.filter((trace) => !before.includes(trace));
}

test('a command sees a clean clone, an empty home, no package and no process of this machine', async () => {
  const {stdout} = await run([
    fresh,
    `git status --porcelain; git remote; git log -1 --format=%H; ls -A ~ | grep -vc '^\\.[a-z]';
     ls /proc | grep -c '^[0-9]'; command -v debootstrap buildah containerd || echo none; node -p 'Number(process.versions.node.split(".")[0]) >= 18'`,
  ]);
  const head = (
    await run(['git', '-C', fileURLToPath(new URL('../..', import.meta.url)), 'rev-parse', 'HEAD'])
  ).stdout.trim();
  const [commit, home, processes, packages, node] = stdout.trim().split('\n');
  expect({commit, home, packages, node}).toEqual({commit: head, home: '0', packages: 'none', node: 'true'});
  expect(Number(processes)).toBeLessThan(10);
});

test.each([[[]], [['--this-machine']]])(
  'the exit code is the command’s and what it left running is ended: %j',
  async (options) => {
    const word = `left-running-${String(process.pid)}`;
    const command = `setsid sh -c 'exec sleep 1000 #' ${word} & sh -c "while sleep 1; do :; done" ${word} & exit 7`;
    const error = await run([fresh, ...options, command]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandError);
    expect(error).toMatchObject({exitCode: 7});
    expect(await processesWith(word)).toEqual([]);
  },
);

test('what is kept is there for the next run, and nothing else is', async () => {
  const kept = await mkdtemp(join(tmpdir(), 'fresh-test-'));
  const script =
    'mkdir -p "$XDG_CACHE_HOME"; cat "$XDG_CACHE_HOME/note" ~/note; echo one | tee "$XDG_CACHE_HOME/note" > ~/note';
  try {
    expect((await run([fresh, '--keep-cache', kept, script])).stdout).toBe('');
    expect((await run([fresh, '--keep-cache', kept, '--this-machine', script])).stdout).toBe('one\n');
  } finally {
    await rm(kept, {recursive: true});
  }
});

test('killed at once, it leaves nothing running, and the next run removes the rest', async () => {
  const before = await traces();
  const word = `killed-${String(process.pid)}`;
  const child = spawn(fresh, [`echo ready; sh -c 'while sleep 1; do :; done' ${word}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  started.push(child);
  await once(createInterface(child.stdout), 'line');
  expect(await processesWith(word)).not.toEqual([]);
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  while ((await processesWith(word)).length > 0) await delay(20);

  expect(await traces(before)).not.toEqual([]);
  await run([fresh, 'true']);
  expect(await traces(before)).toEqual([]);
});

test('ends and cleans up when only its parent is killed', async () => {
  const before = await traces();
  const word = `orphaned-${String(process.pid)}`;
  const child = spawn(fresh, [`echo ready; sh -c 'while sleep 1; do :; done' ${word}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(createInterface(child.stdout), 'line');
  child.kill('SIGKILL');
  while ((await processesWith(word)).length > 0 || (await traces(before)).length > 0) await delay(50);
  expect(await traces(before)).toEqual([]);
});
