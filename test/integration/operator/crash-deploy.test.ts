import {once} from 'node:events';
import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {labels, resources} from '../../../operator/src/api/v1alpha1/index.ts';
import type {KubeObject} from '../../../operator/src/runtime/index.ts';
import {WRITE} from '../../harness/crash-point.ts';
import {everyObject} from '../../harness/objects.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';

/*
 * Invariant 6: an operator that is killed -9 right after the n-th of its writes, for each n of a fresh deployment, leaves
 * nothing that its successor doesn't bring to the very state that an undisturbed run comes to.
 */
const WRITES = 20;
const TIMEOUT_MS = 500_000;
const STATE_TIMEOUT_MS = 240_000;
/** So many operators are started at once: each takes seconds of a processor to load. */
const AT_ONCE = 4;
const UNDISTURBED = 'undisturbed';
const killedAfter = Array.from({length: WRITES}, (_, index) => index + 1);
const namespaceOf = (writes: number): string => `killed-after-${String(writes)}`;

let world: Simulation;

/** Lets an operator of a namespace's own die right after its n-th write. */
async function dieAfter(writes: number): Promise<void> {
  const namespace = namespaceOf(writes);
  await world.scene(namespace, 20);
  await world.create(namespace);
  const victim = world.startOperator(
    {LEASE_NAME: namespace, WATCH_NAMESPACES: namespace},
    {signal: 'SIGKILL', requests: Array.from({length: writes}, () => WRITE)},
  );
  const [code, signal] = (await once(victim, 'exit')) as [number | null, NodeJS.Signals | null];
  if (signal !== 'SIGKILL') throw new Error(`${namespace}: the operator ended with ${String(code)}`);
}

const DROPPED_METADATA = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'managedFields',
  'selfLink',
  'namespace',
]);
const DROPPED_FIELDS = new Set(['status', 'apiVersion', 'kind', 'metadata']);

/** Who manages which fields by way of the operator. */
function fieldsOf({metadata}: KubeObject): unknown {
  const ours = (metadata.managedFields ?? []).filter(({manager = ''}) =>
    manager.startsWith('maintenance-api-operator'),
  );
  return ours
    .map(({manager, operation, subresource, fieldsV1}) => ({manager, operation, subresource, fieldsV1}))
    .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

/** An object without what is random, a time, or the namespace's name. */
function told(object: KubeObject, namespace: string): unknown {
  const {metadata} = object;
  const rest = Object.fromEntries(Object.entries(object).filter(([field]) => !DROPPED_FIELDS.has(field)));
  if (object.kind === 'Secret') rest['data'] = Object.keys(object['data'] ?? {}).sort();
  const meta = Object.fromEntries(Object.entries(metadata).filter(([field]) => !DROPPED_METADATA.has(field)));
  const text = JSON.stringify(
    {kind: object.kind, metadata: meta, rest, fields: fieldsOf(object)},
    (key, value: unknown) =>
      ['uid', 'clusterIP', 'clusterIPs', 'pod-template-hash', 'controller-revision-hash'].includes(key)
        ? undefined
        : value,
  );
  const impersonal = text
    .replaceAll(namespace, 'NAMESPACE')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+(\.\d+)?Z/g, 'TIME')
    .replaceAll(/[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}/g, 'UID');
  return JSON.parse(impersonal);
}

/** Pods, ReplicaSets and the StatefulSet's revisions: named by controllers, partly at random. */
const madeByController = ({metadata}: KubeObject): boolean =>
  !['MaintenanceApi', undefined].includes(metadata.ownerReferences?.[0]?.kind);

function nameOf(object: KubeObject): string {
  const {kind, metadata} = object;
  const maker = metadata.ownerReferences?.[0]?.kind ?? '';
  return madeByController(object) ? `${kind} of ${maker}` : `${kind}/${metadata.name}`;
}

/** Everything in a namespace that belongs to the resource, but events, by what it is. */
async function stateOf(namespace: string): Promise<Record<string, unknown[]>> {
  const state: Record<string, unknown[]> = {};
  for (const object of await everyObject(world.client, namespace)) {
    if (object.kind === 'Event') continue;
    // What controllers make is told by the revision that it was made from.
    const content = madeByController(object) ? object.metadata.labels?.[labels.revision] : told(object, namespace);
    (state[nameOf(object)] ??= []).push(content);
  }
  return state;
}

beforeAll(async () => {
  world = await Simulation.start();
  const waiting = [...killedAfter];
  await Promise.all(
    Array.from({length: AT_ONCE}, async () => {
      for (let writes = waiting.shift(); writes !== undefined; writes = waiting.shift()) await dieAfter(writes);
    }),
  );
  await world.scene(UNDISTURBED, 20);
  await world.create(UNDISTURBED);
  world.startOperator();
  await Promise.all(
    [UNDISTURBED, ...killedAfter.map(namespaceOf)].map(async (namespace) => {
      await world.until(
        namespace,
        'Ready and good',
        (api) =>
          conditionOf(api, 'Ready') === 'True Ready' &&
          api.status?.revisions?.lastKnownGood !== undefined &&
          conditionOf(api, 'Reconciling') === 'False UpToDate',
        STATE_TIMEOUT_MS,
      );
    }),
  );
}, TIMEOUT_MS);

afterAll(async () => {
  await world.stop();
});

describe('a fresh deployment whose operator is killed -9', () => {
  test.each(killedAfter)('right after write %i comes to the state of an undisturbed one', async (writes) => {
    const state = await stateOf(namespaceOf(writes));
    expect(state).toEqual(await stateOf(UNDISTURBED));
    const conditions = async (namespace: string): Promise<unknown> =>
      (await world.api(namespace)).status?.conditions?.map(({type, status, reason}) => `${type} ${status} ${reason}`);
    expect(await conditions(namespaceOf(writes))).toEqual(await conditions(UNDISTURBED));
  });

  test('what is compared is the whole of it', async () => {
    const state = await stateOf(UNDISTURBED);
    expect(Object.keys(state)).toEqual(
      expect.arrayContaining([
        ...['Deployment/tasks', 'StatefulSet/tasks-mysql', 'Service/tasks', 'Secret/tasks-mysql-app'],
        ...['PodDisruptionBudget/tasks', 'MaintenanceApi/tasks', 'Pod of ReplicaSet', 'ReplicaSet of Deployment'],
      ]),
    );
    expect(state['ReplicaSet of Deployment']).toHaveLength(1);
    expect(state['Pod of ReplicaSet']).toHaveLength(2);
    expect((await world.client.list(resources.controllerRevision, {namespace: UNDISTURBED})).items).toHaveLength(2);
  });
});
