import {once} from 'node:events';
import {afterAll, expect} from '@jest/globals';
import {resources, type MaintenanceApi} from '../../../operator/src/api/v1alpha1/index.ts';
import type {KubeObject} from '../../../operator/src/runtime/index.ts';
import {Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';

/* Load beyond what a good release can take, on a real API server with the real autoscaler's controller. */
const STORY_TIMEOUT_MS = 500_000;
const STATE_TIMEOUT_MS = 300_000;
const NS = 'overload';
/** The load of a minute and more must be known before it can be said to have grown. */
const BASELINE_MS = 100_000;

let world: Simulation;

interface Autoscaler extends KubeObject {
  spec: {minReplicas: number};
}

const floor = async (): Promise<number | undefined> =>
  (await world.client.get<Autoscaler>(resources.horizontalPodAutoscaler, NS, 'tasks'))?.spec.minReplicas;
const record = ({status}: MaintenanceApi) => status?.remediation?.recentActions?.[0];

async function scalesUp(): Promise<void> {
  const env = {LEASE_NAME: NS, WATCH_NAMESPACES: NS};
  const first = world.startOperator(env);
  const scene = await world.scene(NS, 50, {'example/api:1': {badShare: 0, cpu: 0.02}});
  await world.create(NS, {replicas: undefined, autoscaling: {minReplicas: 2, maxReplicas: 6}});
  const good = await world.good(NS);
  const patches = await world.deploymentPatches(NS);
  const since = Date.now();
  await waitFor('its load is known', async () => Date.now() - since > BASELINE_MS || undefined, 2 * BASELINE_MS);

  scene.images.set('example/api:1', {badShare: 0.3, cpu: 0.12});
  scene.requestsPerSecond = 250;
  await world.until(NS, 'the floor is raised', ({status}) => status?.replicas?.floor !== undefined, STATE_TIMEOUT_MS);
  const raised = await world.until(
    NS,
    'the pods are there',
    ({status}) => status?.remediation?.action?.state === 'Verifying',
    STATE_TIMEOUT_MS,
  );
  expect(raised.status?.remediation?.action).toMatchObject({kind: 'ScaleUp', verdict: 'Overload', minReplicas: 3});
  expect(raised.status?.replicas?.ready).toBe(3);
  expect(await floor()).toBe(3);
  // More pods answer all of it.
  scene.images.set('example/api:1', {badShare: 0, cpu: 0.08});

  // The end is in the record: whoever leads next keeps it.
  const end = once(first, 'exit');
  first.kill('SIGKILL');
  await end;
  world.startOperator(env);
  const helped = await world.until(NS, 'it helped', (api) => record(api)?.outcome === 'Helped', STATE_TIMEOUT_MS);
  expect(await floor()).toBe(3);
  expect(helped.status?.revisions?.serving).toBe(good);
  expect(await world.deploymentPatches(NS)).toHaveLength(patches.length);

  // As if half an hour had passed.
  const path = '/status/remediation/recentActions/0/expiresAt';
  const value = new Date(Date.now() - 1_000).toISOString();
  await world.client.patch(resources.maintenanceApi, NS, 'tasks', [{op: 'replace', path, value}], {
    ...{type: 'json', subresource: 'status'},
  });
  await world.until(NS, 'the floor is lowered', ({status}) => status?.replicas?.floor === undefined, STATE_TIMEOUT_MS);
  expect(await floor()).toBe(2);
}

sideBySide(
  'load beyond what a good release can take',
  {
    start: async () => {
      world = await Simulation.start();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {'raises the least number of pods for a while, across a restart of the operator, and rolls nothing back': scalesUp},
);

afterAll(async () => {
  await world.stop();
});
