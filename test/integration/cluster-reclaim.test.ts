import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {mkdtemp, readFile, readdir, readlink, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {errorCode} from '../../hack/lib/errors.ts';
import {isRunning, processIdentity, readPidFile, run, type ProcessIdentity} from '../../hack/lib/exec.ts';

const MAIN = join(import.meta.dirname, '../../hack/cluster/main.ts');
/** The first run of all may have to build Kubernetes. */
const TIMEOUT_MS = 40 * 60_000;

let state: string;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'reclaim-test-'));
});

afterEach(async () => {
  await cluster('down');
  await rm(state, {recursive: true});
});

describe('a cluster whose start was killed', () => {
  test.each(['starting the API server', 'starting the controllers', 'is ready'])(
    'at "%s" leaves nothing behind down',
    async (moment) => {
      const trace = await killUpAt(moment);
      // The killed start must have left something, or the rest proves nothing.
      const left = await leftovers(trace);
      expect(left.processes).toEqual(trace.processes.map(({pid}) => pid));
      expect(left.namespaces.length).toBeGreaterThanOrEqual(5);
      expect(left.cgroups).not.toEqual([]);
      await cluster('down');
      await untilNothingOf(trace);
    },
    TIMEOUT_MS,
  );

  test(
    'is replaced by the next up',
    async () => {
      const trace = await killUpAt('starting the controllers');
      await cluster('up');
      // The numbers of freed namespaces are given out again, so the new cluster's may be the old one's.
      expect(await leftovers(trace)).toMatchObject({processes: [], cgroups: []});
      expect((await cluster('status')).stdout).toContain('cluster local: ready');
      const second = await traceOf();
      expect(second.processes.length).toBeGreaterThan(5);
      await cluster('down');
      await untilNothingOf(second);
    },
    TIMEOUT_MS,
  );
});

interface Trace {
  /** The node and all that descends from it, containers included, and whatever names the state folder. */
  readonly processes: readonly ProcessIdentity[];
  /** As /proc/<pid>/ns has them, for example `net:[4026532286]`. */
  readonly namespaces: readonly string[];
  readonly cgroup: string;
}

const NOTHING = {processes: [], namespaces: [], cgroups: [], mounts: [], commands: []};

/** Starts the cluster, kills its start with SIGKILL when it says the given words, and notes all that it has made. */
async function killUpAt(words: string): Promise<Trace> {
  const up = spawn(process.execPath, [MAIN, 'up'], {env: environment(), stdio: ['ignore', 'ignore', 'pipe']});
  await Promise.race([said(up, words), endedEarly(up)]);
  // By then the step named has begun; its first process is what the trace needs.
  while (!existsSync(join(clusterFolder(), 'run/pids/node.pid'))) await delay(10);
  const ended = once(up, 'exit');
  up.kill('SIGKILL');
  await ended;
  return traceOf();
}

async function said(child: ChildProcess, words: string): Promise<void> {
  let output = '';
  await new Promise<void>((resolve) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes(words)) resolve();
    });
  });
}

async function endedEarly(child: ChildProcess): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null];
  throw new Error(`up ended with exit code ${String(code)} before it was to be killed`);
}

async function traceOf(): Promise<Trace> {
  const node = await readPidFile(join(clusterFolder(), 'run/pids/node.pid'));
  if (node === undefined) throw new Error('the node has no pid file');
  const parents = new Map<number, number>();
  for (const pid of await allPids()) {
    const status = await readProc(pid, 'status');
    parents.set(pid, Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0));
  }
  const family = new Set([node.pid]);
  for (let before = 0; before !== family.size;) {
    before = family.size;
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
  }
  const identities = await Promise.all([...family].map(async (pid) => processIdentity(pid)));
  const own = new Set(await namespacesOf(process.pid));
  const namespaces = (await Promise.all([...family].map(async (pid) => namespacesOf(pid)))).flat();
  return {
    processes: identities.filter((identity) => identity !== undefined),
    namespaces: [...new Set(namespaces)].filter((namespace) => !own.has(namespace)),
    cgroup: await readFile(join(clusterFolder(), 'run/cgroup'), 'utf8'),
  };
}

/** What of a trace is still there, in the whole machine. */
async function leftovers(trace: Trace): Promise<typeof NOTHING> {
  const pids = await allPids();
  const alive = await Promise.all(trace.processes.map(async (one) => ((await isRunning(one)) ? [one.pid] : [])));
  const namespaces = (await Promise.all(pids.map(async (pid) => namespacesOf(pid)))).flat();
  const commands = await Promise.all(pids.map(async (pid) => readProc(pid, 'cmdline')));
  const {stdout: cgroups} = await run(['find', '/sys/fs/cgroup', '-type', 'd', '-name', trace.cgroup]);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return {
    processes: alive.flat() as never[],
    namespaces: trace.namespaces.filter((one) => namespaces.includes(one)) as never[],
    cgroups: cgroups.split('\n').filter(Boolean) as never[],
    mounts: mounts.filter((line) => line.includes(state)) as never[],
    commands: commands.filter((line) => line.includes(state)) as never[],
  };
}

/** What belonged to the killed start itself ends by itself, when its pipes close: not in the same instant. */
async function untilNothingOf(trace: Trace): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline && JSON.stringify(await leftovers(trace)) !== JSON.stringify(NOTHING))
    await delay(50);
  expect(await leftovers(trace)).toEqual(NOTHING);
}

async function cluster(command: string): Promise<{stdout: string}> {
  return run([process.execPath, MAIN, command], {env: environment()});
}

function environment(): NodeJS.ProcessEnv {
  return {...process.env, XDG_STATE_HOME: state};
}

function clusterFolder(): string {
  return join(state, 'maintenance-api/clusters/local');
}

async function allPids(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

async function namespacesOf(pid: number): Promise<string[]> {
  const names = ['net', 'mnt', 'uts', 'ipc', 'pid', 'pid_for_children'];
  const links = await Promise.all(names.map(async (name) => orGone(readlink(`/proc/${String(pid)}/ns/${name}`))));
  return links.filter((link) => link !== '');
}

async function readProc(pid: number, file: string): Promise<string> {
  return orGone(readFile(`/proc/${String(pid)}/${file}`, 'utf8'));
}

/** A process may end while it is looked at; and a machine's first processes may be hidden from root, but never ours. */
async function orGone(reading: Promise<string>): Promise<string> {
  try {
    return await reading;
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(errorCode(error) ?? '')) return '';
    throw error;
  }
}
