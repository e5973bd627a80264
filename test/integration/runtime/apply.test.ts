import {KubernetesObjectApi, PatchStrategy, type KubernetesObject} from '@kubernetes/client-node';
import {afterAll, afterEach, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {
  Applier,
  Reflector,
  keyOf,
  ownedHash,
  systemClock,
  wantedHash,
  type KubeObject,
  type ResourceRef,
  type WritableObject,
} from '../../../operator/src/runtime/index.ts';
import {ownedFields, wantedFields} from '../../../operator/src/runtime/owned-fields.ts';
import {RecordingLogger} from '../../../operator/src/runtime/testing/logs.ts';
import {START_TIMEOUT_MS, RealApi, configMaps, secrets, until} from './real-api.ts';
import {objectsOf, resourceOf, RESOURCES} from './sample-objects.ts';

jest.setTimeout(60_000);

const MANAGER = 'runtime-test';

let api: RealApi;
const running: Reflector<string | undefined>[] = [];

beforeAll(async () => {
  // Alpha and beta fields whose gate is off are dropped without a word, which is what is wanted here.
  api = await RealApi.start({apiServerFlags: {'feature-gates': 'HPAConfigurableTolerance=false'}});
}, START_TIMEOUT_MS);

afterEach(async () => {
  api.proxy.heal();
  await Promise.all(running.splice(0).map((reflector) => reflector.stop()));
});

afterAll(async () => {
  await api.stop();
});

function anApplier() {
  const client = api.client();
  const writes: string[] = [];
  const applier = new Applier({
    client,
    fieldManager: MANAGER,
    resources: RESOURCES,
    logger: new RecordingLogger(),
    onWrite: (_ref, key, version) => writes.push(`${key} ${version}`),
  });
  return {applier, client, writes};
}

/** A cache as an operator has it: of each object the hash of our fields and nothing else. */
async function aCache(namespace: string, ref: ResourceRef) {
  const reflector = new Reflector<string | undefined>({
    client: api.client(),
    ref,
    namespace,
    project: (object) => ownedHash(object, MANAGER),
    clock: systemClock,
    logger: new RecordingLogger(),
  });
  running.push(reflector);
  reflector.start();
  await reflector.synced();
  return reflector.store;
}

async function live(object: WritableObject): Promise<KubeObject> {
  const {name, namespace} = object.metadata;
  const found = await api.admin.get(resourceOf(object), namespace, name);
  if (found === undefined) {
    throw new Error(`${object.kind} ${keyOf(object.metadata)} is not there`);
  }
  return found;
}

const writesOf = (from: number): string[] =>
  api.proxy.requests
    .slice(from)
    .filter(({method}) => method !== 'GET')
    .map(({method, path}) => `${method} ${path}`);

describe('what is built in the canonical form', () => {
  test('reads back equal, for every kind of object an operator makes', async () => {
    const namespace = await api.namespace();
    const {applier} = anApplier();
    for (const object of objectsOf(namespace)) {
      const {changed, differences} = await applier.apply(object);
      expect({kind: object.kind, changed, differences}).toEqual({kind: object.kind, changed: true, differences: []});
      const found = await live(object);
      expect(ownedFields(found, MANAGER)).toEqual(wantedFields(object));
      expect(ownedHash(found, MANAGER)).toBe(wantedHash(object));
    }
  });

  test('is not applied again: no request at all, also by an operator that has just started', async () => {
    const namespace = await api.namespace();
    const objects = objectsOf(namespace);
    const first = anApplier();
    for (const object of objects) {
      await first.applier.apply(object);
    }
    const restarted = anApplier();
    const caches = new Map<string, Awaited<ReturnType<typeof aCache>>>();
    for (const ref of RESOURCES) {
      if (ref !== secrets) {
        caches.set(ref.kind, await aCache(namespace, ref));
      }
    }
    const before = api.proxy.requests.length;
    for (const object of objects) {
      // Secrets are read by name, never cached.
      const owned =
        object.kind === 'Secret'
          ? ownedHash(await live(object), MANAGER)
          : caches.get(object.kind)?.get(keyOf(object.metadata))?.value;
      for (const {applier} of [first, restarted]) {
        const result = await applier.apply(object, {owned});
        expect({kind: object.kind, ...result}).toMatchObject({kind: object.kind, changed: false, object: undefined});
      }
    }
    expect(api.proxy.requests.slice(before).filter(({isWatch}) => !isWatch)).toEqual([]);
  });

  test('is not equal when it isn’t canonical: the reason why builders emit the server’s form', async () => {
    const namespace = await api.namespace();
    const naive = objectsOf(namespace).find(({kind}) => kind === 'ResourceQuota') as WritableObject & {spec: object};
    const {applier} = anApplier();
    const {differences} = await applier.apply({...naive, spec: {hard: {cpu: '0.1'}}} as WritableObject);
    expect(differences).toEqual([{path: '.spec.hard.cpu', why: 'Rewritten'}]);
  });
});

describe('drift', () => {
  const configMap = (namespace: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {name: 'a', namespace, labels: {ours: '1'}},
    data: {ours: '1'},
  });
  const others = {type: 'apply', fieldManager: 'other', force: true} as const;

  test('what others add is theirs and costs us nothing', async () => {
    const namespace = await api.namespace();
    const {applier} = anApplier();
    const cache = await aCache(namespace, configMaps);
    await applier.apply(configMap(namespace));
    const theirs = {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a', namespace}, data: {theirs: '2'}};
    const {metadata} = await api.admin.patch(configMaps, namespace, 'a', theirs, others);
    await until('their change', () => cache.get(`${namespace}/a`)?.resourceVersion === metadata.resourceVersion);
    const before = api.proxy.requests.length;
    await applier.apply(configMap(namespace), {owned: cache.get(`${namespace}/a`)?.value});
    expect(writesOf(before)).toEqual([]);
  });

  test.each([
    ['a value that others set', (data: Record<string, string>) => ({...data, ours: 'stolen'})],
    ['a field that others took away', () => ({other: 'x'})],
  ])('%s is set right by one write', async (_name, edit) => {
    const namespace = await api.namespace();
    const {applier} = anApplier();
    const cache = await aCache(namespace, configMaps);
    await applier.apply(configMap(namespace));
    const found = (await live(configMap(namespace))) as KubeObject & {data: Record<string, string>};
    const edited = {...found, data: edit(found.data)};
    const {metadata} = await api.admin.replace(configMaps, namespace, 'a', edited);
    await until('their change', () => cache.get(`${namespace}/a`)?.resourceVersion === metadata.resourceVersion);
    const before = api.proxy.requests.length;
    const result = await applier.apply(configMap(namespace), {owned: cache.get(`${namespace}/a`)?.value});
    expect(result.changed).toBe(true);
    expect(writesOf(before)).toHaveLength(1);
    expect(await live(configMap(namespace))).toMatchObject({data: {ours: '1'}, metadata: {labels: {ours: '1'}}});
    await until('our change', () => cache.atLeast(`${namespace}/a`, result.object?.metadata.resourceVersion ?? ''));
    await applier.apply(configMap(namespace), {owned: cache.get(`${namespace}/a`)?.value});
    expect(writesOf(before)).toHaveLength(1);
  });

  test('a field that we no longer want goes away', async () => {
    const namespace = await api.namespace();
    const {applier} = anApplier();
    const first = await applier.apply({...configMap(namespace), data: {ours: '1', more: '2'}} as WritableObject);
    const owned = first.object && ownedHash(first.object, MANAGER);
    await applier.apply(configMap(namespace), {owned});
    expect(await live(configMap(namespace))).toMatchObject({data: {ours: '1'}});
    expect(await live(configMap(namespace))).not.toHaveProperty('data.more');
  });

  test('a write that was done while its answer got lost is seen by the watch and not repeated', async () => {
    const namespace = await api.namespace();
    const {applier} = anApplier();
    const cache = await aCache(namespace, configMaps);
    await applier.apply({...configMap(namespace), data: {ours: '0'}} as WritableObject);
    api.proxy.rule({matches: ({method}) => method === 'PATCH', times: 1, fault: {kind: 'reset', when: 'after'}});
    const owned = await until('our object', () => cache.get(`${namespace}/a`)?.value);
    await expect(applier.apply(configMap(namespace), {owned})).rejects.toMatchObject({kind: 'Network'});
    await until('the event', () => cache.get(`${namespace}/a`)?.value === wantedHash(configMap(namespace)));
    const before = api.proxy.requests.length;
    await applier.apply(configMap(namespace), {owned: cache.get(`${namespace}/a`)?.value});
    expect(writesOf(before)).toEqual([]);
  });

  test('what must be of a version is refused with a conflict once it is another, and left as it is', async () => {
    const namespace = await api.namespace();
    const {applier} = anApplier();
    const wanted = (ours: string): WritableObject => ({...configMap(namespace), data: {ours}}) as WritableObject;
    const first = await applier.apply(wanted('1'));
    const {resourceVersion = ''} = first.object?.metadata ?? {};
    const second = await applier.apply(wanted('2'), {resourceVersion});
    expect(second).toMatchObject({changed: true, differences: []});
    await expect(applier.apply(wanted('3'), {resourceVersion})).rejects.toMatchObject({kind: 'Conflict'});
    expect(await live(configMap(namespace))).toMatchObject({data: {ours: '2'}});
  });

  test('every write is told with its version, so that a cache can be waited for', async () => {
    const namespace = await api.namespace();
    const {applier, writes} = anApplier();
    const {object} = await applier.apply(configMap(namespace));
    expect(writes).toEqual([`${namespace}/a ${object?.metadata.resourceVersion ?? ''}`]);
  });
});

describe('fields that this server does not keep', () => {
  const hpa = (namespace: string, behavior: object) => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {name: 'a', namespace},
    spec: {
      minReplicas: 2,
      maxReplicas: 4,
      scaleTargetRef: {apiVersion: 'apps/v1', kind: 'Deployment', name: 'a'},
      metrics: [{type: 'Resource', resource: {name: 'cpu', target: {type: 'Utilization', averageUtilization: 70}}}],
      behavior,
    },
  });

  test('an unknown one is refused by the server, and left out by us, and said', async () => {
    const namespace = await api.namespace();
    const {applier, client} = anApplier();
    const object = hpa(namespace, {scaleUp: {stabilizationWindowSeconds: 120, fieldOfTheFuture: '1'}});
    const raw = client.patch(resourceOf(object), namespace, 'a', object, {type: 'apply', fieldManager: MANAGER});
    await expect(raw).rejects.toMatchObject({
      status: 500,
      message: expect.stringContaining('field not declared in schema'),
    });
    const first = await applier.apply(object);
    expect(first.differences).toEqual([{path: '.spec.behavior.scaleUp.fieldOfTheFuture', why: 'Unknown'}]);
    expect(first.object).toMatchObject({spec: {behavior: {scaleUp: {stabilizationWindowSeconds: 120}}}});

    const owned = first.object && ownedHash(first.object, MANAGER);
    const before = api.proxy.requests.length;
    const again = await applier.apply(object, {owned});
    expect(again).toMatchObject({changed: false, object: undefined, differences: first.differences});
    expect(api.proxy.requests.length).toBe(before);

    // A restarted operator learns it from the refusal of one request.
    const restarted = anApplier().applier;
    for (let twice = 0; twice < 2; twice++) {
      expect(await restarted.apply(object, {owned})).toMatchObject({changed: false, object: undefined});
    }
    expect(writesOf(before)).toHaveLength(1);
  });

  test('one whose feature gate is off is dropped by the server without a word, said by us, and not applied for ever', async () => {
    const namespace = await api.namespace();
    const {applier} = anApplier();
    const object = hpa(namespace, {scaleUp: {stabilizationWindowSeconds: 120, tolerance: '0'}});
    const first = await applier.apply(object);
    expect(first.differences).toEqual([{path: '.spec.behavior.scaleUp.tolerance', why: 'Dropped'}]);
    const owned = first.object && ownedHash(first.object, MANAGER);
    const before = api.proxy.requests.length;
    for (let again = 0; again < 3; again++) {
      expect(await applier.apply(object, {owned})).toMatchObject({changed: false, differences: first.differences});
    }
    expect(api.proxy.requests.length).toBe(before);

    // A restarted operator learns it by one request, which changes nothing.
    const {applier: restarted} = anApplier();
    const version = first.object?.metadata.resourceVersion;
    expect(await restarted.apply(object, {owned})).toMatchObject({changed: false, differences: first.differences});
    expect((await live(object)).metadata.resourceVersion).toBe(version);
    await restarted.apply(object, {owned});
    expect(writesOf(before)).toHaveLength(1);
  });
});

describe("a NetworkPolicy's `from`", () => {
  const policy = (namespace: string, name: string) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {name, namespace},
    spec: {
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [{from: [{podSelector: {matchLabels: {role: 'frontend'}}}]}],
    },
  });
  const ingressOf = async (object: WritableObject): Promise<unknown> =>
    ((await live(object)) as KubeObject & {spec: {ingress: unknown}}).spec.ingress;

  test('reaches the server as it was written', async () => {
    const namespace = await api.namespace();
    const wanted = policy(namespace, 'ours');
    await anApplier().applier.apply(wanted);
    expect(await ingressOf(wanted)).toEqual(wanted.spec.ingress);
  });

  test('becomes allow-all through the library’s own patch: the trap that is avoided', async () => {
    const namespace = await api.namespace();
    const objects = KubernetesObjectApi.makeApiClient(api.proxiedConfig());
    const wanted = policy(namespace, 'theirs');
    await objects.patch<KubernetesObject>(wanted, undefined, undefined, 'them', true, PatchStrategy.ServerSideApply);
    expect(await ingressOf(wanted)).toEqual([{}]);
  });
});
