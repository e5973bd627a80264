import {setTimeout as delay} from 'node:timers/promises';
import {afterAll, expect, test} from '@jest/globals';
import {resources, type MaintenanceApiSpecInput} from '../../../operator/src/api/v1alpha1/index.ts';
import type {KubeObject, ResourceRef} from '../../../operator/src/runtime/index.ts';
import {FaultRecord} from '../../harness/fault-table.ts';
import {Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';
import {play, STATE_TIMEOUT_MS, type Fault, type Place} from './standing-faults.ts';

const STORY_TIMEOUT_MS = 500_000;
const QUOTAS: ResourceRef = {apiVersion: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas', namespaced: true};
const STORAGE_CLASSES: ResourceRef = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
};

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
    cured: 'the Secret is made',
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
    cured: 'the Secret gets it',
    cure: async ({namespace}) => {
      await merge(resources.secret, namespace, 'box', {stringData: {key: 'value'}});
      await touch(namespace);
    },
  },
  'a ConfigMap that does not exist, from the start': {
    spec: env('configMapKeyRef', 'nowhere', 'key'),
    told: ['Ready False ReferenceMissing', 'ConfigMap "nowhere" does not exist'],
    cured: 'the ConfigMap is made',
    cure: async ({namespace}) => {
      await world.client.create(resources.configMap, namespace, object('ConfigMap', 'nowhere', {data: {key: 'value'}}));
    },
  },
  'a StorageClass that does not exist': {
    spec: {database: {managed: {storage: {className: 'nowhere'}}}},
    told: ['DatabaseReady False VolumePending', 'StorageClass "nowhere"', 'PersistentVolumeClaim "data-tasks-mysql-0"'],
    cured: 'the StorageClass is made',
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
    cured: 'the image can be pulled',
    cure: async ({scene}) => {
      scene.images.delete('example/api:2');
      return Promise.resolve();
    },
  },
  "a database's image that can not be pulled": {
    images: {'mysql:0.0': {badShare: 0, waiting: 'ErrImagePull'}},
    spec: {database: {managed: {image: 'mysql:0.0'}}},
    told: ['DatabaseReady False ImagePullFailed', 'image mysql:0.0 can not be pulled'],
    cured: 'the image can be pulled',
    cure: async ({scene}) => {
      scene.images.delete('mysql:0.0');
      return Promise.resolve();
    },
  },
  'a quota that admits no pod': {
    cause: fillQuota,
    told: ['Ready False QuotaExceeded', 'exceeded quota: full'],
    cured: 'the quota is lifted',
    cure: liftQuota,
  },
  'a child that the API server refuses': {
    cause: async ({namespace, scene}) => {
      // A service that fails is looked at every few seconds; what was refused isn't asked for each time.
      scene.images.set('example/api:1', {badShare: 0.2});
      await world.patchSpec(namespace, {podTemplate: {affinity: nowhere}});
    },
    told: ['Ready False ApplyRefused', 'Deployment "tasks" was refused', 'nodeSelectorTerms'],
    cured: 'the spec is mended',
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
    cured: 'the key is put back',
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
    cured: 'the other one gives in',
    cure: async ({namespace}) => {
      await quarrel.end();
      await touch(namespace);
    },
  },
};

const record = new FaultRecord(
  'service',
  {title: 'The cluster is not what the spec asks', test: 'test/integration/operator/faults.test.ts'},
  Object.keys(faults),
);

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
    Object.entries(faults).map(([cause, fault], index) => [
      cause,
      () => play(world, record, `fault-${String(index)}`, {cause, fault}),
    ]),
  ),
);

test('the page has each of these faults, and no other', () => {
  record.holdWhole();
});

afterAll(async () => {
  await quarrel.end();
  await world.stop();
});
