import {randomBytes} from 'node:crypto';
import {mkdir, readFile, readdir, rmdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {PreflightError} from '../../lib/apt.ts';
import {errorCode, isNotFound} from '../../lib/errors.ts';
import {readPidFile, startBackground, stopByPidFile, type ProcessIdentity} from '../../lib/exec.ts';
import {API_PORT, INSIDE, NODE_IP, type Layout} from './layout.ts';

/** The component whose pid file is the node's: the parent of process 1 in the node's namespaces. */
const NODE = 'node';
/** How long a removed node's cgroups may stay busy, in milliseconds. */
const CGROUP_DEADLINE_MS = 30_000;

/**
 * Kernel settings that kubelet wants and that are the whole machine's: files with those values are put over them, so that
 * it finds what it wants and changes nothing (setupKernelTunables in kubelet's container_manager_linux.go).
 */
const SHIELDED_SETTINGS = {
  'vm/overcommit_memory': 1,
  'vm/panic_on_oom': 0,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
} as const;

/**
 * Runs as process 1 of the node's namespaces. Arguments: the cluster's folder, the folders of the two groups of programs.
 * Mounts are private to the node until the end, where they become a peer group of its own (volumes of pods need it).
 */
const SETUP = `
set -eu
cluster=$1 control_plane=$2 node=$3
work=$cluster/run/mounts
mkdir -p "$work/run" "$work/cgroup" "$work/settings"

# /sys shows the network devices of the namespace in which it was mounted.
mount --no-mtab --rbind /sys/fs/cgroup "$work/cgroup"
mount --no-mtab -t sysfs sysfs /sys
mount --no-mtab --move "$work/cgroup" /sys/fs/cgroup

mount --no-mtab -t tmpfs -o mode=0755 tmpfs "$work/run"
mkdir -p "$work/run/node" "$work/run/programs/control-plane" "$work/run/programs/node"
mount --no-mtab --bind "$cluster" "$work/run/node"
mount --no-mtab --bind "$control_plane" "$work/run/programs/control-plane"
mount --no-mtab --bind "$node" "$work/run/programs/node"
mount --no-mtab --move "$work/run" /run

mount --no-mtab -t tmpfs -o mode=0755 tmpfs /var/lib
mount --no-mtab -t tmpfs -o mode=0755 tmpfs /var/log
mkdir -p /var/lib/kubelet /var/log/pods ${INSIDE.node}/run/kubelet ${INSIDE.node}/artifacts/pods
mount --no-mtab --bind ${INSIDE.node}/run/kubelet /var/lib/kubelet
mount --no-mtab --bind ${INSIDE.node}/artifacts/pods /var/log/pods

if [ -e /etc/resolv.conf ]; then mount --no-mtab --bind ${INSIDE.node}/run/config/resolv.conf /etc/resolv.conf; fi
set_aside() {
  [ -e "/proc/sys/$1" ] || return 0
  echo "$2" > "${INSIDE.node}/run/mounts/settings/$(echo "$1" | tr / .)"
  mount --no-mtab --bind "${INSIDE.node}/run/mounts/settings/$(echo "$1" | tr / .)" "/proc/sys/$1"
}
${Object.entries(SHIELDED_SETTINGS)
  .map(([setting, value]) => `set_aside ${setting} ${String(value)}`)
  .join('\n')}
mount --no-mtab --make-rshared /

ip link set lo up
ip link add name node0 type bridge
ip address add ${NODE_IP}/24 dev node0
ip link set node0 up
# Components look for the interface of the default route; nothing answers on it.
ip route add default dev node0
echo 1 > /proc/sys/net/ipv4/ip_forward
hostname node

touch ${INSIDE.node}/run/namespaces-ready
exec ${INSIDE.programs}/node/node-init serve ${NODE_IP}:${String(API_PORT)}
`;

/** A clean environment: nothing of the caller's (proxies, credentials) reaches the node. */
export const NODE_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/',
  LANG: 'C.UTF-8',
} as const;

/** The programs by which the node runs, as folders on the host. */
export interface ProgramFolders {
  readonly controlPlane: string;
  readonly node: string;
}

/**
 * Starts the node's namespaces: network, mounts, processes, host name and System V IPC. When the returned process ends, so
 * does everything in them. A listener on the host's 127.0.0.1, whose port is written to run/port, leads to the API server.
 */
export async function startNamespaces(layout: Layout, programs: ProgramFolders): Promise<ProcessIdentity> {
  await mkdir(layout.file('config'), {recursive: true});
  // Whoever resolves a name outside the cluster is refused at once instead of waiting for an unreachable server.
  await writeFile(layout.file('config', 'resolv.conf'), 'nameserver 127.0.0.1\noptions attempts:1 timeout:1\n');
  const setup = layout.file('config', 'setup.sh');
  await writeFile(setup, SETUP);
  return startBackground({
    command: [
      ...([join(programs.node, 'node-init'), 'listen', '127.0.0.1:0', layout.file('port')] as const),
      ...['unshare', '--net', '--uts', '--ipc', '--mount', '--propagation', 'private'],
      ...['--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', setup, layout.directory, programs.controlPlane, programs.node],
    ],
    pidFile: layout.pidFile(NODE),
    logFile: layout.log(NODE),
    env: NODE_ENVIRONMENT,
  });
}

/** Whether the namespaces are set up: true, or what is awaited. */
export async function namespacesReady(layout: Layout): Promise<true | string> {
  try {
    await readFile(layout.file('namespaces-ready'));
    return true;
  } catch (error) {
    if (isNotFound(error)) return 'namespaces are being set up';
    throw error;
  }
}

/**
 * A command line that runs a command in the node's namespaces.
 * @param node - what startNamespaces returned
 */
export function inNamespaces(node: ProcessIdentity, command: readonly string[]): [string, ...string[]] {
  const pid = String(node.pid);
  // The process itself stays in the outer process namespace; its children are in the node's.
  const processes = `--pid=/proc/${pid}/ns/pid_for_children`;
  return ['nsenter', '--target', pid, '--net', '--uts', '--ipc', '--mount', processes, '--', ...command];
}

/** The node's process, or undefined when none was started. */
export async function nodeProcess(layout: Layout): Promise<ProcessIdentity | undefined> {
  return readPidFile(layout.pidFile(NODE));
}

/**
 * Chooses the cgroup below which the node's pods live, makes it in every hierarchy and remembers it in the cluster's
 * folder, so that it can be removed whatever happens next.
 * @returns its path in the hierarchies
 * @throws PreflightError when no cgroup hierarchy is mounted
 */
export async function createCgroup(layout: Layout): Promise<string> {
  const name = `maintenance-api-${randomBytes(4).toString('hex')}`;
  await mkdir(layout.run, {recursive: true});
  await writeFile(layout.file('cgroup'), name);
  const hierarchies = await cgroupHierarchies();
  if (hierarchies.length === 0) {
    throw new PreflightError(['cgroups (limits of pods): mount -t cgroup2 none /sys/fs/cgroup, or boot with systemd']);
  }
  for (const hierarchy of hierarchies) {
    await mkdir(join(hierarchy, name), {recursive: true});
    // A new cpuset group is empty, and nothing can run in it until it has its parent's processors and memory.
    for (const setting of ['cpuset.cpus', 'cpuset.mems']) await copySetting(hierarchy, name, setting);
  }
  return `/${name}`;
}

/** Removes the cgroup that createCgroup made and all below it; waits until what runs in it is gone. */
export async function removeCgroup(layout: Layout): Promise<void> {
  let name: string;
  try {
    name = await readFile(layout.file('cgroup'), 'utf8');
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  if (!/^maintenance-api-[0-9a-f]{8}$/.test(name)) return;
  const deadline = performance.now() + CGROUP_DEADLINE_MS;
  for (const hierarchy of await cgroupHierarchies()) await removeTree(join(hierarchy, name), deadline);
}

/** Ends the node with everything in it. */
export async function stopNamespaces(layout: Layout): Promise<void> {
  await stopByPidFile(layout.pidFile(NODE), 0);
}

async function cgroupHierarchies(): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  return mounts.flatMap(([, path, type]) =>
    path?.startsWith('/sys/fs/cgroup') === true && (type === 'cgroup' || type === 'cgroup2') ? [path] : [],
  );
}

async function copySetting(hierarchy: string, group: string, setting: string): Promise<void> {
  try {
    await writeFile(join(hierarchy, group, setting), await readFile(join(hierarchy, setting)));
  } catch (error) {
    // Only the cpuset hierarchy of cgroup v1 has it.
    if (!isNotFound(error)) throw error;
  }
}

/** Children first: a cgroup that has any can't be removed. */
async function removeTree(path: string, deadline: number): Promise<void> {
  let entries;
  try {
    entries = await readdir(path, {withFileTypes: true});
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name), deadline);
  for (;;) {
    try {
      await rmdir(path);
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (errorCode(error) !== 'EBUSY' || performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}
