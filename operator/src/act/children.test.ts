import {describe, expect, test} from '@jest/globals';
import type {ApplyOptions, ApplyResult, WritableObject} from '../runtime/index.ts';
import {FIELD_MANAGER, optionalResources} from '../api/v1alpha1/index.ts';
import {wantedHash} from '../runtime/index.ts';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {Attempts} from './attempts.ts';
import {ChildWriter, type ChildCache} from './children.ts';
import {aMaintenanceApi, anError, FakeServer} from './testing.ts';

const API = aMaintenanceApi();
const CALM = {touch: 't', action: undefined};

function child(kind: string, name = 'shop', size = 1): WritableObject & {spec: {size: number}} {
  const apiVersion = kind === 'Deployment' || kind === 'StatefulSet' ? 'apps/v1' : 'v1';
  return {apiVersion, kind, metadata: {name, namespace: 'apis'}, spec: {size}};
}

type Live = NonNullable<ReturnType<NonNullable<ReturnType<ChildCache['child']>>['get']>>;

/** A live child of the resource, owned as it is in the cache. */
function live(name: string, change: Partial<Live> = {}): Live {
  return {
    namespace: 'apis',
    name,
    uid: `uid-${name}`,
    resourceVersion: '77',
    owner: {uid: API.metadata.uid},
    value: {owned: undefined, deleting: false},
    ...change,
  };
}

/** A writer before a cache of these children by `Kind/name`. */
function aWriter(cached: Record<string, Live> = {}) {
  const server = new FakeServer();
  const clock = new FakeClock();
  const applied: {object: WritableObject; options: ApplyOptions}[] = [];
  const noted: string[] = [];
  const failing = new Map<string, Error>();
  const cache: ChildCache = {
    child: (kind) => ({
      get: (key) => cached[`${kind}/${key.split('/')[1] ?? ''}`],
      ownedBy: (owner) =>
        owner === 'apis/shop'
          ? Object.entries(cached).flatMap(([id, item]) => (id.startsWith(`${kind}/`) ? [item] : []))
          : [],
    }),
    noteWrite: (owner, kind, key, version) => noted.push(`${owner} ${kind} ${key}@${version}`),
  };
  const applier = {
    async apply(object: WritableObject, options: ApplyOptions = {}): Promise<ApplyResult> {
      if (wantedHash(object) === options.owned) return {changed: false, object: undefined, differences: []};
      applied.push({object, options});
      const error = failing.get(object.kind);
      if (error !== undefined) throw error;
      const answer = {...object, metadata: {...object.metadata, resourceVersion: '200'}};
      return {changed: true, object: answer, differences: []};
    },
  };
  const guard = (): void => undefined;
  const writer = new ChildWriter({client: server, applier, cache, attempts: new Attempts(clock), guard});
  return {writer, server, clock, applied, noted, failing, guard, kinds: () => applied.map(({object}) => object.kind)};
}

describe("what has a child's name already", () => {
  const there = (metadata: object) => ({apiVersion: 'v1', kind: 'Service', metadata: {name: 'shop', ...metadata}});
  const put = (metadata: object) => {
    const it = aWriter();
    it.server.objects.set('Service/shop', there(metadata));
    return it;
  };

  test('and is not ours is left alone, named, and not asked for at each look', async () => {
    const {writer, applied, server} = put({labels: {app: 'by-hand'}});
    const [result] = await writer.apply(API, [child('Service')], CALM);
    expect(result?.refused).toContain('Service "shop" exists and is not of this MaintenanceApi');
    await writer.apply(API, [child('Service')], CALM);
    expect([applied, server.log]).toEqual([[], ['get Service/shop']]);
  });

  test.each(optionalResources)('of kind $kind and is not ours is left alone too', async ({apiVersion, kind}) => {
    const {writer, applied, server} = aWriter();
    server.objects.set(`${kind}/shop`, {apiVersion, kind, metadata: {name: 'shop', labels: {app: 'by-hand'}}});
    const [result] = await writer.apply(API, [{...child(kind), apiVersion}], CALM);
    expect([result?.refused, applied]).toEqual([expect.stringContaining(`${kind} "shop" exists`), []]);
  });

  test.each([
    ['carries our label, as an orphan does', {labels: {'maintenance-api.io/owner': 'shop'}}],
    ['is controlled by the resource', {ownerReferences: [{uid: API.metadata.uid, controller: true}]}],
    [
      'has fields of ours, though somebody took the label away',
      {
        managedFields: [
          {manager: FIELD_MANAGER, operation: 'Apply', apiVersion: 'v1', fieldsV1: {'f:spec': {'f:size': {}}}},
        ],
      },
    ],
  ])('and %s is applied', async (_why, metadata) => {
    const {writer, applied} = put(metadata);
    await writer.apply(API, [child('Service')], CALM);
    expect(applied).toHaveLength(1);
  });
});

describe('applying', () => {
  const wanted = [child('Service'), child('StatefulSet'), child('Deployment')];

  test('applies in the given order what differs, and notes each write', async () => {
    const same = child('StatefulSet');
    const {writer, kinds, noted, applied, guard} = aWriter({
      'StatefulSet/shop': live('shop', {value: {owned: wantedHash(same), deleting: false}}),
    });
    const results = await writer.apply(API, wanted, CALM);
    expect(kinds()).toEqual(['Service', 'Deployment']);
    expect(applied[0]?.options.beforeSend).toBe(guard);
    expect(noted).toEqual(['apis/shop Service apis/shop@200', 'apis/shop Deployment apis/shop@200']);
    expect(results).toEqual(
      wanted.map(({kind}) => ({kind, name: 'shop', refused: undefined, contested: false, differences: []})),
    );
  });

  const byMessage = (errors: Error[]) => errors.map((error) => [error.message, error] as const);

  test.each(
    byMessage([anError(422, 'Invalid'), anError(403, 'Forbidden'), anError(404, 'NotFound'), anError(500, 'Any')]),
  )('goes on with the others when one is refused (%s)', async (_message, error) => {
    const {writer, kinds, failing} = aWriter();
    failing.set('Service', error);
    const results = await writer.apply(API, wanted, CALM);
    expect(kinds()).toEqual(['Service', 'StatefulSet', 'Deployment']);
    expect(results.map(({refused}) => refused)).toEqual([error.message, undefined, undefined]);
  });

  test('does not ask for the same again at every look, and says still that it was refused', async () => {
    const {writer, kinds, failing, clock} = aWriter();
    failing.set('Service', anError(422, 'Invalid'));
    for (let look = 0; look < 12; look++) {
      const [first] = await writer.apply(API, [child('Service')], CALM);
      expect(first?.refused).toBe('422 Invalid');
      await clock.advance(5_000);
    }
    expect(kinds()).toEqual(['Service']);
    failing.clear();
    await writer.apply(API, [child('Service', 'shop', 2)], CALM);
    expect(kinds()).toEqual(['Service', 'Service']);
  });

  test.each(byMessage([anError(409, 'Conflict'), anError(503), new Error('a bug')]))(
    'passes on what may pass: %s',
    async (_message, error) => {
      const {writer, failing} = aWriter();
      failing.set('Deployment', error);
      await expect(writer.apply(API, wanted, CALM)).rejects.toBe(error);
    },
  );

  test('says who changes a child back again and again, instead of joining in', async () => {
    const cached: Record<string, Live> = {};
    const {writer, kinds} = aWriter(cached);
    const results: boolean[] = [];
    for (let edit = 0; edit < 5; edit++) {
      cached['Service/shop'] = live('shop', {value: {owned: `edited ${String(edit)}`, deleting: false}});
      const [result] = await writer.apply(API, [child('Service')], CALM);
      results.push(result?.contested === true);
    }
    expect(results).toEqual([false, false, false, true, true]);
    expect(kinds()).toHaveLength(3);
  });

  test('begins with the child that carries out an action, only if it is as it was read (invariant 14)', async () => {
    const {writer, kinds, applied} = aWriter({
      'Deployment/shop': live('shop', {resourceVersion: '4711'}),
      'Service/shop': live('shop'),
    });
    await writer.apply(API, wanted, {touch: 't', action: 'Deployment'});
    expect(kinds()).toEqual(['Deployment', 'Service', 'StatefulSet']);
    expect(applied.map(({options}) => options.resourceVersion)).toEqual(['4711', undefined, undefined]);
  });
});

describe('deleting', () => {
  test('takes our own children that are not wanted, by their uid, and no others', async () => {
    const {writer, server} = aWriter({
      'Service/old': live('old'),
      'Service/kept': live('kept'),
      'Service/foreign': live('foreign', {owner: {uid: 'another'}}),
      'Service/orphan': live('orphan', {owner: undefined}),
      'Service/going': live('going', {value: {owned: undefined, deleting: true}}),
      'HorizontalPodAutoscaler/shop': live('shop'),
    });
    await writer.removeUnwanted(API, [child('Service', 'kept')], {touch: 't'});
    expect(server.log).toEqual(['delete Service/old', 'delete HorizontalPodAutoscaler/shop']);
    expect(server.asked[0]?.options).toMatchObject({uid: 'uid-old'});
  });

  test('says what may not be deleted, and does not ask at every look', async () => {
    const {writer, server} = aWriter({'Service/old': live('old')});
    server.refuse = () => {
      throw anError(403, 'Forbidden');
    };
    for (let look = 0; look < 3; look++) {
      const results = await writer.removeUnwanted(API, [], {touch: 't'});
      expect(results).toMatchObject([{kind: 'Service', name: 'old', refused: '403 Forbidden'}]);
    }
    expect(server.log).toHaveLength(1);
  });
});
