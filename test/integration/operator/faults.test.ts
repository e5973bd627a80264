import {setTimeout as delay} from 'node:timers/promises';
import {afterAll, expect} from '@jest/globals';
import {
  resources,
  type MaintenanceApi,
  type MaintenanceApiSpecInput,
} from '../../../operator/src/api/v1alpha1/index.ts';
import type {KubeObject, ResourceRef} from '../../../operator/src/runtime/index.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import type {Behaviour, Scene} from '../../harness/simulated-pods.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';

/*
 * Faults that stand until somebody takes their cause away: each is told by a condition that names the object, costs at
 * most six requests a minute (by the API server's audit log) while it lasts, and is over when its cause is.
 */
const STORY_TIMEOUT_MS = 500_000;
const STATE_TIMEOUT_MS = 240_000;
const OBSERVED_MS = 60_000;
const MOST_REQUESTS = 6;
/** With a request more often than this it would be too many. */
const CALM_MS = OBSERVED_MS / MOST_REQUESTS;
const QUOTAS: ResourceRef = {apiVersion: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas', namespaced: true};
const STORAGE_CLASSES: ResourceRef = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
};

/** Where a story plays. */
interface Place {
  readonly namespace: string;
  readonly scene: Scene;
}

interface Fault {
  /** How images behave. */
  readonly images?: Readonly<Record<string, Behaviour>>;
  /** The spec with the fault in it from the start; otherwise {@link cause} brings it into a resource that is Ready. */
  readonly spec?: Partial<MaintenanceApiSpecInput>;
  readonly cause?: (place: Place) => Promise<void>;
  /** The condition as `Type Status Reason`, and what its message says. */
  readonly told: readonly [string, ...string[]];
  /** What must hold while the fault lasts. */
  readonly meanwhile?: (place: Place) => Promise<void>;
  readonly cure: (place: Place) => Promise<void>;
}

let world: Simulation;

const env = (
  kind: 'secretKeyRef' | 'configMapKeyRef',
  name: string,
  key: string,
): Partial<MaintenanceApiSpecInput> => ({
  env: [{name: 'VALUE', valueFrom: {[kind]: {name, key}}}],
});

const object = (kind: string, name: string, content: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: {name},
  ...content,
});

async function touch(namespace: string): Promise<void> {
  const metadata = {annotations: {'example.com/touched': new Date().toISOString()}};
  await world.client.patch(resources.maintenanceApi, namespace, 'tasks', {metadata}, {type: 'merge'});
}

async function merge(ref: ResourceRef, namespace: string, name: string, body: object): Promise<KubeObject> {
  return world.client.patch(ref, namespace, name, body, {type: 'merge'});
}

async function dataOf(namespace: string, secret: string): Promise<Record<string, string>> {
  const found = await world.client.get<KubeObject & {data?: Record<string, string>}>(
    resources.secret,
    namespace,
    secret,
  );
  return found?.data ?? {};
}

/** No pod more than there is. */
async function fillQuota({namespace}: Place): Promise<void> {
  const used = String((await world.client.list(resources.pod, {namespace})).items.length);
  await world.client.create(QUOTAS, namespace, object('ResourceQuota', 'full', {spec: {hard: {pods: used}}}));
  await waitFor(
    'the quota counts',
    async () => {
      const quota = await world.client.get<{status?: {used?: {pods?: string}}}>(QUOTAS, namespace, 'full');
      return quota?.status?.used?.pods === used || undefined;
    },
    STATE_TIMEOUT_MS,
  );
  await world.patchSpec(namespace, {image: 'example/api:2'});
}

async function liftQuota({namespace}: Place): Promise<void> {
  const quota = await world.client.get(QUOTAS, namespace, 'full');
  await world.client.delete(QUOTAS, namespace, 'full', {uid: quota?.metadata.uid ?? ''});
  // The ReplicaSet controller, which by now waits for minutes, looks again when a ReplicaSet changes.
  for (const {metadata} of await world.replicaSets(namespace))
    await merge(resources.replicaSet, namespace, metadata.name, {
      metadata: {annotations: {'example.com/look': 'again'}},
    });
}

/** Another writer who wants a field of ours to be different, and doesn't give in. */
class Quarrel {
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  start({namespace}: Place): void {
    this.#running = this.#run(namespace);
  }

  async #run(namespace: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await merge(resources.service, namespace, 'tasks', {metadata: {labels: {'app.kubernetes.io/part-of': 'mine'}}});
      await delay(300);
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

const quarrel = new Quarrel();
const damaged = new Map<string, string>();
const nowhere = {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}};

const faults: Readonly<Record<string, Fault>> = {
  'a Secret that does not exist': {
    cause: ({namespace}) => world.patchSpec(namespace, env('secretKeyRef', 'nowhere', 'key')),
    told: ['Ready False ReferenceMissing', 'Secret "nowhere" does not exist'],
    // Found by itself: it is looked for once a minute.
    cure: async ({namespace}) => {
      const secret = object('Secret', 'nowhere', {stringData: {key: 'value'}});
      await world.client.create(resources.secret, namespace, secret);
    },
  },
  'a key that a Secret lacks': {
    cause: async ({namespace}) => {
      await world.client.create(resources.secret, namespace, object('Secret', 'box', {stringData: {other: 'value'}}));
      await world.patchSpec(namespace, env('secretKeyRef', 'box', 'key'));
    },
    told: ['Ready False ReferenceMissing', 'Secret "box" has no key "key"'],
    cure: async ({namespace}) => {
      await merge(resources.secret, namespace, 'box', {stringData: {key: 'value'}});
      await touch(namespace);
    },
  },
  'a ConfigMap that does not exist, from the start': {
    spec: env('configMapKeyRef', 'nowhere', 'key'),
    told: ['Ready False ReferenceMissing', 'ConfigMap "nowhere" does not exist'],
    cure: async ({namespace}) => {
      await world.client.create(resources.configMap, namespace, object('ConfigMap', 'nowhere', {data: {key: 'value'}}));
    },
  },
  'a StorageClass that does not exist': {
    spec: {database: {managed: {storage: {className: 'nowhere'}}}},
    told: ['DatabaseReady False VolumePending', 'StorageClass "nowhere"', 'PersistentVolumeClaim "data-tasks-mysql-0"'],
    cure: async () => {
      const {apiVersion, kind} = STORAGE_CLASSES;
      const storageClass = {apiVersion, kind, metadata: {name: 'nowhere'}, provisioner: 'example.com/none'};
      await world.client.create(STORAGE_CLASSES, undefined, storageClass);
    },
  },
  'an image that can not be pulled': {
    images: {'example/api:2': {badShare: 0, waiting: 'ImagePullBackOff'}},
    cause: ({namespace}) => world.patchSpec(namespace, {image: 'example/api:2'}),
    told: ['Ready False ImagePullFailed', 'image example/api:2 can not be pulled'],
    cure: async ({scene}) => {
      scene.images.delete('example/api:2');
      return Promise.resolve();
    },
  },
  "a database's image that can not be pulled": {
    images: {'mysql:0.0': {badShare: 0, waiting: 'ErrImagePull'}},
    spec: {database: {managed: {image: 'mysql:0.0'}}},
    told: ['DatabaseReady False ImagePullFailed', 'image mysql:0.0 can not be pulled'],
    cure: async ({scene}) => {
      scene.images.delete('mysql:0.0');
      return Promise.resolve();
    },
  },
  'a quota that admits no pod': {
    cause: fillQuota,
    told: ['Ready False QuotaExceeded', 'exceeded quota: full'],
    cure: liftQuota,
  },
  'a child that the API server refuses': {
    cause: async ({namespace, scene}) => {
      // A service that fails is looked at every few seconds; what was refused isn't asked for each time.
      scene.images.set('example/api:1', {badShare: 0.2});
      await world.patchSpec(namespace, {podTemplate: {affinity: nowhere}});
    },
    told: ['Ready False ApplyRefused', 'Deployment "tasks" was refused', 'nodeSelectorTerms'],
    cure: async ({namespace, scene}) => {
      scene.images.delete('example/api:1');
      await world.patchSpec(namespace, {podTemplate: null});
    },
  },
  'a Secret of the operator that lost a key': {
    cause: async ({namespace}) => {
      damaged.set(namespace, (await dataOf(namespace, 'tasks-mysql-app'))['password'] ?? '');
      await merge(resources.secret, namespace, 'tasks-mysql-app', {data: {password: null}});
      await touch(namespace);
    },
    told: ['Ready False AccountsInvalid', 'Secret "tasks-mysql-app" has no usable key "password"'],
    meanwhile: async ({namespace}) => {
      // Another password would lock out whoever knows the one that the database has.
      expect(Object.keys(await dataOf(namespace, 'tasks-mysql-app'))).toEqual(['username']);
    },
    cure: async ({namespace}) => {
      const password = damaged.get(namespace);
      await merge(resources.secret, namespace, 'tasks-mysql-app', {data: {password}});
      await touch(namespace);
    },
  },
  'a child that somebody else changes again and again': {
    cause: async (place) => {
      quarrel.start(place);
      return Promise.resolve();
    },
    told: ['Ready False NotReady', 'Service "tasks" is changed back again and again by somebody else'],
    cure: async ({namespace}) => {
      await quarrel.end();
      await touch(namespace);
    },
  },
};

/** Whether a condition is `Type Status Reason` and its message says all of this. */
function tells(api: MaintenanceApi, [condition, ...words]: Fault['told']): boolean {
  const [type = '', ...rest] = condition.split(' ');
  const message = api.status?.conditions?.find((each) => each.type === type)?.message ?? '';
  return conditionOf(api, type) === rest.join(' ') && words.every((word) => message.includes(word));
}

/** A standing fault costs few requests, once what the change before it brought about is over. */
async function staysCheap(namespace: string): Promise<void> {
  await waitFor(
    `${namespace}: the operator comes to rest`,
    async () => (await world.requests({namespace, from: Date.now() - CALM_MS})).length === 0 || undefined,
    STATE_TIMEOUT_MS,
  );
  const from = Date.now();
  await delay(OBSERVED_MS);
  const asked = await world.requests({namespace, from});
  const shown = asked.map(
    ({verb, requestURI, responseStatus}) => `${verb} ${requestURI} ${String(responseStatus?.code)}`,
  );
  if (shown.length > MOST_REQUESTS) throw new Error(`${String(shown.length)} requests:\n${shown.join('\n')}`);
}

async function play(namespace: string, fault: Fault): Promise<void> {
  const place = {namespace, scene: await world.scene(namespace, 20, fault.images)};
  await world.create(namespace, fault.spec);
  const ready = async (what: string): Promise<MaintenanceApi> =>
    world.until(namespace, what, (api) => conditionOf(api, 'Ready') === 'True Ready', STATE_TIMEOUT_MS);
  if (fault.cause !== undefined) {
    await world.good(namespace);
    await ready('ready at first');
    await fault.cause(place);
  }
  const told = await world.until(namespace, fault.told.join(', '), (api) => tells(api, fault.told), STATE_TIMEOUT_MS);
  await staysCheap(namespace);
  const still = await world.api(namespace);
  expect(tells(still, fault.told)).toBe(true);
  if (fault.cause !== undefined) expect(conditionOf(still, 'Available')).toBe('True Available');
  expect(conditionOf(told, 'Ready')).toMatch(/^False /);
  await fault.meanwhile?.(place);
  await fault.cure(place);
  const cured = await ready('ready again');
  expect(cured.status?.revisions?.serving).toBe(cured.status?.revisions?.desired);
}

sideBySide(
  'a fault is named, costs little, and is over when its cause is gone:',
  {
    start: async () => {
      world = await Simulation.start();
      world.startOperator();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  Object.fromEntries(
    Object.entries(faults).map(([name, fault], index) => [name, () => play(`fault-${String(index)}`, fault)]),
  ),
);

afterAll(async () => {
  await quarrel.end();
  await world.stop();
});
