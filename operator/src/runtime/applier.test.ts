import {describe, expect, test} from '@jest/globals';
import {Applier, differencesOf, type ApplyOptions} from './applier.ts';
import type {KubeClient, KubeRequest, PatchOptions} from './client.ts';
import {ApiError} from './errors.ts';
import {ownedHash} from './owned-fields.ts';
import {RecordingLogger} from './testing/logs.ts';
import type {FieldsV1, KubeObject, ResourceRef, WritableObject} from './types.ts';

const hpas: ResourceRef = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  namespaced: true,
};

function anHpa(spec: object): WritableObject & {spec: object} {
  return {apiVersion: 'autoscaling/v2', kind: hpas.kind, metadata: {name: 'h', namespace: 'n'}, spec};
}

function leaves(value: unknown): FieldsV1 {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([name, child]) => [`f:${name}`, leaves(child)]))
    : {};
}

/** Answers an apply as a server does that keeps `spec` after `keep`; counts what it is asked. */
function aServer(keep: (spec: object) => object = (spec) => spec) {
  const state = {version: 'v1.36.3', known: ['max', 'tolerance', 'behavior'], requests: [] as string[], keep};
  let resourceVersion = 100;
  const client: Pick<KubeClient, 'patch' | 'request' | 'serverVersion'> = {
    async patch<T>(
      _ref: ResourceRef,
      _namespace: string | undefined,
      _name: string,
      body: unknown,
      options: PatchOptions,
    ) {
      options.beforeSend?.();
      state.requests.push(`${options.type} ${options.fieldManager ?? ''} ${String(options.force)}`);
      const wanted = body as ReturnType<typeof anHpa>;
      const unknown = Object.keys(wanted.spec).find((name) => !state.known.includes(name));
      if (unknown !== undefined) {
        const message = `.spec.${unknown}: field not declared in schema`;
        throw new ApiError(message, {kind: 'Other', status: 500, reason: ''});
      }
      const spec = state.keep(wanted.spec);
      resourceVersion++;
      const answer: KubeObject = {
        ...wanted,
        spec,
        metadata: {
          ...wanted.metadata,
          resourceVersion: String(resourceVersion),
          managedFields: [
            {manager: 'us', operation: 'Apply', apiVersion: wanted.apiVersion, fieldsV1: {'f:spec': leaves(spec)}},
          ],
        },
      };
      return answer as T;
    },
    async request<T>({path}: KubeRequest) {
      state.requests.push(path);
      const properties = Object.fromEntries(state.known.map((name) => [name, {}]));
      const schemas = {
        Hpa: {
          'x-kubernetes-group-version-kind': [{group: 'autoscaling', version: 'v2', kind: hpas.kind}],
          properties: {apiVersion: {}, kind: {}, metadata: {}, spec: {properties}},
        },
      };
      const index = {paths: {'apis/autoscaling/v2': {serverRelativeURL: '/doc'}}};
      return (path === '/openapi/v3' ? index : {components: {schemas}}) as T;
    },
    async serverVersion() {
      state.requests.push('/version');
      return state.version;
    },
  };
  return {state, client};
}

function anApplier(server = aServer()) {
  const writes: string[] = [];
  const logger = new RecordingLogger();
  const applier = new Applier({
    client: server.client,
    fieldManager: 'us',
    resources: [hpas],
    logger,
    onWrite: (ref, key, version) => writes.push(`${ref.kind} ${key} ${version}`),
  });
  /** Applies and returns the hash that a watch would bring in. */
  const apply = async (object: WritableObject, owned?: string) => {
    const result = await applier.apply(object, {owned});
    return {...result, hash: result.object === undefined ? owned : ownedHash(result.object, 'us')};
  };
  return {...server, applier, apply, writes, logger};
}

const patches = (requests: readonly string[]): number => requests.filter((each) => each.startsWith('apply')).length;

test('an object that is not there is applied, forced, as one manager, and the write is told', async () => {
  const {apply, state, writes} = anApplier();
  const result = await apply(anHpa({max: 3}));
  expect(result).toMatchObject({changed: true, differences: []});
  expect(state.requests.at(-1)).toBe('apply us true');
  expect(writes).toEqual(['HorizontalPodAutoscaler n/h 101']);
});

test('equal to what we own: no request of any kind, also for an applier that has just started', async () => {
  const {hash} = await anApplier().apply(anHpa({max: 3}));
  const {apply, state} = anApplier();
  expect(await apply(anHpa({max: 3}), hash)).toMatchObject({changed: false, object: undefined, differences: []});
  expect(state.requests).toEqual([]);
});

test('a change, and a field taken away by someone, are applied', async () => {
  const {apply, state} = anApplier();
  const {hash} = await apply(anHpa({max: 3}));
  expect(await apply(anHpa({max: 4}), hash)).toMatchObject({changed: true});
  const {hash: without} = await anApplier(aServer(() => ({}))).apply(anHpa({max: 3}));
  expect(await apply(anHpa({max: 3}), without)).toMatchObject({changed: true});
  expect(patches(state.requests)).toBe(3);
});

describe('a field that the server does not know', () => {
  test('is left out, said, and not asked for again', async () => {
    const server = aServer();
    server.state.known = ['max'];
    const {apply, state} = anApplier(server);
    const first = await apply(anHpa({max: 3, tolerance: '0'}));
    expect(first.object).toMatchObject({spec: {max: 3}});
    expect(first.object).not.toHaveProperty('spec.tolerance');
    expect(first.differences).toEqual([{path: '.spec.tolerance', why: 'Unknown'}]);
    const asked = state.requests.length;
    const second = await apply(anHpa({max: 3, tolerance: '0'}), first.hash);
    expect(second).toMatchObject({changed: false, object: undefined, differences: first.differences});
    expect(state.requests.length).toBe(asked);
  });

  test('costs no write that changes anything after a restart of ours', async () => {
    const server = aServer();
    server.state.known = ['max'];
    const {hash} = await anApplier(server).apply(anHpa({max: 3, tolerance: '0'}));
    const restarted = anApplier(server);
    const before = patches(server.state.requests);
    expect(await restarted.apply(anHpa({max: 3, tolerance: '0'}), hash)).toMatchObject({
      changed: false,
      differences: [{path: '.spec.tolerance', why: 'Unknown'}],
    });
    // The one that was refused.
    expect(patches(server.state.requests)).toBe(before + 1);
  });

  test('once seen, is left out of other objects of that version before they are sent', async () => {
    const server = aServer();
    server.state.known = ['max'];
    const {apply, state} = anApplier(server);
    await apply(anHpa({max: 3, tolerance: '0'}));
    const before = patches(state.requests);
    await apply({...anHpa({max: 4, tolerance: '0'}), metadata: {name: 'other', namespace: 'n'}});
    expect(patches(state.requests)).toBe(before + 1);
  });

  test('is an error when the schema of the server says nothing of it', async () => {
    const server = aServer();
    server.state.known = ['max'];
    const applier = anApplier({
      ...server,
      client: {
        ...server.client,
        request: <T>({path}: KubeRequest) =>
          Promise.resolve((path === '/openapi/v3' ? {paths: {}} : {components: {}}) as T),
      },
    });
    await expect(applier.apply(anHpa({tolerance: '0'}))).rejects.toMatchObject({status: 500});
  });
});

test('the schema, which is large, is not asked for as long as the server takes everything', async () => {
  const {apply, state} = anApplier();
  await apply(anHpa({max: 3}));
  await apply(anHpa({max: 4}));
  expect(state.requests).toEqual(['/version', 'apply us true', 'apply us true']);
});

describe('what the server makes of an object', () => {
  test('a field silently dropped is said and not applied for ever', async () => {
    const {apply, state, logger} = anApplier(aServer(() => ({max: 3})));
    const first = await apply(anHpa({max: 3, tolerance: '0'}));
    expect(first.differences).toEqual([{path: '.spec.tolerance', why: 'Dropped'}]);
    for (let again = 0; again < 3; again++) {
      const result = await apply(anHpa({max: 3, tolerance: '0'}), first.hash);
      expect(result).toMatchObject({changed: false, object: undefined, differences: first.differences});
    }
    expect(patches(state.requests)).toBe(1);
    expect(logger.messages('warn')).toHaveLength(1);
  });

  test('after a restart of ours it is learned again by one request that changes nothing', async () => {
    const server = aServer(() => ({max: 3}));
    const {hash} = await anApplier(server).apply(anHpa({max: 3, tolerance: '0'}));
    const restarted = anApplier(server);
    const results = [];
    for (let again = 0; again < 3; again++) {
      results.push((await restarted.apply(anHpa({max: 3, tolerance: '0'}), hash)).changed);
    }
    expect(results).toEqual([false, false, false]);
    expect(patches(server.state.requests)).toBe(2);
  });

  test('a rewritten value is said and not applied for ever', async () => {
    const {apply, state} = anApplier(aServer(() => ({max: 5})));
    const first = await apply(anHpa({max: 3}));
    expect(first.differences).toEqual([{path: '.spec.max', why: 'Rewritten'}]);
    await apply(anHpa({max: 3}), first.hash);
    expect(patches(state.requests)).toBe(1);
  });

  test('but a later drift of it, or another wish, is', async () => {
    const {apply, state} = anApplier(aServer(() => ({max: 3})));
    const {hash} = await apply(anHpa({max: 3, tolerance: '0'}));
    await apply(anHpa({max: 3, tolerance: '0'}), 'someone-took-max-away');
    await apply(anHpa({max: 4, tolerance: '0'}), hash);
    await apply(anHpa({max: 4, tolerance: '0'}));
    expect(patches(state.requests)).toBe(4);
  });

  test('is asked again when the server is another version', async () => {
    const {apply, applier, state} = anApplier(aServer(() => ({max: 3})));
    const {hash} = await apply(anHpa({max: 3, tolerance: '0'}));
    applier.serverMayHaveChanged();
    await apply(anHpa({max: 3, tolerance: '0'}), hash);
    expect(patches(state.requests)).toBe(1);
    state.version = 'v1.37.0';
    state.keep = (spec) => spec;
    applier.serverMayHaveChanged();
    expect(await apply(anHpa({max: 3, tolerance: '0'}), hash)).toMatchObject({changed: true, differences: []});
  });
});

test('a guard that throws keeps the request from being sent', async () => {
  const {applier, state} = anApplier();
  const beforeSend = (): never => {
    throw new Error('lease too old');
  };
  await expect(applier.apply(anHpa({max: 3}), {beforeSend})).rejects.toThrow('lease too old');
  expect(patches(state.requests)).toBe(0);
});

describe('on a version', () => {
  const versionsSent = async (server: ReturnType<typeof aServer>, options: ApplyOptions): Promise<unknown[]> => {
    const sent: unknown[] = [];
    const {patch} = server.client;
    server.client.patch = async (ref, namespace, name, body, patchOptions) => {
      sent.push((body as KubeObject).metadata.resourceVersion);
      return patch(ref, namespace, name, body, patchOptions);
    };
    const {applier} = anApplier(server);
    await applier.apply(anHpa({max: 3, nope: 1}), options);
    return sent;
  };

  test('the object must still be of it, also when it is sent again without what the server does not know', async () => {
    expect(await versionsSent(aServer(), {resourceVersion: '4711'})).toEqual(['4711', '4711']);
  });

  test('of any, none is named', async () => {
    expect(await versionsSent(aServer(), {})).toEqual([undefined, undefined]);
  });
});

test('a kind that is not among the resources is a mistake of the caller', async () => {
  const {applier} = anApplier();
  await expect(applier.apply({...anHpa({}), kind: 'Pod'})).rejects.toThrow(
    "autoscaling/v2 Pod is not among the applier's resources",
  );
});

test.each([
  [{a: 1}, {a: 1}, []],
  [{a: {b: 1}}, {a: {b: 1, c: 2}}, [{path: '.a.c', why: 'Added'}]],
  [{a: [{b: 1}]}, {a: [{b: 2}]}, [{path: '.a[0].b', why: 'Rewritten'}]],
  [{a: [1, 2]}, {a: [1]}, [{path: '.a', why: 'Rewritten'}]],
  [{a: {b: {}}}, {a: {}}, [{path: '.a.b', why: 'Dropped'}]],
  [{a: {b: 1}}, {a: 'x'}, [{path: '.a', why: 'Rewritten'}]],
])('the differences of %j from %j', (wanted, actual, differences) => {
  expect(differencesOf(wanted, actual, '')).toEqual(differences);
});
