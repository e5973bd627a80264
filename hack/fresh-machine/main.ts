import {mkdir, readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {requirePrograms} from '../lib/apt.ts';
import {isRunning, processIdentity, run} from '../lib/exec.ts';
import {createProgress} from '../lib/progress.ts';
import {stateDir} from '../lib/state.ts';
import {parseArguments, USAGE, UsageError} from './arguments.ts';
import type {FreshArguments} from './arguments.ts';
import {createGroups, groupPath, hierarchies, removeGroup} from './cgroups.ts';
import {enterScript, enterThisMachineScript, runScript} from './enter.ts';
import {cloneHead, MACHINE, prepareMachine, writeInit} from './machine.ts';
import {copyUserSettings, registryEnvironment} from './registries.ts';

const GROUP_PREFIX = 'maintenance-api-fresh-';
/** How often to look whether the process that started this one is still there, in milliseconds. */
const PARENT_CHECK_MS = 500;

const repository = fileURLToPath(new URL('../..', import.meta.url));
const progress = createProgress();

try {
  const args = parseArguments(process.argv.slice(2));
  if (args === undefined) console.log(USAGE);
  else process.exitCode = await fresh(args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function fresh(args: FreshArguments): Promise<number> {
  await removeLeftovers();
  const id = await ownId();
  const work = await stateDir('fresh', id);
  const cancelled = cancelSignal();
  try {
    await noteUncommitted();
    if (args.keepCache !== undefined) await mkdir(args.keepCache, {recursive: true});
    const script = args.thisMachine || process.getuid?.() !== 0 ? prepareThisMachine : prepareNewMachine;
    return await runScript(await script(args, work, id), cancelled);
  } finally {
    await progress.run('removing the fresh machine', async () => removeRun(work, id));
  }
}

async function prepareNewMachine(args: FreshArguments, work: string, id: string): Promise<string> {
  const root = join(work, 'root');
  await mkdir(root, {mode: 0o755});
  const mounts = await prepareMachine(root, repository, progress);
  const env = {HOME: MACHINE.home, PATH: MACHINE.path, ...cacheEnvironment(args.keepCache && MACHINE.cache)};
  await writeInit(join(root, 'init'), args.command, MACHINE.project, {...commonEnvironment(), ...env});
  const found = await hierarchies();
  await createGroups(found, GROUP_PREFIX + id);
  if (args.keepCache !== undefined) mounts.push({from: args.keepCache, to: MACHINE.cache, readOnly: false});
  return enterScript({root, hierarchies: found, group: GROUP_PREFIX + id, mounts, init: '/init'});
}

async function prepareThisMachine(args: FreshArguments, work: string): Promise<string> {
  await requirePrograms([{file: 'unshare', debianPackage: 'util-linux', purpose: 'separates processes'}], progress);
  const [home, project, init] = [join(work, 'home'), join(work, 'home', 'project'), join(work, 'init')];
  await mkdir(home);
  await copyUserSettings(home);
  await cloneHead(repository, project);
  const env = {HOME: home, PATH: process.env['PATH'] ?? '', ...cacheEnvironment(args.keepCache)};
  await writeInit(init, args.command, project, {...commonEnvironment(), ...env});
  return enterThisMachineScript(init);
}

function commonEnvironment(): Record<string, string> {
  const terminal = process.env['TERM'];
  return {...registryEnvironment(process.env), LANG: 'C.UTF-8', ...(terminal === undefined ? {} : {TERM: terminal})};
}

function cacheEnvironment(folder: string | undefined): Record<string, string> {
  if (folder === undefined) return {};
  return {
    XDG_CACHE_HOME: join(folder, 'xdg'),
    npm_config_cache: join(folder, 'npm'),
    GOMODCACHE: join(folder, 'go-modules'),
    GOCACHE: join(folder, 'go-build'),
  };
}

async function noteUncommitted(): Promise<void> {
  const {stdout} = await run(['git', '-C', repository, 'status', '--porcelain']);
  if (stdout !== '') progress.note('fresh: the last commit is what runs; uncommitted changes are not in it');
}

/** Aborted by a signal, or when the process that started this one is gone. */
function cancelSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort());
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) controller.abort();
  }, PARENT_CHECK_MS).unref();
  return controller.signal;
}

async function ownId(): Promise<string> {
  const self = await processIdentity(process.pid);
  if (self === undefined) throw new Error('the process that asks must be running');
  return `${String(self.pid)}-${self.startTime}`;
}

async function removeLeftovers(): Promise<void> {
  const folder = await stateDir('fresh');
  for (const id of await readdir(folder)) {
    const [pid = '', startTime = ''] = id.split('-');
    if (!(await isRunning({pid: Number(pid), startTime}))) await removeRun(join(folder, id), id);
  }
}

async function removeRun(work: string, id: string): Promise<void> {
  if (process.getuid?.() === 0) {
    for (const hierarchy of await hierarchies()) await removeGroup(groupPath(hierarchy, GROUP_PREFIX + id));
  }
  await rm(work, {recursive: true, force: true, maxRetries: 5});
}
