import {afterAll, afterEach, beforeAll, expect, jest, test} from '@jest/globals';
import {
  Applier,
  Controller,
  Metrics,
  Reflector,
  WorkQueue,
  done,
  ownedHash,
  retry,
  splitKey,
  systemClock,
  type KubeObject,
  type Outcome,
} from '../../../operator/src/runtime/index.ts';
import {RecordingLogger} from '../../../operator/src/runtime/testing/logs.ts';
import {START_TIMEOUT_MS, RealApi, aConfigMap, configMaps, sample, until} from './real-api.ts';

/**
 * The pieces together, as the smallest operator there can be: every ConfigMap labelled `role=parent` gets a child of its
 * own with the same value.
 */
jest.setTimeout(120_000);

let api: RealApi;
const running: Operator[] = [];

beforeAll(async () => {
  api = await RealApi.start();
}, START_TIMEOUT_MS);

afterEach(async () => {
  api.proxy.heal();
  await Promise.all(running.splice(0).map((operator) => operator.stop()));
});

afterAll(async () => {
  await api.stop();
});

interface Parent {
  value: string;
}

class Operator {
  readonly metrics = new Metrics();
  readonly logger = new RecordingLogger();
  readonly parents: Reflector<Parent>;
  readonly children: Reflector<string | undefined>;
  /** Parents whose reconcile came to an end, in order. */
  readonly reconciled: string[] = [];
  readonly #controller: Controller;
  readonly #applier: Applier;
  readonly #broken: ReadonlySet<string>;

  constructor(namespace: string, broken: readonly string[] = []) {
    this.#broken = new Set(broken);
    const client = api.client({metrics: this.metrics});
    const common = {client, ref: configMaps, namespace, clock: systemClock, logger: this.logger, metrics: this.metrics};
    this.parents = new Reflector<Parent>({
      ...common,
      labelSelector: 'role=parent',
      project: (object) => ({value: (object as KubeObject & {data: {value: string}}).data.value}),
    });
    this.children = new Reflector<string | undefined>({
      ...common,
      labelSelector: 'role=child',
      project: (object) => ownedHash(object, 'small-operator'),
      onOpen: () => {
        this.#applier.serverMayHaveChanged();
      },
    });
    const queue = new WorkQueue({name: 'parents', clock: systemClock, metrics: this.metrics, maxDelayMs: 1_000});
    this.#applier = new Applier({
      client,
      fieldManager: 'small-operator',
      resources: [configMaps],
      logger: this.logger,
      onWrite: (_ref, key, version) => {
        this.children.store.expect(key, version);
      },
    });
    this.#controller = new Controller({
      name: 'parents',
      queue,
      workers: 4,
      clock: systemClock,
      logger: this.logger,
      metrics: this.metrics,
      fresh: (key) => this.children.store.fresh(`${key}-child`),
      reconcile: (key) => this.#reconcile(key),
    });
    this.parents.addHandler((key) => {
      queue.add(key);
    });
    this.children.addHandler((_key, old, now) => {
      const child = now ?? old;
      if (child?.owner !== undefined) {
        queue.add(`${child.namespace ?? ''}/${child.owner.name}`);
      }
    });
    running.push(this);
  }

  async start(): Promise<this> {
    this.parents.start();
    this.children.start();
    await Promise.all([this.parents.synced(), this.children.synced()]);
    this.#controller.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await Promise.all([this.parents.stop(), this.children.stop()]);
  }

  async #reconcile(key: string): Promise<Outcome> {
    const parent = this.parents.store.get(key);
    if (parent === undefined) {
      return done;
    }
    if (this.#broken.has(parent.name)) {
      throw new Error('this one is broken');
    }
    const {namespace = '', name} = splitKey(key);
    const child = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: `${name}-child`,
        namespace,
        labels: {role: 'child'},
        ownerReferences: [{apiVersion: 'v1', kind: 'ConfigMap', name, uid: parent.uid, controller: true}],
      },
      data: {value: parent.value.value},
    };
    try {
      await this.#applier.apply(child, {owned: this.children.store.get(`${key}-child`)?.value});
    } catch (error) {
      return retry(error);
    }
    this.reconciled.push(name);
    return done;
  }
}

const parent = (namespace: string, name: string, value: string) => aConfigMap(namespace, name, value, {role: 'parent'});

async function put(namespace: string, name: string, value: string): Promise<void> {
  const options = {type: 'apply', fieldManager: 'user', force: true} as const;
  await api.admin.patch(configMaps, namespace, name, parent(namespace, name, value), options);
}

async function childrenOf(namespace: string): Promise<Record<string, string | undefined>> {
  const list = {namespace, labelSelector: 'role=child'};
  const {items} = await api.admin.list<KubeObject & {data?: {value?: string}}>(configMaps, list);
  return Object.fromEntries(items.map(({metadata, data}) => [metadata.name, data?.value]));
}

const converged = (namespace: string, expected: Record<string, string>) =>
  until(
    JSON.stringify(expected),
    async () => {
      const found = await childrenOf(namespace);
      return Object.entries(expected).every(([name, value]) => found[`${name}-child`] === value);
    },
    60_000,
  );

const writes = (namespace: string, from = 0): number =>
  api.proxy.requests.slice(from).filter(({method, path}) => method !== 'GET' && path.includes(namespace)).length;

const NAMES = Array.from({length: 20}, (_, index) => `p${index}`);
const all = (value: string): Record<string, string> => Object.fromEntries(NAMES.map((name) => [name, value]));

test('every child is written once, an edited or deleted one once more, and at rest nothing is asked', async () => {
  const namespace = await api.namespace();
  const operator = await new Operator(namespace).start();
  await Promise.all(NAMES.map((name) => put(namespace, name, '1')));
  await converged(namespace, all('1'));
  await until('the queue to be empty', () => operator.reconciled.length >= 2 * NAMES.length);
  expect(writes(namespace)).toBe(NAMES.length);

  const {metadata} = (await api.admin.get(configMaps, namespace, 'p0-child')) ?? {};
  await api.admin.delete(configMaps, namespace, 'p0-child', {uid: metadata?.uid ?? ''});
  await api.admin.patch(configMaps, namespace, 'p1-child', {data: {value: 'edited'}}, {type: 'merge'});
  await put(namespace, 'p2', '2');
  await converged(namespace, {...all('1'), p2: '2'});
  expect(writes(namespace)).toBe(NAMES.length + 3);

  const before = api.proxy.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(api.proxy.requests.slice(before)).toEqual([]);
  expect(await sample(operator.metrics, 'reflector_missed_events_total')).toBe(0);
});

test('an operator that starts anew over a settled world writes nothing', async () => {
  const namespace = await api.namespace();
  const first = await new Operator(namespace).start();
  await Promise.all(NAMES.map((name) => put(namespace, name, '1')));
  await converged(namespace, all('1'));
  await first.stop();
  const before = api.proxy.requests.length;
  const second = await new Operator(namespace).start();
  await until('every parent', () => new Set(second.reconciled).size === NAMES.length);
  expect(writes(namespace, before)).toBe(0);
});

test('one resource that is broken slows, blinds or stops no other (invariant 13)', async () => {
  const namespace = await api.namespace();
  await Promise.all(NAMES.map((name) => put(namespace, name, '1')));
  const operator = await new Operator(namespace, ['p3']).start();
  const others = Object.fromEntries(Object.entries(all('1')).filter(([name]) => name !== 'p3'));
  await converged(namespace, others);
  expect(operator.reconciled).not.toContain('p3');
  expect(await childrenOf(namespace)).not.toHaveProperty('p3-child');
});

test('the server is killed amid the work: all is done in the end, and no more than was lost is written twice', async () => {
  const namespace = await api.namespace();
  const operator = await new Operator(namespace).start();
  const writing = Promise.all(NAMES.slice(0, 10).map((name) => put(namespace, name, '1')));
  await writing;
  await api.controlPlane.apiServer.kill9();
  await until(
    'failures',
    async () => (await sample(operator.metrics, 'rest_client_requests_total', {code: '<error>'})) > 0,
  );
  await api.controlPlane.apiServer.restart();
  await Promise.all(NAMES.map((name) => put(namespace, name, '2')));
  await converged(namespace, all('2'));
  const before = api.proxy.requests.length;
  await until('the caches', () =>
    NAMES.every((name) => operator.parents.store.get(`${namespace}/${name}`)?.value.value === '2'),
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(writes(namespace, before)).toBe(0);
});

test('a network that cuts, refuses and hangs at random only delays', async () => {
  const namespace = await api.namespace();
  const ofUs = ({path}: {path: string}): boolean => path.includes(namespace);
  const status = (code: number, reason: string) =>
    ({kind: 'answer', status: code, headers: {'retry-after': '0'}, body: {kind: 'Status', code, reason}}) as const;
  const faults = [
    {kind: 'reset', when: 'before'},
    {kind: 'reset', when: 'after'},
    {kind: 'truncate'},
    status(429, 'TooManyRequests'),
    status(500, 'InternalError'),
    status(409, 'Conflict'),
  ] as const;
  // Every third request of a fixed sequence, so that a failure can be repeated.
  let count = 0;
  const ends = faults.map((fault, index) =>
    api.proxy.rule({
      matches: (request) => ofUs(request) && !request.isWatch && count++ % (3 * faults.length) === 3 * index,
      fault,
    }),
  );
  const operator = await new Operator(namespace).start();
  for (let value = 1; value <= 3; value++) {
    await Promise.all(NAMES.map((name) => put(namespace, name, String(value))));
    api.proxy.watches(`/${namespace}/`).cutMidLine();
  }
  await converged(namespace, all('3'));
  ends.forEach((end) => {
    end();
  });
  expect(await sample(operator.metrics, 'rest_client_requests_total', {code: '<error>'})).toBeGreaterThan(0);
  expect(await sample(operator.metrics, 'controller_runtime_reconcile_panics_total')).toBe(0);
});
