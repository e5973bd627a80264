import {setTimeout as delay} from 'node:timers/promises';
import {NODE_NAME} from '../../../hack/cluster/node/components.ts';
import type {World} from '../../harness/world.ts';
import {mebibytes} from '../format.ts';
import type {Row} from '../row.ts';

const GOAL_BYTES = 90 * 2 ** 20;
const NAMESPACE = 'maintenance-api-system';
const KIBIBYTE = 1024;

interface Pod {
  metadata: {name: string};
  status: {containerStatuses: {containerID: string; restartCount: number; state: {running?: {startedAt: string}}}[]};
}

interface Summary {
  pods: {podRef: {name: string; namespace: string}; containers: {memory: {workingSetBytes: number}}[]}[];
}

/** The leader's pod, by the Lease. */
async function leader(world: World): Promise<{name: string; containerId: string; startedAt: number}> {
  const lease = await world.get<{spec: {holderIdentity?: string}}>('lease', 'maintenance-api-operator', NAMESPACE);
  // A pod's name has no underscore; what follows it tells one process of the pod from the next.
  const name = lease?.spec.holderIdentity?.split('_', 1)[0] ?? '';
  const pod = await world.get<Pod>('pod', name, NAMESPACE);
  const container = pod?.status.containerStatuses[0];
  const startedAt = container?.state.running?.startedAt;
  if (container === undefined || startedAt === undefined) throw new Error(`the Lease's holder "${name}" does not run`);
  return {name, containerId: container.containerID.split('//')[1] ?? '', startedAt: Date.parse(startedAt)};
}

/** /proc/<pid>/status of a container's main process, sizes in bytes. */
async function processStatus(world: World, containerId: string): Promise<ReadonlyMap<string, number>> {
  const {stdout: tasks} = await world.cluster.exec(['ctr', '--namespace', 'k8s.io', 'tasks', 'list']);
  const line = tasks.split('\n').find((text) => text.startsWith(containerId));
  const pid = line?.split(/\s+/)[1];
  if (pid === undefined) throw new Error(`containerd has no task ${containerId}`);
  const {stdout} = await world.cluster.exec(['cat', `/proc/${pid}/status`]);
  const sizes = [...stdout.matchAll(/^(\w+):\s+(\d+) kB$/gm)];
  return new Map(sizes.map(([, name = '', size]) => [name, Number(size) * KIBIBYTE]));
}

async function workingSet(world: World, pod: string): Promise<number> {
  const text = await world.kubectl(['get', '--raw', `/api/v1/nodes/${NODE_NAME}/proxy/stats/summary`]);
  const {pods} = JSON.parse(text) as Summary;
  const found = pods.find(({podRef}) => podRef.namespace === NAMESPACE && podRef.name === pod);
  if (found === undefined) throw new Error(`the kubelet knows no pod ${pod}`);
  return found.containers.reduce((sum, {memory}) => sum + memory.workingSetBytes, 0);
}

/** The leader's resident memory by the kernel, after it has had a service for a while. */
export const memory: Row = {
  name: 'memory',
  title: "operator's resident memory, leader, after 10 minutes",
  goal: '≤ 90 MiB',
  measure: async (bench) => {
    await bench.service();
    const {world} = await bench.operator();
    const {name, containerId, startedAt} = await leader(world);
    const wait = startedAt + bench.options.minutes * 60_000 - Date.now();
    if (wait > 0) await bench.progress.run('the operator grows older', async () => delay(wait));
    const status = await processStatus(world, containerId);
    const size = (field: string): number => {
      const bytes = status.get(field);
      if (bytes === undefined) throw new Error(`/proc/<pid>/status has no ${field}`);
      return bytes;
    };
    const age = (Date.now() - startedAt) / 60_000;
    const parts = ['VmHWM', 'RssAnon', 'RssFile', 'VmData'].map((field) => `${field} ${mebibytes(size(field))}`);
    return {
      text: `${mebibytes(size('VmRSS'))} after ${age.toFixed(0)} min`,
      isMet: size('VmRSS') <= GOAL_BYTES,
      notes: [`${parts.join(', ')}; the container's working set ${mebibytes(await workingSet(world, name))}`],
    };
  },
};
