import {afterAll, afterEach, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {
  Metrics,
  Reflector,
  systemClock,
  type KubeObject,
  type ReflectorOptions,
  type ResourceRef,
} from '../../../operator/src/runtime/index.ts';
import {RecordingLogger} from '../../../operator/src/runtime/testing/logs.ts';
import {START_TIMEOUT_MS, RealApi, aConfigMap, configMaps, sample, until} from './real-api.ts';

jest.setTimeout(60_000);

let api: RealApi;
const running: Reflector<string>[] = [];

beforeAll(async () => {
  api = await RealApi.start();
}, START_TIMEOUT_MS);

afterEach(async () => {
  api.proxy.heal();
  await Promise.all(running.splice(0).map((reflector) => reflector.stop()));
});

afterAll(async () => {
  await api.stop();
});

const valueOf = (object: KubeObject): string => (object as KubeObject & {data?: {value?: string}}).data?.value ?? '';

/** A reflector of the ConfigMaps of a namespace, keeping their value alone, and all that it told. */
function follow(namespace: string, options: Partial<ReflectorOptions<string>> = {}) {
  const metrics = new Metrics();
  const logger = new RecordingLogger();
  const told: string[] = [];
  const reflector = new Reflector<string>({
    client: api.client(),
    ref: configMaps,
    namespace,
    project: valueOf,
    clock: systemClock,
    logger,
    metrics,
    ...options,
  });
  reflector.addHandler((key, old, now) => told.push(`${key} ${old?.value ?? '-'} ${now?.value ?? '-'}`));
  reflector.start();
  running.push(reflector);
  const holds = (name: string, value: string | undefined) =>
    until(`${name}=${value ?? 'nothing'}`, () => reflector.store.get(`${namespace}/${name}`)?.value === value);
  return {reflector, metrics, logger, told, holds};
}

/** Writes as someone else does, not through the proxy. */
async function put(
  namespace: string,
  name: string,
  value: string,
  labels: Record<string, string> = {},
): Promise<string> {
  const options = {type: 'apply', fieldManager: 'someone', force: true} as const;
  const body = aConfigMap(namespace, name, value, labels);
  return (await api.admin.patch(configMaps, namespace, name, body, options)).metadata.resourceVersion ?? '';
}

async function remove(namespace: string, name: string): Promise<void> {
  const object = await api.admin.get(configMaps, namespace, name);
  await api.admin.delete(configMaps, namespace, name, {uid: object?.metadata.uid ?? ''});
}

const watchOpen = (namespace: string) => until('the watch', () => api.proxy.watches(`/${namespace}/`).count === 1);

describe('in good weather', () => {
  test('a list in pages, then every change, projected', async () => {
    const namespace = await api.namespace();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await put(namespace, name, '1');
    }
    const {reflector, told, holds, metrics} = follow(namespace, {pageSize: 2});
    expect(reflector.hasSynced()).toBe(false);
    await reflector.synced();
    expect(reflector.hasSynced()).toBe(true);
    expect(reflector.store.list().map(({name, value}) => name + value)).toEqual(['a1', 'b1', 'c1', 'd1', 'e1']);
    await put(namespace, 'a', '2');
    await remove(namespace, 'b');
    await put(namespace, 'f', '1');
    await holds('f', '1');
    expect(told.slice(5).map((line) => line.slice(namespace.length + 1))).toEqual(['a 1 2', 'b 1 -', 'f - 1']);
    expect(reflector.trouble).toBeUndefined();
    expect(await sample(metrics, 'reflector_lists_total')).toBe(1);
    expect(await sample(metrics, 'reflector_watches_total')).toBe(1);
  });

  test('only what the selector takes; what leaves it is gone', async () => {
    const namespace = await api.namespace();
    await put(namespace, 'ours', '1', {app: 'x'});
    await put(namespace, 'theirs', '1');
    const {reflector, holds} = follow(namespace, {labelSelector: 'app=x'});
    await reflector.synced();
    expect(reflector.store.size).toBe(1);
    await put(namespace, 'ours', '1', {app: 'y'});
    await holds('ours', undefined);
  });

  test('an object that was replaced by another of its name goes before the other comes', async () => {
    const namespace = await api.namespace();
    await put(namespace, 'a', '1');
    const {reflector, told, holds} = follow(namespace);
    await reflector.synced();
    await watchOpen(namespace);
    api.proxy.watches(`/${namespace}/`).silence();
    await remove(namespace, 'a');
    await put(namespace, 'a', '2');
    api.proxy.watches(`/${namespace}/`).inject({type: 'ERROR', object: {kind: 'Status', code: 410, reason: 'Expired'}});
    await holds('a', '2');
    expect(told.map((line) => line.slice(namespace.length + 1))).toEqual(['a - 1', 'a 1 -', 'a - 2']);
  });

  test('a projection or handler that throws blinds for no other object', async () => {
    const namespace = await api.namespace();
    const project = (object: KubeObject): string => {
      if (object.metadata.name === 'bad') {
        throw new Error('cannot project');
      }
      return valueOf(object);
    };
    const {reflector, holds, logger, metrics} = follow(namespace, {project});
    reflector.addHandler((key) => {
      if (key.endsWith('/a')) {
        throw new Error('cannot handle');
      }
    });
    await reflector.synced();
    for (const name of ['bad', 'a', 'b']) {
      await put(namespace, name, '1');
    }
    await holds('b', '1');
    expect(reflector.store.list().map(({name}) => name)).toEqual(['a', 'b']);
    expect(logger.messages('error')).toEqual(['Projection failed, object left as it was', 'Change handler threw']);
    expect(await sample(metrics, 'reflector_handler_errors_total')).toBe(2);
  });

  test('our own write is known to be unseen until its event has come', async () => {
    const namespace = await api.namespace();
    const {reflector, holds} = follow(namespace, {silenceMs: 1_500});
    await reflector.synced();
    await watchOpen(namespace);
    api.proxy.watches(`/${namespace}/`).silence();
    const version = await put(namespace, 'a', '1');
    reflector.store.expect(`${namespace}/a`, version);
    expect(reflector.store.fresh(`${namespace}/a`)).toBe(false);
    await holds('a', '1');
    expect(reflector.store.fresh(`${namespace}/a`)).toBe(true);
  });
});

describe('when the watch breaks', () => {
  test('within a line: goes on from where it was, without a new list, and loses nothing', async () => {
    const namespace = await api.namespace();
    const {reflector, metrics, told, holds} = follow(namespace);
    await reflector.synced();
    await put(namespace, 'a', '1');
    await holds('a', '1');
    api.proxy.watches(`/${namespace}/`).cutMidLine();
    await put(namespace, 'b', '1');
    await put(namespace, 'c', '1');
    await holds('c', '1');
    expect(told.map((line) => line.slice(namespace.length + 1))).toEqual(['a - 1', 'b - 1', 'c - 1']);
    expect(await sample(metrics, 'reflector_lists_total')).toBe(1);
    expect(await sample(metrics, 'reflector_watches_total')).toBe(2);
    expect(await sample(metrics, 'reflector_watch_ends_total', {reason: 'network'})).toBe(1);
  });

  test('by a line that is not JSON', async () => {
    const namespace = await api.namespace();
    const {reflector, holds} = follow(namespace);
    await reflector.synced();
    await watchOpen(namespace);
    api.proxy.watches(`/${namespace}/`).garble();
    await put(namespace, 'a', '1');
    await holds('a', '1');
  });

  test('by 410 in the stream: lists again and sees what went meanwhile', async () => {
    const namespace = await api.namespace();
    await put(namespace, 'a', '1');
    const {reflector, metrics, holds, logger} = follow(namespace);
    await reflector.synced();
    await watchOpen(namespace);
    api.proxy.watches(`/${namespace}/`).silence();
    await remove(namespace, 'a');
    await put(namespace, 'b', '1');
    api.proxy.watches(`/${namespace}/`).inject({type: 'ERROR', object: {kind: 'Status', code: 410, reason: 'Expired'}});
    await holds('b', '1');
    await holds('a', undefined);
    expect(await sample(metrics, 'reflector_lists_total')).toBe(2);
    expect(logger.messages('warn')).toEqual([]);
  });

  test('and is refused with 410 when opened again', async () => {
    const namespace = await api.namespace();
    const {reflector, metrics, holds} = follow(namespace);
    await reflector.synced();
    await watchOpen(namespace);
    const body = {kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version'};
    const matches = ({path, isWatch}: {path: string; isWatch: boolean}): boolean => isWatch && path.includes(namespace);
    api.proxy.rule({matches, times: 1, fault: {kind: 'answer', status: 410, body}});
    api.proxy.watches(`/${namespace}/`).reset();
    await until('the second list', async () => (await sample(metrics, 'reflector_lists_total')) === 2);
    await put(namespace, 'a', '1');
    await holds('a', '1');
  });

  test('a list whose continue token has expired is begun again', async () => {
    const namespace = await api.namespace();
    for (const name of ['a', 'b', 'c']) {
      await put(namespace, name, '1');
    }
    const body = {kind: 'Status', code: 410, reason: 'Expired', message: 'continue token too old'};
    const matches = ({path}: {path: string}): boolean => path.includes(namespace) && path.includes('continue=');
    api.proxy.rule({matches, times: 1, fault: {kind: 'answer', status: 410, body}});
    const {reflector} = follow(namespace, {pageSize: 2});
    await reflector.synced();
    expect(reflector.store.size).toBe(3);
  });

  test('by silence: a half-open connection is given up after a time', async () => {
    const namespace = await api.namespace();
    const {reflector, metrics, holds} = follow(namespace, {silenceMs: 1_000});
    await reflector.synced();
    await watchOpen(namespace);
    api.proxy.watches(`/${namespace}/`).silence();
    await put(namespace, 'a', '1');
    await holds('a', '1');
    expect(await sample(metrics, 'reflector_watch_ends_total', {reason: 'silence'})).toBeGreaterThanOrEqual(1);
    expect(await sample(metrics, 'reflector_lists_total')).toBe(1);
  });

  test('as everything does: the network is a black hole for a while', async () => {
    const namespace = await api.namespace();
    const {reflector, holds, metrics} = follow(namespace, {silenceMs: 1_000});
    await reflector.synced();
    await watchOpen(namespace);
    api.proxy.blackhole(true);
    await put(namespace, 'a', '1');
    const silences = (): Promise<number> => sample(metrics, 'reflector_watch_ends_total', {reason: 'silence'});
    await until('that the silence is noticed', async () => (await silences()) > 0);
    expect(reflector.store.get(`${namespace}/a`)).toBeUndefined();
    api.proxy.blackhole(false);
    await holds('a', '1');
  });

  test('by the server, killed and restarted: a change of after that arrives, trouble is said and ends', async () => {
    const namespace = await api.namespace();
    await put(namespace, 'a', '1');
    const opened: string[] = [];
    const {reflector, holds} = follow(namespace, {onOpen: () => opened.push('open')});
    await reflector.synced();
    await watchOpen(namespace);
    await api.controlPlane.apiServer.kill9();
    const {message} = await until('trouble', () => reflector.trouble);
    expect(message).toMatch(/^GET .*configmaps: /);
    await api.controlPlane.apiServer.restart();
    await put(namespace, 'b', '1');
    await holds('b', '1');
    await holds('a', '1');
    await until('the end of trouble', () => reflector.trouble === undefined);
    expect(opened.length).toBeGreaterThanOrEqual(2);
  });
});

describe('what the server refuses', () => {
  test('429 with Retry-After, for list and watch, is waited for', async () => {
    const namespace = await api.namespace();
    const body = {kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'busy'};
    const matches = ({path}: {path: string}): boolean => path.includes(`/${namespace}/configmaps`);
    const fault = {kind: 'answer', status: 429, headers: {'retry-after': '1'}, body} as const;
    const end = api.proxy.rule({matches, fault});
    const {reflector, holds} = follow(namespace);
    const {message} = await until('trouble', () => reflector.trouble);
    expect(message).toContain('429 busy');
    end();
    await reflector.synced();
    await put(namespace, 'a', '1');
    await holds('a', '1');
  });

  test('a resource that does not exist yet is a message, and found when it appears', async () => {
    const widgets: ResourceRef = {apiVersion: 'example.io/v1', kind: 'Widget', plural: 'widgets', namespaced: true};
    const crds: ResourceRef = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      plural: 'customresourcedefinitions',
      namespaced: false,
    };
    const {reflector} = follow('default', {ref: widgets, project: ({kind}) => kind});
    const {message} = await until('trouble', () => reflector.trouble);
    expect(message).toContain('404');
    expect(reflector.hasSynced()).toBe(false);
    const schema = {openAPIV3Schema: {type: 'object', 'x-kubernetes-preserve-unknown-fields': true}};
    await api.admin.create(crds, undefined, {
      apiVersion: crds.apiVersion,
      kind: crds.kind,
      metadata: {name: 'widgets.example.io'},
      spec: {
        group: 'example.io',
        scope: 'Namespaced',
        names: {kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList'},
        versions: [{name: 'v1', served: true, storage: true, schema}],
      },
    });
    await reflector.synced();
    await until('the end of trouble', () => reflector.trouble === undefined);
  });

  test('waiting to be synced can be given up', async () => {
    const none: ResourceRef = {apiVersion: 'example.io/v1', kind: 'None', plural: 'nones', namespaced: true};
    const {reflector} = follow('default', {ref: none});
    await expect(reflector.synced(AbortSignal.timeout(50))).rejects.toThrow('The reflector of None has not synced');
  });
});

describe('the comparison with a list', () => {
  test('counts what no watch has told, says it, and mends it', async () => {
    const namespace = await api.namespace();
    await put(namespace, 'stays', '1');
    await put(namespace, 'goes', '1');
    await put(namespace, 'changes', '1');
    const {reflector, metrics, logger, holds} = follow(namespace, {comparisonMs: 500});
    await reflector.synced();
    await watchOpen(namespace);
    api.proxy.watches(`/${namespace}/`).silence();
    await remove(namespace, 'goes');
    await put(namespace, 'changes', '2');
    await put(namespace, 'comes', '1');
    await holds('comes', '1');
    await holds('changes', '2');
    await holds('goes', undefined);
    expect(await sample(metrics, 'reflector_missed_events_total')).toBe(3);
    expect(logger.lines.find(({level}) => level === 'error')?.fields).toMatchObject({
      count: 3,
      keys: expect.arrayContaining([`${namespace}/goes`, `${namespace}/changes`, `${namespace}/comes`]),
    });
  });

  test('finds nothing while the watch works, and asks for metadata alone', async () => {
    const namespace = await api.namespace();
    const {reflector, metrics, holds} = follow(namespace, {comparisonMs: 200});
    await reflector.synced();
    for (let value = 0; value < 30; value++) {
      await put(namespace, `a${value % 3}`, String(value));
    }
    await holds('a2', '29');
    const lists = (): number => api.proxy.requests.filter(({path}) => path.includes(namespace)).length;
    const before = lists();
    await until('three comparisons', () => lists() >= before + 3);
    expect(await sample(metrics, 'reflector_missed_events_total')).toBe(0);
    expect(await sample(metrics, 'reflector_lists_total')).toBe(1);
  });
});

test('at rest there is not one request but the renewal of the watch', async () => {
  const namespace = await api.namespace();
  await put(namespace, 'a', '1');
  const {reflector} = follow(namespace);
  await reflector.synced();
  await watchOpen(namespace);
  const before = api.proxy.requests.length;
  await put(namespace, 'a', '2');
  await until('the change', () => reflector.store.get(`${namespace}/a`)?.value === '2');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(api.proxy.requests.slice(before)).toEqual([]);
});

test('stopping ends watch and timers', async () => {
  const namespace = await api.namespace();
  const {reflector} = follow(namespace);
  await reflector.synced();
  await watchOpen(namespace);
  await reflector.stop();
  await until('the end of the watch', () => api.proxy.watches(`/${namespace}/`).count === 0);
});
