import {afterAll, expect} from '@jest/globals';
import {resources, type MaintenanceApi} from '../../../operator/src/api/v1alpha1/index.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';

/*
 * A database of somebody else's, on a real API server: the operator makes nothing of it and asks it nothing; what is wrong
 * with it is told by the pods, names what has to be changed, and nothing is done about it.
 */
const STORY_TIMEOUT_MS = 400_000;
const STATE_TIMEOUT_MS = 240_000;
const IMAGE = 'example/api:1';
const PASSWORD = 'a-password-that-nobody-may-repeat';

const external = {
  ...{host: 'mysql.example.com', port: 3307, maxConnections: 80},
  ...{credentialsSecretRef: {name: 'account'}, tlsSecretRef: {name: 'authority'}},
};

let world: Simulation;

async function put(namespace: string, name: string, stringData: Record<string, string>): Promise<void> {
  await world.client.create(resources.secret, namespace, {
    ...{apiVersion: 'v1', kind: 'Secret', metadata: {name, namespace}},
    stringData,
  });
}

const messageOf = (api: MaintenanceApi, type: string): string =>
  api.status?.conditions?.find((condition) => condition.type === type)?.message ?? '';

async function used(): Promise<void> {
  const NS = 'external-used';
  world.startOperator({LEASE_NAME: NS, WATCH_NAMESPACES: NS});
  const scene = await world.scene(NS, 50);
  await put(NS, 'authority', {'ca.crt': 'a certificate'});
  await world.create(NS, {database: {external}});
  const missing = await world.until(
    NS,
    'the Secret that is missing is named',
    (api) => conditionOf(api, 'Ready') === 'False ReferenceMissing',
    STATE_TIMEOUT_MS,
  );
  expect(messageOf(missing, 'Ready')).toContain('Secret "account" does not exist');
  await put(NS, 'account', {username: 'tasks', password: PASSWORD});
  await world.good(NS);
  const good = await world.until(NS, 'Ready', (api) => conditionOf(api, 'Ready') === 'True Ready', STATE_TIMEOUT_MS);
  expect(conditionOf(good, 'DatabaseReady')).toBe('True DatabaseReady');
  expect(good.status?.database).toMatchObject({state: 'Ready', maxConnections: 80});
  for (const ref of [resources.statefulSet, resources.persistentVolumeClaim])
    expect((await world.client.list(ref, {namespace: NS})).items).toEqual([]);
  const secrets = (await world.client.list(resources.secret, {namespace: NS})).items.map(({metadata}) => metadata.name);
  expect(secrets.sort()).toEqual(['account', 'authority', 'tasks-api-tokens']);

  const patches = await world.deploymentPatches(NS);
  scene.images.set(IMAGE, {badShare: 0.5, failing: 'credentials'});
  const refused = await world.until(
    NS,
    'the account that is refused is named, and the breach is told by it',
    (api) =>
      conditionOf(api, 'DatabaseReady') === 'False DatabaseCredentialsRefused' &&
      api.status?.remediation?.lastDecision?.verdict === 'DatabaseDown',
    STATE_TIMEOUT_MS,
  );
  expect(messageOf(refused, 'DatabaseReady')).toMatch(
    /mysql\.example\.com:3307 refuses the account in Secret "account"/,
  );
  expect(refused.status?.remediation?.action).toBeUndefined();
  scene.images.set(IMAGE, {badShare: 0});
  const back = await world.until(
    NS,
    'it answers again',
    (api) => conditionOf(api, 'DatabaseReady') === 'True DatabaseReady',
    STATE_TIMEOUT_MS,
  );
  expect(back.status?.remediation?.recentActions ?? []).toEqual([]);
  expect(await world.deploymentPatches(NS)).toHaveLength(patches.length);
  expect(await world.evictions(NS)).toEqual([]);

  const others = await Promise.all(
    [resources.maintenanceApi, resources.deployment, resources.controllerRevision].map(async (ref) =>
      JSON.stringify((await world.client.list(ref, {namespace: NS})).items),
    ),
  );
  const told = [...others, await world.operatorLogs()].join();
  for (const form of [PASSWORD, Buffer.from(PASSWORD).toString('base64')]) expect(told).not.toContain(form);
}

async function released(): Promise<void> {
  const NS = 'external-outage';
  world.startOperator({LEASE_NAME: NS, WATCH_NAMESPACES: NS});
  const scene = await world.scene(NS, 50);
  await put(NS, 'authority', {'ca.crt': 'a certificate'});
  await put(NS, 'account', {username: 'tasks', password: PASSWORD});
  await world.create(NS, {database: {external}});
  const first = await world.good(NS);
  // A release bakes, no pod of the one before is left, and the database goes: nothing tells them apart but their pods' word.
  await world.patchSpec(NS, {image: 'example/api:2', release: {bakeSeconds: 600}});
  await world.until(
    NS,
    'the next release bakes',
    ({status}) => status?.revisions?.serving !== first && status?.revisions?.rolledOutAt !== undefined,
    STATE_TIMEOUT_MS,
  );
  scene.images.set('example/api:2', {badShare: 1, failing: 'connection'});
  await world.until(
    NS,
    'the database is the cause',
    ({status}) => status?.remediation?.lastDecision?.verdict === 'DatabaseDown',
    STATE_TIMEOUT_MS,
  );
  scene.images.set('example/api:2', {badShare: 0});
  await world.until(
    NS,
    'the breach is over',
    (api) =>
      conditionOf(api, 'DatabaseReady') === 'True DatabaseReady' &&
      conditionOf(api, 'ObjectivesMet') !== 'False ObjectiveBreached',
    STATE_TIMEOUT_MS,
  );
  // And what is the release's own fault is still seen, a moment later than with a database that is asked.
  scene.images.set('example/api:2', {badShare: 0.5});
  const rolledBack = await world.until(
    NS,
    'what the release does itself is rolled back',
    ({status}) => status?.remediation?.action?.kind === 'Rollback',
    STATE_TIMEOUT_MS,
  );
  expect(rolledBack.status?.remediation?.action).toMatchObject({verdict: 'BadRevision', toRevision: first});
}

sideBySide(
  'an external database',
  {
    start: async () => {
      world = await Simulation.start();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {
    'is used, told of by the pods, and left alone': used,
    'that goes while a release bakes is not blamed on it; what the release does is': released,
  },
);

afterAll(async () => {
  await world.stop();
});
