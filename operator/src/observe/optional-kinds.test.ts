import {afterEach, describe, expect, test} from '@jest/globals';
import {definitionResource} from '../api/v1alpha1/index.ts';
import {ApiError, Metrics, type KubeObject, type ResourceRef} from '../runtime/index.ts';
import {FakeClock, settle} from '../runtime/testing/fake-clock.ts';
import {RecordingLogger} from '../runtime/testing/logs.ts';
import type {CacheOptions} from './kind.ts';
import {OptionalKinds} from './optional-kinds.ts';

/*
 * The decisions; how it follows definitions that come and go on a real API server is in
 * test/integration/operator/monitoring.test.ts.
 */

const RULES = 'prometheusrules.monitoring.coreos.com';
const forbidden = new ApiError('no', {kind: 'Forbidden', status: 403, reason: 'Forbidden'});

const definition = (change: object = {}, metadata: object = {}): KubeObject => ({
  ...{apiVersion: definitionResource.apiVersion, kind: definitionResource.kind},
  metadata: {name: RULES, uid: '1', resourceVersion: '1', ...metadata},
  spec: {versions: [{name: 'v1', served: true}]},
  status: {conditions: [{type: 'Established', status: 'True'}]},
  ...change,
});

/** A server that lists what `list` gives, and whose watches tell nothing. */
function aServer(list: (kind: string, field: string | undefined) => KubeObject[]): CacheOptions['client'] {
  return {
    async *listPages({kind}: ResourceRef, {fieldSelector}: {fieldSelector?: string}) {
      await settle();
      yield {items: list(kind, fieldSelector), resourceVersion: '1'};
    },
    async *watchLines(_ref: ResourceRef, {signal}: {signal: AbortSignal}) {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
      yield* [];
    },
  } as unknown as CacheOptions['client'];
}

let running: OptionalKinds | undefined;

afterEach(async () => {
  await running?.stop();
});

function started(client: CacheOptions['client']): {kinds: OptionalKinds; clock: FakeClock; told: () => number} {
  const clock = new FakeClock();
  let count = 0;
  const kinds = new OptionalKinds(
    {
      ...{client, clock, namespaces: [], logger: new RecordingLogger(), metrics: new Metrics()},
      ...{onChange: () => undefined, onOpen: () => undefined},
    },
    () => {
      count++;
    },
  );
  running = kinds;
  kinds.start();
  return {kinds, clock, told: () => count};
}

const listing = (found: KubeObject[]) =>
  aServer((kind, field) => (kind === definitionResource.kind && field === `metadata.name=${RULES}` ? found : []));

describe('a kind', () => {
  test.each<[string, KubeObject[], string]>([
    ['is there once its definition is established', [definition()], 'Served'],
    ['is not there without a definition', [], 'Absent'],
    ['is not there before that', [definition({status: {}})], 'Absent'],
    ['is not there in another version', [definition({spec: {versions: [{name: 'v2', served: true}]}})], 'Absent'],
    [
      'is not there when the version is not served',
      [definition({spec: {versions: [{name: 'v1', served: false}]}})],
      'Absent',
    ],
    ['is not there while it is being deleted', [definition({}, {deletionTimestamp: '2026-01-01T00:00:00Z'})], 'Absent'],
  ])('%s', async (_what, found, presence) => {
    const {kinds, told} = started(listing(found));
    expect(kinds.presence()).toEqual({PrometheusRule: 'Unknown', PodMonitor: 'Unknown', HTTPRoute: 'Unknown'});
    await kinds.settled();
    expect(kinds.presence()).toEqual({PrometheusRule: presence, PodMonitor: 'Absent', HTTPRoute: 'Absent'});
    expect(kinds.child('PrometheusRule') !== undefined).toBe(presence === 'Served');
    await settle();
    expect(told()).toBeGreaterThan(0);
  });

  test('stays unknown where its definition may not be read, which holds a start up for five seconds only', async () => {
    const {kinds, clock} = started(
      aServer(() => {
        throw forbidden;
      }),
    );
    let settled = false;
    const waiting = kinds.settled().then(() => {
      settled = true;
    });
    await clock.advance(4_900);
    expect(settled).toBe(false);
    await clock.advance(200);
    await waiting;
    expect(kinds.presence()).toEqual({PrometheusRule: 'Unknown', PodMonitor: 'Unknown', HTTPRoute: 'Unknown'});
  });

  test('stays unknown where its definition is there and its objects may not be read', async () => {
    const {kinds, clock} = started(
      aServer((kind, field) => {
        if (kind === 'PrometheusRule') throw forbidden;
        return field === `metadata.name=${RULES}` ? [definition()] : [];
      }),
    );
    const waiting = kinds.settled();
    await clock.advance(5_100);
    await waiting;
    expect(kinds.presence()).toEqual({PrometheusRule: 'Unknown', PodMonitor: 'Absent', HTTPRoute: 'Absent'});
  });
});
