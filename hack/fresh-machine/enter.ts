import {spawn} from 'node:child_process';
import {constants} from 'node:os';
import {join} from 'node:path';
import {groupPath} from './cgroups.ts';
import type {Hierarchy} from './cgroups.ts';
import {shellQuote} from '../lib/shell.ts';

/** A folder of this machine and its place in the fresh one. */
export interface Mount {
  readonly from: string;
  readonly to: string;
  readonly readOnly: boolean;
}

/** Where a process of the fresh machine runs, and what it needs of this one. */
export interface Entry {
  /** Absolute path of the fresh machine's root folder. */
  readonly root: string;
  readonly hierarchies: readonly Hierarchy[];
  /** Name of its control groups. */
  readonly group: string;
  readonly mounts: readonly Mount[];
  /** Path inside of the shell script that becomes process 1. */
  readonly init: string;
}

/**
 * The shell script that turns a process of this machine into process 1 of the fresh one: own control groups, mounts,
 * process ids and IPC, the network shared. All mounts are made in the new mount namespace and end with it.
 */
export function enterScript(entry: Entry): string {
  const {root, hierarchies, group, mounts, init} = entry;
  const inside = (path: string): string => shellQuote(join(root, path));
  return [
    'set -eu',
    ...hierarchies.map((hierarchy) => `echo $$ > ${shellQuote(join(groupPath(hierarchy, group), 'cgroup.procs'))}`),
    `exec unshare --cgroup --mount --pid --ipc --fork --kill-child --propagation private sh -euc ${shellQuote(
      [
        `mount --bind ${shellQuote(root)} ${shellQuote(root)}`,
        `mount -t proc proc ${inside('proc')}`,
        `mount -t sysfs sysfs ${inside('sys')}`,
        `mount --rbind /dev ${inside('dev')}`,
        `mount -t tmpfs -o mode=755 tmpfs ${inside('run')}`,
        ...cgroupMounts(hierarchies, inside),
        ...mounts.flatMap(({from, to, readOnly}) => [
          `mount --bind ${shellQuote(from)} ${inside(to)}`,
          ...(readOnly ? [`mount -o remount,bind,ro ${inside(to)}`] : []),
        ]),
        `cd ${shellQuote(root)}`,
        'mkdir -p .this-machine',
        'pivot_root . .this-machine',
        'exec chroot . /bin/sh -c ' + shellQuote(`umount -l /.this-machine && rmdir /.this-machine && . ${init}`),
      ].join('\n'),
    )}`,
  ].join('\n');
}

function cgroupMounts(hierarchies: readonly Hierarchy[], inside: (path: string) => string): string[] {
  const folder = '/sys/fs/cgroup';
  // Where version 1 is in use, its hierarchies are folders in a tmpfs; version 2 alone is mounted in its place.
  const needsFolder = hierarchies.some(({mountPoint}) => mountPoint !== folder);
  return [
    ...(needsFolder ? [`mount -t tmpfs -o mode=755 tmpfs ${inside(folder)}`] : []),
    ...hierarchies.flatMap(({type, mountPoint, options}) => [
      `mkdir -p ${inside(mountPoint)}`,
      `mount -t ${type} -o ${options} none ${inside(mountPoint)}`,
      // With processes in its root group nothing in there could hand controllers down (cgroups(7)).
      ...(type === 'cgroup2'
        ? [`mkdir ${inside(join(mountPoint, 'init'))}`, `echo 0 > ${inside(join(mountPoint, 'init/cgroup.procs'))}`]
        : []),
    ]),
  ];
}

/** The script for a run with this machine's packages: own process ids alone. */
export function enterThisMachineScript(init: string): string {
  const mapping = process.getuid?.() === 0 ? '' : '--user --map-current-user ';
  return `exec unshare ${mapping}--pid --mount-proc --fork --kill-child sh ${shellQuote(init)}`;
}

/**
 * Runs a script that ends, with everything in its process namespace, when this process does.
 * @param script - for sh
 * @param cancelled - ends it early
 * @returns the exit code
 */
export async function runScript(script: string, cancelled: AbortSignal): Promise<number> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'sh', '-c', script], {stdio: 'inherit'});
  const cancel = (): void => {
    child.kill('SIGKILL');
  };
  cancelled.addEventListener('abort', cancel, {once: true});
  // While the machine was made ready nobody listened.
  if (cancelled.aborted) cancel();
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      cancelled.removeEventListener('abort', cancel);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
