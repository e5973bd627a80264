import {setTimeout as delay} from 'node:timers/promises';
import {afterAll, expect} from '@jest/globals';
import {
  childResources,
  labels,
  resources,
  type MaintenanceApi,
  type MaintenanceApiSpecInput,
} from '../../../operator/src/api/v1alpha1/index.ts';
import type {KubeObject, ResourceRef} from '../../../operator/src/runtime/index.ts';
import {everyObject} from '../../harness/objects.ts';
import {conditionOf, NAMESPACE_REF, Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';
import {Watched} from '../../harness/watched.ts';

/*
 * What becomes of the children when somebody deletes or edits them, deletes the resource or its namespace, or switches
 * the autoscaler on and off (invariant 4), under real controllers.
 */
const STORY_TIMEOUT_MS = 400_000;
const STATE_TIMEOUT_MS = 180_000;
const RETAINED = ['admin', 'app', 'backup', 'ca', 'migrate', 'monitor', 'state'].map((part) => `tasks-mysql-${part}`);
const OWNED_SECRETS = ['tasks-api-tokens', 'tasks-mysql-tls'];
const AFTERWARDS_MS = 60_000;

let world: Simulation;

const idOf = ({kind, metadata}: KubeObject): string => `${kind}/${metadata.name}`;
const uidOf = ({metadata}: KubeObject): string => metadata.uid ?? '';

async function ready(namespace: string, spec: Partial<MaintenanceApiSpecInput> = {}): Promise<MaintenanceApi> {
  await world.scene(namespace, 20);
  await world.create(namespace, spec);
  await world.good(namespace);
  return readyAgain(namespace);
}

function readyAgain(namespace: string): Promise<MaintenanceApi> {
  return world.until(
    namespace,
    'ready',
    (api) => conditionOf(api, 'Ready') === 'True Ready' && api.status?.observedGeneration === api.metadata.generation,
    STATE_TIMEOUT_MS,
  );
}

async function touch(namespace: string): Promise<void> {
  const metadata = {annotations: {'example.com/touched': new Date().toISOString()}};
  await world.client.patch(resources.maintenanceApi, namespace, 'tasks', {metadata}, {type: 'merge'});
}

/** What the operator made for the resource: its own children, and what is retained. */
async function listed(ref: ResourceRef, namespace: string): Promise<KubeObject[]> {
  const {items} = await world.client.list(ref, {namespace, labelSelector: `${labels.owner}=tasks`});
  // The StatefulSet's own revisions carry the labels of its pods.
  const ours = items.filter(({metadata}) => metadata.ownerReferences?.[0]?.kind !== 'StatefulSet');
  return ours.map((item) => ({...item, apiVersion: ref.apiVersion, kind: ref.kind}));
}

async function listedAll(refs: readonly ResourceRef[], namespace: string): Promise<Map<string, KubeObject>> {
  const lists = await Promise.all(refs.map((ref) => listed(ref, namespace)));
  return new Map(lists.flat().map((object) => [idOf(object), object]));
}

const secretData = async (namespace: string): Promise<Map<string, unknown>> =>
  new Map((await listed(resources.secret, namespace)).map((secret) => [secret.metadata.name, secret['data']]));

async function deleteApi(namespace: string): Promise<MaintenanceApi> {
  const api = await world.api(namespace);
  await world.client.delete(resources.maintenanceApi, namespace, 'tasks', {uid: api.metadata.uid});
  return api;
}

/** What the operator asked about a namespace more than a minute after something, and what it said about it. */
async function afterAMinute(namespace: string, what: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + AFTERWARDS_MS;
  await what();
  await delay(Math.max(0, end - Date.now()));
  const from = Date.now();
  await delay(AFTERWARDS_MS / 2);
  const asked = await world.requests({namespace, from});
  expect(asked.map(({verb, requestURI}) => `${verb} ${requestURI}`)).toEqual([]);
  const lines = (await world.operatorLogs())
    .split('\n')
    .filter((line) => line.includes(`"${namespace}`) && (JSON.parse(line) as {time: number}).time >= from);
  expect(lines).toEqual([]);
}

/** What makes a child of every kind; its schedule's time doesn't come. */
const EVERY_KIND: Partial<MaintenanceApiSpecInput> = {
  ...{replicas: undefined, autoscaling: {minReplicas: 2}, exposure: {host: 'tasks.example.com'}},
  backup: {schedule: '0 0 29 2 *', destination: {s3: {bucket: 'backups', credentialsSecretRef: {name: 'storage'}}}},
};

async function everyKindDeleted(): Promise<void> {
  const namespace = 'deleted-children';
  await ready(namespace, EVERY_KIND);
  const refs = [...childResources, resources.controllerRevision, resources.secret];
  const before = await listedAll(refs, namespace);
  expect(new Set([...before.values()].map(({kind}) => kind))).toEqual(new Set(refs.map(({kind}) => kind)));
  for (const ref of refs) {
    for (const object of await listed(ref, namespace))
      await world.client.delete(ref, namespace, object.metadata.name, {uid: uidOf(object)});
  }
  // Secrets aren't watched: a touch makes the operator look for them.
  await touch(namespace);
  await waitFor(
    'every child is made again',
    async () => {
      const now = await listedAll(refs, namespace);
      const missing = [...before].filter(([id, old]) => [undefined, uidOf(old)].includes(now.get(id)?.metadata.uid));
      if (missing.length > 0) throw new Error(missing.map(([id]) => id).join(', '));
      return true;
    },
    STATE_TIMEOUT_MS,
  );
  await readyAgain(namespace);
}

type Edit = Readonly<{op: 'add' | 'replace'; path: string; value: unknown}>;

const edit = (path: string, value: unknown): Edit => ({op: 'replace', path, value});
const containerImage = '/spec/template/spec/containers/0/image';

/** A field of ours in each kind, as somebody else wants it. */
const edits: Readonly<Record<(typeof childResources)[number]['kind'], Edit>> = {
  Deployment: edit(containerImage, 'example/other:1'),
  StatefulSet: edit(containerImage, 'example/other:1'),
  Service: edit('/spec/ports/0/targetPort', 1),
  ServiceAccount: edit('/automountServiceAccountToken', true),
  ConfigMap: edit('/data/my.cnf', '[mysqld]\nskip-grant-tables\n'),
  HorizontalPodAutoscaler: edit('/spec/maxReplicas', 3),
  PodDisruptionBudget: edit('/spec/maxUnavailable', 2),
  Ingress: edit('/spec/rules/0/host', 'other.example.com'),
  NetworkPolicy: edit('/spec/policyTypes', ['Ingress']),
  CronJob: edit('/spec/schedule', '* * * * *'),
};

/** By id, where it isn't the kind's. */
const ownEdits: Readonly<Record<string, Edit>> = {'ConfigMap/tasks-mode': edit('/data/read-only', 'true')};

/** What somebody adds, which is none of our business. */
const FOREIGN = {'example.com/note': 'foreign'};

/** What an object says, without what the server and other writers add. */
function contentOf({metadata, status: _status, ...rest}: KubeObject): object {
  const ours = Object.entries(metadata.labels ?? {}).filter(([name]) => !(name in FOREIGN));
  return {...rest, labels: Object.fromEntries(ours)};
}

async function everyKindEdited(): Promise<void> {
  const namespace = 'edited-children';
  // The rules' ConfigMap has no my.cnf; monitoring.test.ts has its own edits.
  await ready(namespace, {...EVERY_KIND, monitoring: {rulesAs: 'None'}});
  const before = await listedAll(childResources, namespace);
  for (const ref of childResources) {
    for (const object of await listed(ref, namespace)) {
      const {metadata} = object;
      const body = [
        ownEdits[idOf(object)] ?? edits[ref.kind],
        edit(`/metadata/labels/${labels.partOf.replace('/', '~1')}`, 'other'),
        {op: 'add', path: '/metadata/labels/example.com~1note', value: 'foreign'},
        {
          op: metadata.annotations === undefined ? 'add' : 'replace',
          path: '/metadata/annotations',
          value: {...metadata.annotations, ...FOREIGN},
        },
      ];
      await world.client.patch(ref, namespace, metadata.name, body, {type: 'json'});
    }
  }
  const restored = await waitFor(
    'our fields are as they were',
    async () => {
      const now = await listedAll(childResources, namespace);
      for (const [id, old] of before) {
        const live = now.get(id);
        if (live === undefined) throw new Error(`${id} is gone`);
        const difference = JSON.stringify(contentOf(live)) === JSON.stringify(contentOf(old));
        if (!difference) throw new Error(`${id}: ${JSON.stringify(contentOf(live))}`);
      }
      return now;
    },
    STATE_TIMEOUT_MS,
  );
  for (const object of restored.values()) {
    expect(object.metadata.labels).toMatchObject(FOREIGN);
    expect(object.metadata.annotations).toMatchObject(FOREIGN);
  }
  await readyAgain(namespace);
}

/** Waits until nothing but this is left of the resource. */
async function isLeft(namespace: string, expected: readonly string[]): Promise<void> {
  await waitFor(
    'all that it owned is gone',
    async () => {
      const objects = await everyObject(world.client, namespace);
      const left = objects.filter(
        ({kind, metadata}) => kind !== 'Event' && metadata.labels?.[labels.owner] === 'tasks',
      );
      const ids = left.map(idOf).sort();
      if (ids.join() !== [...expected].sort().join()) throw new Error(ids.join(', '));
      return true;
    },
    STATE_TIMEOUT_MS,
  );
}

async function resourceDeleted(): Promise<void> {
  const namespace = 'deleted-resource';
  await ready(namespace);
  const secrets = await secretData(namespace);
  expect([...secrets.keys()].sort()).toEqual([...OWNED_SECRETS, ...RETAINED].sort());
  await afterAMinute(namespace, async () => {
    await deleteApi(namespace);
    await isLeft(namespace, [...RETAINED.map((name) => `Secret/${name}`), 'PersistentVolumeClaim/data-tasks-mysql-0']);
  });
  // One of the same name takes over what was kept: the volume's data is only readable with these.
  await world.create(namespace);
  await readyAgain(namespace);
  const adopted = await secretData(namespace);
  for (const name of RETAINED) expect({name, data: adopted.get(name)}).toEqual({name, data: secrets.get(name)});
}

const claimOf = (namespace: string): Promise<KubeObject | undefined> =>
  world.client.get(resources.persistentVolumeClaim, namespace, 'data-tasks-mysql-0');

/** Waits until the volume goes with the resource, or no longer does. */
async function volumeIsTied(namespace: string, tied: boolean): Promise<KubeObject> {
  return waitFor(
    tied ? 'the volume goes with the resource' : 'the volume is kept',
    async () => {
      const claim = await claimOf(namespace);
      const owners = (claim?.metadata.ownerReferences ?? []).map(({kind}) => kind);
      return owners.includes('MaintenanceApi') === tied ? claim : undefined;
    },
    STATE_TIMEOUT_MS,
  );
}

async function resourceDeletedWithItsData(): Promise<void> {
  const namespace = 'deleted-with-data';
  await ready(namespace, {deletionPolicy: 'Delete'});
  const {metadata} = await volumeIsTied(namespace, true);
  await world.patchSpec(namespace, {deletionPolicy: 'Retain'});
  await volumeIsTied(namespace, false);
  await world.patchSpec(namespace, {deletionPolicy: 'Delete'});
  await volumeIsTied(namespace, true);

  // Only the resource takes its data along: a StatefulSet that somebody deletes is made anew on the same volume.
  const database = await world.client.get(resources.statefulSet, namespace, 'tasks-mysql');
  await world.client.delete(resources.statefulSet, namespace, 'tasks-mysql', {uid: database?.metadata.uid ?? ''});
  await waitFor(
    'the StatefulSet is another one',
    async () => {
      const now = await world.client.get(resources.statefulSet, namespace, 'tasks-mysql');
      return (now !== undefined && now.metadata.uid !== database?.metadata.uid) || undefined;
    },
    STATE_TIMEOUT_MS,
  );
  await readyAgain(namespace);
  expect((await claimOf(namespace))?.metadata.uid).toBe(metadata.uid);

  await afterAMinute(namespace, async () => {
    await deleteApi(namespace);
    await isLeft(namespace, []);
  });
}

async function madeAgainAtOnce(): Promise<void> {
  const namespace = 'made-again';
  await ready(namespace);
  const secrets = await secretData(namespace);
  const old = await deleteApi(namespace);
  await world.create(namespace);
  const {uid} = (await readyAgain(namespace)).metadata;
  expect(uid).not.toBe(old.metadata.uid);
  await waitFor(
    'every child belongs to the new one',
    async () => {
      const children = [...(await listedAll([...childResources, resources.controllerRevision], namespace)).values()];
      const owners = new Set(children.map(({metadata}) => metadata.ownerReferences?.[0]?.uid));
      return (owners.size === 1 && owners.has(uid)) || undefined;
    },
    STATE_TIMEOUT_MS,
  );
  const adopted = await secretData(namespace);
  expect([...adopted.keys()].sort()).toEqual([...secrets.keys()].sort());
  for (const name of RETAINED) expect({name, data: adopted.get(name)}).toEqual({name, data: secrets.get(name)});
}

async function namespaceDeleted(): Promise<void> {
  const namespace = 'deleted-namespace';
  await ready(namespace);
  const found = await world.client.get(NAMESPACE_REF, undefined, namespace);
  await afterAMinute(namespace, async () => {
    await world.client.delete(NAMESPACE_REF, undefined, namespace, {
      uid: found?.metadata.uid ?? '',
    });
    await waitFor(
      'the namespace is gone',
      async () => (await world.client.get(NAMESPACE_REF, undefined, namespace)) === undefined || undefined,
      STATE_TIMEOUT_MS,
    );
  });
}

/** Every number of replicas that the Deployment has from now on. */
async function watchReplicas(namespace: string): Promise<Watched<number>> {
  const deployment = await world.client.get(resources.deployment, namespace, 'tasks');
  return new Watched({
    client: world.client,
    ref: resources.deployment,
    namespace,
    resourceVersion: deployment?.metadata.resourceVersion ?? '',
    pick: ({spec}) => (spec as {replicas?: number} | undefined)?.replicas,
  });
}

/** Changes the spec, and waits until it is observed and so many replicas are ready. */
async function replicasAre(namespace: string, wanted: number, spec: object): Promise<void> {
  await world.patchSpec(namespace, spec);
  await world.until(
    namespace,
    `${String(wanted)} replicas, all ready`,
    (api) =>
      api.status?.observedGeneration === api.metadata.generation &&
      api.status.replicas?.wanted === wanted &&
      api.status.replicas.ready === wanted,
    STATE_TIMEOUT_MS,
  );
}

async function autoscalerSwitched(): Promise<void> {
  const namespace = 'switched';
  await ready(namespace, {replicas: 10});
  const replicas = await watchReplicas(namespace);
  // On: what the spec had set is what the autoscaler finds.
  await replicasAre(namespace, 10, {replicas: null, autoscaling: {minReplicas: 2, maxReplicas: 20}});
  await waitFor(
    'replicas are no field of the operator any more',
    async () => {
      const deployment = await world.client.get(resources.deployment, namespace, 'tasks');
      const ours = deployment?.metadata.managedFields?.find(({manager}) => manager === 'maintenance-api-operator');
      return (ours !== undefined && ours.fieldsV1?.['f:spec']?.['f:replicas'] === undefined) || undefined;
    },
    STATE_TIMEOUT_MS,
  );
  // The real autoscaler, which has no metrics here, keeps to its bounds; what it set stays when they move.
  await replicasAre(namespace, 12, {autoscaling: {minReplicas: 12}});
  await replicasAre(namespace, 12, {autoscaling: {minReplicas: 2}});
  // A release renders the Deployment anew.
  await replicasAre(namespace, 12, {image: 'example/api:2'});
  await replicasAre(namespace, 12, {replicas: 12, autoscaling: null});
  expect(await listed(resources.horizontalPodAutoscaler, namespace)).toEqual([]);
  await replicasAre(namespace, 11, {replicas: 11});
  await replicas.end();
  expect(replicas.seen).toEqual([10, 12, 11]);
}

async function autoscalersNumberStays(): Promise<void> {
  const namespace = 'autoscaled';
  await ready(namespace, {replicas: undefined, autoscaling: {minReplicas: 4, maxReplicas: 10}});
  const replicas = await watchReplicas(namespace);
  await replicasAre(namespace, 4, {autoscaling: {minReplicas: 2}});
  await touch(namespace);
  await replicasAre(namespace, 4, {image: 'example/api:2'});
  await world.good(namespace);
  await replicas.end();
  expect(replicas.seen.filter((seen) => seen !== 4)).toEqual([]);
}

sideBySide(
  'children:',
  {
    start: async () => {
      world = await Simulation.start();
      world.startOperator();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {
    'a deleted child of every kind is made again': everyKindDeleted,
    'of an edited child of every kind our fields are restored, and foreign ones stay': everyKindEdited,
    'a deleted resource takes its children along, is not asked for again, and leaves what the data needs':
      resourceDeleted,
    'a resource that is deleted with its data leaves nothing, and a deleted StatefulSet does not take the data along':
      resourceDeletedWithItsData,
    'a resource that is made again at once has children of its own, and the passwords of before': madeAgainAtOnce,
    'a deleted namespace is not asked for again, and no error loops': namespaceDeleted,
    'the autoscaler is switched on and off without a reset of the replicas': autoscalerSwitched,
    "the autoscaler's number stays": autoscalersNumberStays,
  },
);

afterAll(async () => {
  await world.stop();
});
