import {mkdir, readFile, readdir, rmdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {isNotFound} from '../lib/errors.ts';

const RETRY_MS = 50;
/** How long the kernel may take to let go of the ended processes of a control group, in milliseconds. */
const EMPTY_WITHIN_MS = 10_000;

/** A mounted hierarchy of control groups, of version 1 or 2. */
export interface Hierarchy {
  readonly type: 'cgroup' | 'cgroup2';
  readonly mountPoint: string;
  /** Options of the same mount elsewhere, for example `cpu,cpuacct` or `none,name=systemd`. */
  readonly options: string;
  /**
   * The group below which to make others, relative to the mount point: of version 1 the caller's own, so that its limits
   * hold; of version 2 the root, as a group with processes may not hand controllers down (cgroups(7)).
   */
  readonly parent: string;
}

/**
 * Finds the hierarchies and the caller's place in each.
 * @param mountInfo - content of /proc/self/mountinfo, see proc(5)
 * @param cgroup - content of /proc/self/cgroup, see cgroups(7)
 */
export function parseHierarchies(mountInfo: string, cgroup: string): Hierarchy[] {
  const groups = new Map<string, string>();
  for (const line of cgroup.split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers !== undefined && group !== undefined) groups.set(controllers, group);
  }
  return mountInfo.split('\n').flatMap((line): Hierarchy[] => {
    const match = /^\d+ \d+ \S+ \S+ (\S+) .* - (cgroup2?) \S+ (\S+)$/.exec(line);
    const [, mountPoint, type, superOptions = ''] = match ?? [];
    if (mountPoint === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    if (type === 'cgroup2') return [{type, mountPoint, options: 'defaults', parent: '/'}];
    const mounted = new Set(superOptions.split(','));
    const own = [...groups].find(([names]) => names !== '' && names.split(',').every((name) => mounted.has(name)));
    if (own === undefined) return [];
    const [names, parent] = own;
    return [{type, mountPoint, options: names.startsWith('name=') ? `none,${names}` : names, parent}];
  });
}

/** The hierarchies of this machine. */
export async function hierarchies(): Promise<Hierarchy[]> {
  return parseHierarchies(await readFile('/proc/self/mountinfo', 'utf8'), await readFile('/proc/self/cgroup', 'utf8'));
}

/** The folder of a group of this name. */
export function groupPath(hierarchy: Hierarchy, name: string): string {
  return join(hierarchy.mountPoint, hierarchy.parent, name);
}

/**
 * Makes a group in every hierarchy.
 * @returns the folders of the groups
 */
export async function createGroups(found: readonly Hierarchy[], name: string): Promise<string[]> {
  const paths = found.map((hierarchy) => groupPath(hierarchy, name));
  for (const path of paths) {
    await mkdir(path, {recursive: true});
    // A new cpuset of version 1 is empty and takes no process until it has both (cpuset(7)).
    for (const file of ['cpuset.cpus', 'cpuset.mems']) await inherit(path, file);
  }
  return paths;
}

async function inherit(path: string, file: string): Promise<void> {
  try {
    const [own, parent] = await Promise.all([
      readFile(join(path, file), 'utf8'),
      readFile(join(path, '..', file), 'utf8'),
    ]);
    if (own.trim() === '' && parent.trim() !== '') await writeFile(join(path, file), parent);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/**
 * Ends every process in a group and in those below it, and removes them all.
 * @param path - folder of the group; it may be gone
 * @throws the kernel's error when a group can't be removed for ten seconds
 */
export async function removeGroup(path: string): Promise<void> {
  const deadline = performance.now() + EMPTY_WITHIN_MS;
  for (;;) {
    try {
      await removeOnce(path);
      return;
    } catch (error) {
      const busy = error instanceof Error && 'code' in error && error.code === 'EBUSY';
      if (!busy || performance.now() > deadline) throw error;
      await delay(RETRY_MS);
    }
  }
}

async function removeOnce(path: string): Promise<void> {
  try {
    for (const entry of await readdir(path, {withFileTypes: true})) {
      if (entry.isDirectory()) await removeOnce(join(path, entry.name));
    }
    for (const pid of (await readFile(join(path, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean))
      kill(Number(pid));
    await rmdir(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function kill(pid: number): void {
  // So a process of a foreign namespace is listed; to kill(2) it would mean our own group.
  if (pid === 0) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
