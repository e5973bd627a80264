import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {
  FIELD_MANAGER,
  monitoringResources,
  resources,
  type MaintenanceApi,
} from '../../../operator/src/api/v1alpha1/index.ts';
import {desiredObjects, type KubeObject as Desired} from '../../../operator/src/desired/index.ts';
import {desiredInput} from '../../../operator/src/desired/testing/scenarios.ts';
import type {KubeObject, ResourceRef} from '../../../operator/src/runtime/index.ts';
import {ownedFields, wantedFields} from '../../../operator/src/runtime/owned-fields.ts';
import {deleteObject, installDefinitions, removeDefinitions} from '../../harness/monitoring.ts';
import {freePort} from '../../harness/mysqld-process.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {waitFor} from '../../harness/wait.ts';

/*
 * Alert rules in a cluster whose definitions come and go, with the operator running all the time. The tests build on
 * one another.
 */
const TIMEOUT_MS = 300_000;
const SETTLED_MS = 20_000;
const OBSERVED_MS = 30_000;
const NAMESPACE = 'watched';
const TASKS = {namespace: NAMESPACE, name: 'tasks'};

let world: Simulation;
let metricsPort: number;

beforeAll(async () => {
  world = await Simulation.start();
  metricsPort = await freePort();
  world.startOperator({METRICS_PORT: String(metricsPort)});
  await world.scene(NAMESPACE, 0);
  await world.create(NAMESPACE);
  await world.until(NAMESPACE, 'ready', (api) => conditionOf(api, 'Ready') === 'True Ready');
}, TIMEOUT_MS);

afterAll(async () => {
  await world.stop();
});

/** What the operator is to make of the resource where the kinds are there or not. */
function wanted(api: MaintenanceApi, ref: ResourceRef, name: string, has: 'Served' | 'Absent'): Desired {
  const found = desiredObjects(desiredInput(api, {has})).find(
    ({kind, metadata}) => kind === ref.kind && metadata.name === name,
  );
  if (found === undefined) throw new Error(`no ${ref.kind} ${name} is wanted`);
  return found;
}

/** Waits until an object is there, and compares what we own of it with what was to be applied. */
async function readBack(ref: ResourceRef, name: string, has: 'Served' | 'Absent'): Promise<void> {
  const live = await waitFor<KubeObject>(`${ref.kind} ${name}`, () => world.client.get(ref, NAMESPACE, name), 60_000);
  const api = await world.api(NAMESPACE);
  expect(ownedFields(live, FIELD_MANAGER)).toEqual(wantedFields(wanted(api, ref, name, has)));
}

async function gone(ref: ResourceRef, name: string): Promise<void> {
  await waitFor(
    `${ref.kind} ${name} is gone`,
    async () => ((await world.client.get(ref, NAMESPACE, name)) === undefined ? true : undefined),
    60_000,
  );
}

const monitoring = async (message: RegExp): Promise<void> => {
  await world.until(NAMESPACE, String(message), ({status}) =>
    (status?.conditions ?? []).some(
      (condition) => condition.type === 'MonitoringReady' && message.test(condition.message),
    ),
  );
};

/** Nothing is asked of the API server any more but the Lease and watches. */
async function silent(): Promise<void> {
  await waitFor(
    'the operator has nothing more to do',
    async () => ((await world.requests({from: Date.now() - SETTLED_MS})).length === 0 ? true : undefined),
    TIMEOUT_MS / 3,
  );
  const from = Date.now();
  await new Promise((resolve) => setTimeout(resolve, OBSERVED_MS));
  const asked = await world.requests({from});
  expect(asked.map(({verb, requestURI}) => `${verb} ${requestURI}`)).toEqual([]);
}

const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();

test(
  'without the kinds the rules are in a ConfigMap, and nothing is asked at rest',
  async () => {
    await readBack(resources.configMap, 'tasks-rules', 'Absent');
    await monitoring(/^The alert rules are in ConfigMap "tasks-rules"; this cluster has no PodMonitor/);
    await silent();
  },
  TIMEOUT_MS,
);

test(
  'when the kinds appear the rules become a PrometheusRule, as it was built, and the ConfigMap goes; then it is silent again',
  async () => {
    await installDefinitions(world.client);
    for (const ref of monitoringResources) await readBack(ref, 'tasks', 'Served');
    await gone(resources.configMap, 'tasks-rules');
    await monitoring(/^The alert rules are in PrometheusRule "tasks"; PodMonitor "tasks" tells/);
    await silent();
  },
  TIMEOUT_MS,
);

test(
  'what somebody deletes or changes is put back',
  async () => {
    await deleteObject(world.client, resources.podMonitor, TASKS);
    await world.client.patch(resources.prometheusRule, NAMESPACE, 'tasks', {spec: {groups: []}}, {type: 'merge'});
    await waitFor(
      'the rules are back',
      async () => {
        const rule = await world.client.get(resources.prometheusRule, NAMESPACE, 'tasks');
        const {groups} = (rule as unknown as {spec: {groups: unknown[]}}).spec;
        return groups.length > 0 ? true : undefined;
      },
      60_000,
    );
    for (const ref of monitoringResources) await readBack(ref, 'tasks', 'Served');
  },
  TIMEOUT_MS,
);

test(
  'with rulesAs None the rules go, and with ConfigMap they are in one',
  async () => {
    await world.patchSpec(NAMESPACE, {monitoring: {rulesAs: 'None'}});
    await gone(resources.prometheusRule, 'tasks');
    await monitoring(/rulesAs is None/);
    await world.patchSpec(NAMESPACE, {monitoring: {rulesAs: 'ConfigMap'}});
    await readBack(resources.configMap, 'tasks-rules', 'Served');
    await world.patchSpec(NAMESPACE, {monitoring: {rulesAs: 'Auto'}});
    await gone(resources.configMap, 'tasks-rules');
  },
  TIMEOUT_MS,
);

test(
  'when the kinds go the ConfigMap is back, and one that is asked for by name is missed',
  async () => {
    await removeDefinitions(world.client);
    await readBack(resources.configMap, 'tasks-rules', 'Absent');
    await world.patchSpec(NAMESPACE, {monitoring: {rulesAs: 'PrometheusRule'}});
    await monitoring(/^This cluster has no PrometheusRule/);
    await gone(resources.configMap, 'tasks-rules');
    expect(conditionOf(await world.api(NAMESPACE), 'Ready')).toBe('True Ready');
  },
  TIMEOUT_MS,
);

test(
  'the operator tells of the resource in its metrics until it is gone',
  async () => {
    const own = `namespace="${NAMESPACE}",maintenanceapi="tasks"`;
    const page = await metrics();
    expect(page).toContain(`maintenance_api_up{${own}} 1`);
    expect(page).toContain(`maintenance_api_condition{${own},type="Ready",status="True"} 1`);
    expect(page).toMatch(
      new RegExp(`maintenance_api_certificate_expiry_timestamp_seconds\\{${own},certificate="server"\\} \\d`),
    );
    await deleteObject(world.client, resources.maintenanceApi, TASKS);
    await waitFor(
      'its series are gone',
      async () => ((await metrics()).includes('maintenanceapi="tasks"') ? undefined : true),
      60_000,
    );
  },
  TIMEOUT_MS,
);
