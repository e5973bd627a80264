import {CommandError, run, type CommandOutput, type ProcessIdentity} from '../../lib/exec.ts';
import {ImageLoadError} from '../cluster.ts';
import {INSIDE} from './layout.ts';
import {inNamespaces, NODE_ENVIRONMENT} from './namespace.ts';

/** The namespace of containerd in which kubelet's containers and images are. */
const CTR = ['ctr', '--address', INSIDE.containerdSocket, '--namespace', 'k8s.io'] as const;

/** Whether containerd answers: true, or what is wrong. */
export async function containerdReady(node: ProcessIdentity): Promise<true | string> {
  try {
    await ctr(node, ['version']);
    return true;
  } catch (error) {
    if (error instanceof CommandError) return error.outputTail;
    throw error;
  }
}

/** Loads an image that the node doesn't know yet. See Cluster.loadImage. */
export async function importImage(node: ProcessIdentity, archivePath: string, ref: string): Promise<void> {
  if (await hasImage(node, ref)) return;
  await importArchive(node, archivePath);
  if (!(await hasImage(node, ref))) {
    throw new ImageLoadError(
      `${archivePath} has no image ${ref}; the node has\n${(await imageNames(node)).join('\n')}`,
    );
  }
}

/** Removes the containers that an earlier node left in containerd's database; its images stay. */
export async function removeStaleContainers(node: ProcessIdentity): Promise<void> {
  const {stdout} = await ctr(node, ['containers', 'list', '--quiet']);
  const ids = stdout.split('\n').filter(Boolean);
  if (ids.length > 0) await ctr(node, ['containers', 'delete', ...ids]);
}

async function hasImage(node: ProcessIdentity, ref: string): Promise<boolean> {
  return (await imageNames(node)).includes(ref);
}

async function imageNames(node: ProcessIdentity): Promise<string[]> {
  return (await ctr(node, ['images', 'list', '--quiet'])).stdout.split('\n').filter(Boolean);
}

/** The archive is opened outside: its path may be hidden in the node's mount namespace. */
async function importArchive(node: ProcessIdentity, archivePath: string): Promise<void> {
  const command = inNamespaces(node, [...CTR, 'images', 'import', '-']);
  await run(['sh', '-c', 'exec "$@" < "$0"', archivePath, ...command], {env: NODE_ENVIRONMENT, diesWithCaller: true});
}

async function ctr(node: ProcessIdentity, args: readonly string[]): Promise<CommandOutput> {
  return run(inNamespaces(node, [...CTR, ...args]), {env: NODE_ENVIRONMENT, diesWithCaller: true});
}
