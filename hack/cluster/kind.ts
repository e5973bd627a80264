import {join} from 'node:path';
import {findProgram, PreflightError} from '../lib/apt.ts';
import {run} from '../lib/exec.ts';
import type {Progress} from '../lib/progress.ts';
import {stateDir} from '../lib/state.ts';
import {addonImages, type AddonImages} from './addons/images.ts';
import {metricsServer} from './addons/manifests.ts';
import {requireClusterName} from './cluster.ts';
import {programs} from './programs.ts';
import {ClusterStartError} from './ready.ts';

/** One node: what is tested on the local node is tested the same way here. DNS and a default StorageClass are kind's own. */
const CONFIGURATION = `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
`;
/** How long kind, and then metrics-server, may take to be ready. */
const READY = '300s';

/** A command of a plan, and what it is told on its standard input. */
export interface Step {
  readonly title: string;
  readonly command: readonly [string, ...string[]];
  readonly input?: string;
}

/** The cluster of a name as kind knows it: others on the machine are not touched. */
function clusterOf(name: string): string {
  requireClusterName(name);
  return `maintenance-api-${name}`;
}

/** A cluster in Docker containers. */
export interface KindCluster {
  /** Its own file, never ~/.kube/config. */
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
}

/**
 * The commands that start a cluster and give it what kind leaves out: resource metrics, for autoscalers.
 *
 * @param exists - a cluster of this name is there already: it is given what it lacks, all of which may be repeated
 */
export function upPlan(
  name: string,
  exists: boolean,
  {kubeconfigPath, kubectlPath}: KindCluster,
  addons: AddonImages,
): readonly Step[] {
  const cluster = clusterOf(name);
  const kubectl = (...args: string[]): Step['command'] => [kubectlPath, '--kubeconfig', kubeconfigPath, ...args];
  const settings = ['--name', cluster, '--kubeconfig', kubeconfigPath];
  return [
    exists
      ? {title: 'joining the kind cluster', command: ['kind', 'export', 'kubeconfig', ...settings]}
      : {
          title: 'starting a kind cluster',
          command: ['kind', 'create', 'cluster', ...settings, '--config', '-', '--wait', READY],
          input: CONFIGURATION,
        },
    {title: 'loading the image of metrics-server', command: loadCommand(name, addons.archive)},
    {
      title: 'installing metrics-server',
      command: kubectl('apply', '--server-side', '-f', '-'),
      input: metricsServer(addons.refs['metrics-server']),
    },
    {
      title: 'waiting for metrics',
      command: kubectl('wait', '--for=condition=Available', 'apiservice/v1beta1.metrics.k8s.io', `--timeout=${READY}`),
    },
  ];
}

/** The command that makes the images of an archive known to the node. */
export function loadCommand(name: string, archive: string): Step['command'] {
  return ['kind', 'load', 'image-archive', archive, '--name', clusterOf(name)];
}

/** The command that removes a cluster with all that is in it; one that isn't there is no error. */
export function downCommand(name: string, kubeconfig: string): Step['command'] {
  return ['kind', 'delete', 'cluster', '--name', clusterOf(name), '--kubeconfig', kubeconfig];
}

/**
 * Starts a cluster by kind (sigs.k8s.io/kind) in Docker, or joins the one of this name.
 *
 * @throws PreflightError where kind or Docker is not installed
 * @throws CommandError when one of kind's commands fails
 */
export async function kindCluster(name: string, progress: Progress): Promise<KindCluster> {
  const exists = (await kindClusters()).includes(clusterOf(name));
  const cluster = await kindClusterOf(name, progress);
  for (const {title, command, input} of upPlan(name, exists, cluster, await addonImages(progress)))
    await progress.run(title, async () => run(command, input === undefined ? {} : {input}));
  return cluster;
}

/**
 * Joins a cluster that is there, without starting one.
 *
 * @throws ClusterStartError when there is none of this name
 */
export async function joinKindCluster(name: string, progress: Progress): Promise<KindCluster> {
  if (!(await kindClusters()).includes(clusterOf(name)))
    throw new ClusterStartError(`no kind cluster ${name} runs: npm run cluster -- up --provider kind`);
  return kindClusterOf(name, progress);
}

async function kindClusterOf(name: string, progress: Progress): Promise<KindCluster> {
  const kubectlPath = join(await programs('control-plane', progress), 'kubectl');
  return {kubeconfigPath: await kubeconfigOf(name), kubectlPath};
}

/** Makes the images of an archive known to the node. @throws CommandError when kind refuses it */
export async function loadIntoKind(name: string, archive: string): Promise<void> {
  await requireKind();
  await run(loadCommand(name, archive));
}

/** Removes a cluster, also one whose start was killed half way. */
export async function stopKindCluster(name: string): Promise<void> {
  await requireKind();
  await run(downCommand(name, await kubeconfigOf(name)));
}

async function kindClusters(): Promise<readonly string[]> {
  await requireKind();
  return (await run(['kind', 'get', 'clusters'])).stdout.split('\n');
}

async function kubeconfigOf(name: string): Promise<string> {
  return join(await stateDir('kind'), `${name}.kubeconfig`);
}

/**
 * Makes sure that kind and Docker are installed, which this project doesn't do.
 *
 * @param find - looks a program up
 * @throws PreflightError naming what is missing, and what to do
 */
export async function requireKind(find: (program: string) => Promise<string | undefined> = findProgram): Promise<void> {
  const purposes = {docker: 'runs the node', kind: 'makes the cluster (https://kind.sigs.k8s.io)'};
  const missing: string[] = [];
  for (const [program, purpose] of Object.entries(purposes)) {
    if ((await find(program)) === undefined)
      missing.push(`${program}, which ${purpose}: install it, or use --provider local`);
  }
  if (missing.length > 0) throw new PreflightError(missing);
}
