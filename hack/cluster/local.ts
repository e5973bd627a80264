import {createHash, randomBytes} from 'node:crypto';
import {readFile, readdir, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {PreflightError, requirePrograms, type Requirement} from '../lib/apt.ts';
import {isNotFound} from '../lib/errors.ts';
import {isRunning, readPidFile, run, stopByPidFile, type ProcessIdentity} from '../lib/exec.ts';
import {lockFile} from '../lib/lock.ts';
import {createProgress, silentProgress, type Progress} from '../lib/progress.ts';
import {stateRoot} from '../lib/state.ts';
import {addonImages} from './addons/images.ts';
import {addonManifests} from './addons/manifests.ts';
import {requireClusterName, type Cluster} from './cluster.ts';
import {importImage} from './node/images.ts';
import {Layout} from './node/layout.ts';
import {inNamespaces, NODE_ENVIRONMENT, nodeProcess, removeCgroup, stopNamespaces} from './node/namespace.ts';
import {startNode, type NodeBuild} from './node/start.ts';
import {CertificateAuthority, writeKubeconfig} from './pki.ts';
import {programs} from './programs.ts';
import {ApiReader, ClusterStartError} from './ready.ts';

/** What a node needs of the machine; all are in Debian 12. */
const REQUIREMENTS: readonly Requirement[] = [
  {file: 'openssl', debianPackage: 'openssl', purpose: 'makes certificates'},
  {file: 'containerd', debianPackage: 'containerd', purpose: 'runs containers'},
  {file: 'ctr', debianPackage: 'containerd', purpose: 'loads images'},
  {file: 'runc', debianPackage: 'runc', purpose: 'starts containers'},
  {file: '/usr/lib/cni/ptp', debianPackage: 'containernetworking-plugins', purpose: "makes the pods' network"},
  {file: 'iptables', debianPackage: 'iptables', purpose: 'kube-proxy routes Services by it'},
  {file: 'ip', debianPackage: 'iproute2', purpose: "sets up the node's network namespace"},
];

export interface LocalClusterOptions {
  /** `local` when left out. Clusters of different names run side by side. */
  readonly name?: string;
  /** Start anew even if one of this name runs already. */
  readonly fresh?: boolean;
  readonly progress?: Progress;
}

/**
 * Starts a cluster of one node on this machine, or joins the one of this name that runs: etcd, kube-apiserver, controllers,
 * scheduler, kubelet, kube-proxy, containerd, DNS, metrics and a default StorageClass, in namespaces of its own. It lives
 * on when the caller ends. What a killed run of this name left is removed first; its images are used again.
 * @throws PreflightError naming what is missing on this machine
 * @throws ClusterStartError when a component ends or isn't ready in time, with the end of its log
 */
export async function localCluster(options: LocalClusterOptions = {}): Promise<Cluster> {
  const name = options.name ?? 'local';
  const progress = options.progress ?? createProgress();
  await preflight(progress);
  const build: NodeBuild = {
    controlPlane: await programs('control-plane', progress),
    node: await programs('node', progress),
    images: await addonImages(progress),
  };
  return locked(name, progress, async (layout) => {
    const running = options.fresh === true ? undefined : await runningCluster(name, layout, build);
    if (running !== undefined) {
      progress.note(`cluster ${name} is running already`);
      return running;
    }
    await reclaim(layout);
    try {
      await startNode(layout, build, progress);
    } catch (error) {
      await reclaim(layout);
      throw error;
    }
    // Last: a folder without it was left by a start that didn't end well.
    await writeFile(layout.file('build'), fingerprint(build));
    return open(name, layout, build.controlPlane, await nodeOf(layout));
  });
}

/**
 * Joins a cluster that runs, without starting one.
 * @throws ClusterStartError when it doesn't
 */
export async function joinLocalCluster(name: string): Promise<Cluster> {
  const layout = layoutOf(name);
  const ready = await readiness(layout);
  if (ready !== true) throw new ClusterStartError(`cluster ${name} is not ready: ${ready} (npm run cluster -- up)`);
  return open(name, layout, await programs('control-plane', silentProgress), await nodeOf(layout));
}

/** Ends a cluster, also one whose start was killed half way. Nothing but images and artifacts stays. */
export async function stopLocalCluster(name: string, progress: Progress): Promise<void> {
  await locked(name, progress, reclaim);
}

/** Removes what a cluster keeps when it is stopped: its images and artifacts. */
export async function purgeLocalCluster(name: string, progress: Progress): Promise<void> {
  await locked(name, progress, async (layout) => {
    await reclaim(layout);
    await rm(layout.directory, {recursive: true, force: true});
  });
}

/** What is known of a cluster from its folder. */
export interface LocalClusterState {
  readonly name: string;
  readonly layout: Layout;
  /** Every component that was started, and whether it runs. */
  readonly components: readonly {readonly name: string; readonly running: boolean}[];
  /** Whether its start ended well and the API server says that it is ready: true, or what is wrong. */
  readonly ready: true | string;
}

/** Looks at a cluster without changing anything. */
export async function localClusterState(name: string): Promise<LocalClusterState> {
  const layout = layoutOf(name);
  const pidFiles = (await listDirectory(layout.file('pids'))).filter((file) => file.endsWith('.pid')).sort();
  const components = await Promise.all(
    pidFiles.map(async (file) => {
      const identity = await readPidFile(layout.file('pids', file));
      return {name: file.slice(0, -'.pid'.length), running: identity !== undefined && (await isRunning(identity))};
    }),
  );
  return {name, layout, components, ready: await readiness(layout)};
}

async function preflight(progress: Progress): Promise<void> {
  if (process.platform !== 'linux') {
    throw new PreflightError([
      'Linux (the local cluster uses its namespaces): use --provider kind, or existing with --context NAME',
    ]);
  }
  if (process.getuid?.() !== 0) {
    throw new PreflightError([
      'root (the local cluster makes namespaces and cgroups): run it by sudo, or use --provider kind, or existing with --context NAME',
    ]);
  }
  await requirePrograms(REQUIREMENTS, progress);
}

function layoutOf(name: string): Layout {
  requireClusterName(name);
  return new Layout(join(stateRoot(), 'clusters', name));
}

async function locked<T>(name: string, progress: Progress, work: (layout: Layout) => Promise<T>): Promise<T> {
  const layout = layoutOf(name);
  const lock = await lockFile(`${layout.directory}.lock`, (holder) => {
    progress.note(`waiting for ${holder}, which is starting or stopping cluster ${name}`);
  });
  try {
    return await work(layout);
  } finally {
    await lock.release();
  }
}

/** Removes all that a node leaves, whatever state it is in: processes (with them their mounts and namespaces), cgroups, files. */
async function reclaim(layout: Layout): Promise<void> {
  await stopNamespaces(layout);
  // Each of these waits in the host's process namespace for one that ended with the node.
  for (const file of await listDirectory(layout.file('pids'))) await stopByPidFile(layout.file('pids', file), 0);
  await removeCgroup(layout);
  await rm(layout.run, {recursive: true, force: true});
}

async function runningCluster(name: string, layout: Layout, build: NodeBuild): Promise<Cluster | undefined> {
  if ((await readText(layout.file('build'))) !== fingerprint(build)) return undefined;
  if ((await readiness(layout)) !== true) return undefined;
  return open(name, layout, build.controlPlane, await nodeOf(layout));
}

async function readiness(layout: Layout): Promise<true | string> {
  const node = await nodeProcess(layout);
  if (node === undefined || !(await isRunning(node))) return 'the node is not running';
  if ((await readText(layout.file('build'))) === undefined) return 'the start has not ended';
  const authority = authorityOf(layout);
  const admin = {certFile: layout.file('pki', 'admin.crt'), keyFile: layout.file('pki', 'admin.key')};
  return (await ApiReader.create(await serverOf(layout), authority.certFile, admin)).ready();
}

async function open(
  name: string,
  layout: Layout,
  controlPlanePrograms: string,
  node: ProcessIdentity,
): Promise<Cluster> {
  const server = await serverOf(layout);
  return {
    name,
    server,
    kubeconfigPath: layout.kubeconfig,
    kubectlPath: join(controlPlanePrograms, 'kubectl'),
    auditLogPath: layout.auditLog,
    artifactsDir: layout.artifacts,
    loadImage: async (archivePath, ref) => importImage(node, archivePath, ref),
    kubeconfigFor: async (user, groups = []) => {
      const id = `user-${randomBytes(6).toString('hex')}`;
      const authority = authorityOf(layout);
      const client = await authority.issue({name: id, commonName: user, organizations: groups});
      const path = layout.file(`${id}.kubeconfig`);
      return writeKubeconfig({
        server,
        caFile: authority.certFile,
        client,
        user,
        context: 'maintenance-api-local',
        path,
      });
    },
    exec: async (command, options) => run(inNamespaces(node, command), {env: NODE_ENVIRONMENT, ...options}),
    stop: async () => stopLocalCluster(name, silentProgress),
  };
}

function authorityOf(layout: Layout): CertificateAuthority {
  return CertificateAuthority.existing(layout.file('pki'), 'ca');
}

async function serverOf(layout: Layout): Promise<string> {
  return `https://127.0.0.1:${(await readFile(layout.file('port'), 'utf8')).trim()}`;
}

async function nodeOf(layout: Layout): Promise<ProcessIdentity> {
  const node = await nodeProcess(layout);
  if (node === undefined) throw new Error(`the cluster's node has no pid file below ${layout.run}`);
  return node;
}

/** What a running cluster was made of: one made of something else is started anew. */
function fingerprint(build: NodeBuild): string {
  return createHash('sha256')
    .update(JSON.stringify([build.controlPlane, build.node, addonManifests(build.images.refs, '')]))
    .digest('hex');
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function listDirectory(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
