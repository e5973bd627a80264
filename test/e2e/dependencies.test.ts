import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {deploymentPatches, evictionsIn} from '../harness/audit.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';
import {serveUnderLoad} from './served.ts';

/* What all pods share breaks: the cluster's names can't be looked up, and every pod lacks its database for that reason. */
const WHERE = {namespace: 'dependencies', name: 'tasks'} as const;
const TIMEOUT_MS = 300_000;
let world: World;

const scaleDns = (replicas: number): Promise<string> =>
  world.kubectl(['scale', '-n', 'kube-system', 'deployment/coredns', `--replicas=${String(replicas)}`]);
const dnsPods = (): Promise<unknown[]> => world.list('pods', 'kube-system', 'k8s-app=kube-dns');

beforeAll(async () => {
  world = await World.join('e2e');
  const two = {autoscaling: {minReplicas: 2, maxReplicas: 2}};
  await serveUnderLoad(world, WHERE, two, {rate: 20, seconds: 240, writes: 0.1});
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  await world.leave(WHERE.namespace);
}, 60_000);

test(
  'names that nobody tells are named as the cause; no pod is evicted and nothing is rolled back',
  async () => {
    const patches = await world.audit(deploymentPatches(WHERE.namespace, WHERE.name));
    await scaleDns(0);
    try {
      await waitFor('no name server is left', async () => (await dnsPods()).length === 0 || undefined, 60_000);
      // Its connections were there before: without new ones nobody asks for a name.
      await world.killContainer(WHERE.namespace, `${WHERE.name}-mysql-0`, 'mysqld');
      const held = await world.waitApi(
        WHERE,
        'what every pod lacks is named',
        ({status}) => status?.remediation?.lastDecision?.verdict === 'SharedDependency',
        TIMEOUT_MS,
      );
      expect(held.status?.remediation?.lastDecision?.message).toContain('the same fails: database: dns');
      expect(held.status?.database?.state).toBe('Ready');
    } finally {
      await scaleDns(1);
    }
    await world.waitApi(
      WHERE,
      'every pod is ready again',
      ({status}) =>
        status?.remediation?.lastDecision?.verdict !== 'SharedDependency' &&
        status?.replicas?.ready === status?.replicas?.wanted,
      TIMEOUT_MS,
    );
    expect(await world.audit(evictionsIn(WHERE.namespace))).toEqual([]);
    expect(await world.audit(deploymentPatches(WHERE.namespace, WHERE.name))).toHaveLength(patches.length);
  },
  2 * TIMEOUT_MS,
);
