import {describe, expect, test} from '@jest/globals';
import {AbsentSecretError, DamagedSecretError, DoomedSecretError, type OwnedSecrets} from '../act/owned-secrets.ts';
import {anError, FakeServer} from '../act/testing.ts';
import type {MaintenanceApi, MaintenanceApiSpecInput} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {RecordingLogger} from '../runtime/testing/logs.ts';
import {ServiceLevels} from '../slo/index.ts';
import {ResourceStates} from './resource-state.ts';
import {SECRETS} from './testing.ts';

const KEY = 'apis/shop';
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const referring = (...names: string[]): Partial<MaintenanceApiSpecInput> => ({
  env: names.map((name) => ({name: name.toUpperCase(), valueFrom: {secretKeyRef: {name, key: 'k'}}})),
});

function someStates(spec: Partial<MaintenanceApiSpecInput> = {}) {
  const clock = new FakeClock();
  const server = new FakeServer();
  const logger = new RecordingLogger();
  let fails: (() => void) | undefined;
  let ensured = 0;
  const secrets = {
    ensure: async (): Promise<OwnedSecrets> => {
      ensured++;
      fails?.();
      return SECRETS;
    },
    ensureBackupKey: async (): Promise<string> => {
      fails?.();
      return 'generated-1';
    },
  };
  const states = new ResourceStates({client: server, clock, secrets, logger});
  let api: MaintenanceApi = aMaintenanceApi(spec);
  return {
    ...{clock, server, logger, states},
    ensured: () => ensured,
    fail: (error: Error | undefined) => {
      fails =
        error &&
        (() => {
          throw error;
        });
    },
    has: (name: string, data: Record<string, string> = {k: 'djE='}) =>
      server.objects.set(`Secret/${name}`, {apiVersion: 'v1', kind: 'Secret', metadata: {name}, data}),
    /** Changes the resource. */
    change: (metadata: Partial<MaintenanceApi['metadata']>, status?: MaintenanceApi['status']) => {
      api = {...api, metadata: {...api.metadata, ...metadata}, ...(status && {status})};
    },
    refresh: () => states.refresh(KEY, api),
    /** Looks every 5 s for so long. @returns requests for Secrets that the spec refers to */
    async look(ms: number): Promise<number> {
      const before = server.log.filter((line) => line.startsWith('get Secret/')).length;
      for (let passed = 0; passed < ms; passed += 5 * SECOND) {
        await states.refresh(KEY, api);
        await clock.advance(5 * SECOND);
      }
      return server.log.filter((line) => line.startsWith('get Secret/')).length - before;
    },
  };
}

describe('what is not watched', () => {
  test('is read at first, hourly, and at a touch of the resource', async () => {
    const {look, ensured, has, change} = someStates(referring('a'));
    has('a');
    expect([await look(59 * MINUTE), ensured()]).toEqual([1, 1]);
    expect([await look(2 * MINUTE), ensured()]).toEqual([1, 2]);
    change({generation: 2});
    expect([await look(MINUTE), ensured()]).toEqual([1, 3]);
    change({annotations: {'example.com/touched': 'now'}});
    expect([await look(MINUTE), ensured()]).toEqual([1, 4]);
    change({labels: {team: 'plumbing'}});
    expect([await look(MINUTE), ensured()]).toEqual([1, 5]);
  });

  test('is not read again because of our own writes of status', async () => {
    const {look, ensured, change} = someStates();
    await look(MINUTE);
    change({resourceVersion: '99'}, {observedGeneration: 1});
    await look(MINUTE);
    expect(ensured()).toBe(1);
  });

  test('is read anew for a resource of the same name', async () => {
    const {refresh, change} = someStates();
    const before = await refresh();
    change({uid: 'another'});
    expect(await refresh()).not.toBe(before);
  });

  test('and is missing is looked for every minute, and found', async () => {
    const {look, ensured, has, refresh} = someStates(referring('a', 'b'));
    has('a');
    expect(await look(10 * MINUTE)).toBe(20);
    expect((await refresh()).references.missing).toEqual([{kind: 'Secret', name: 'b', key: undefined}]);
    expect(ensured()).toBe(1);
    has('b');
    await look(MINUTE);
    expect((await refresh()).references).toMatchObject({missing: [], hashes: {'Secret/b': expect.any(String)}});
    expect(await look(30 * MINUTE)).toBe(0);
  });

  test('and is missing takes at most 6 requests a minute, however much the spec refers to', async () => {
    const names = Array.from({length: 60}, (_, i) => `s${String(i)}`);
    const {look} = someStates(referring(...names));
    await look(5 * SECOND);
    expect(await look(30 * MINUTE)).toBeLessThanOrEqual(6 * 30);
  });

  test('is compared every hour also while something is missing', async () => {
    const {look, ensured} = someStates(referring('gone'));
    await look(2.5 * HOUR);
    expect(ensured()).toBe(3);
  });
});

describe('a permission that is missing', () => {
  test('is looked for every two minutes, and told with the command that grants it', async () => {
    const {look, ensured, fail, refresh} = someStates();
    fail(anError(403, 'Forbidden'));
    await look(10 * MINUTE);
    expect(ensured()).toBe(5);
    expect((await refresh()).accessMissing).toContain('kubectl apply -n apis -k config/namespace');
    fail(undefined);
    await look(2 * MINUTE);
    expect(await refresh()).toMatchObject({accessMissing: undefined, secrets: SECRETS});
  });

  test('because the namespace is being deleted is no permission that is missing', async () => {
    const {refresh, fail} = someStates();
    const error = anError(403, 'Forbidden', ['metadata.namespace']);
    fail(error);
    await expect(refresh()).rejects.toBe(error);
  });
});

describe('a Secret of the operator', () => {
  test.each([
    ['damaged', new DamagedSecretError('admin', 'password')],
    ['absent while nothing may be made', new AbsentSecretError('admin')],
  ])('that is %s leaves what is known, and is a problem', async (_how, error) => {
    const {refresh, fail, has, change, ensured, look} = someStates(referring('a'));
    has('a');
    await refresh();
    fail(error);
    change({generation: 2});
    const state = await refresh();
    expect(state).toMatchObject({secrets: SECRETS, secretsProblem: error.message, readFor: 2, unread: undefined});
    await look(30 * MINUTE);
    expect(ensured()).toBe(2);
    fail(undefined);
    change({annotations: {touched: '1'}});
    expect((await refresh()).secretsProblem).toBeUndefined();
  });
});

describe('a reading that fails', () => {
  test('is no error: what was read before holds, and it is tried again, half as often each time', async () => {
    const {refresh, fail, clock, ensured, look, change, logger} = someStates();
    await refresh();
    fail(anError(504, 'Timeout'));
    await clock.advance(HOUR);
    const state = await refresh();
    expect(state).toMatchObject({secrets: SECRETS, readFor: 1, unread: '504 Timeout'});
    expect(ensured()).toBe(2);
    await look(10 * MINUTE);
    expect(ensured()).toBe(10);
    fail(undefined);
    change({annotations: {touched: '1'}});
    expect(await refresh()).toMatchObject({unread: undefined, failures: 0});
    expect(new Set(logger.messages('warn'))).toEqual(new Set(['Secrets and ConfigMaps could not be read']));
  });

  test('for a new generation leaves unknown what that refers to', async () => {
    const {refresh, fail, change, look} = someStates(referring('a'));
    await refresh();
    fail(anError(503));
    change({generation: 2});
    expect((await refresh()).readFor).toBe(1);
    fail(undefined);
    await look(5 * SECOND);
    expect((await refresh()).readFor).toBe(2);
  });

  test('at a touch is made up for with everything, not with the references alone', async () => {
    const {refresh, fail, change, look, ensured} = someStates();
    await refresh();
    fail(new DoomedSecretError('tokens'));
    change({annotations: {touched: '1'}});
    await refresh();
    fail(undefined);
    await look(10 * SECOND);
    expect(ensured()).toBe(3);
    expect((await refresh()).unread).toBeUndefined();
  });
});

describe('the next reading by itself', () => {
  test('is due as long after the last as the state says', async () => {
    const {refresh, states, clock, fail} = someStates(referring('gone'));
    expect(states.nextRefreshMs(KEY)).toBe(0);
    await refresh();
    expect(states.nextRefreshMs(KEY)).toBe(MINUTE);
    await clock.advance(20 * SECOND);
    expect(states.nextRefreshMs(KEY)).toBe(40 * SECOND);
    fail(anError(503));
    await clock.advance(HOUR);
    await refresh();
    expect(states.nextRefreshMs(KEY)).toBe(5 * SECOND);
    states.forget(KEY);
    expect(states.nextRefreshMs(KEY)).toBe(0);
  });
});

describe('service levels', () => {
  const saved = (text: string, uid: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'shop-slo',
      ownerReferences: [{apiVersion: 'x', kind: 'MaintenanceApi', name: 'shop', uid}],
    },
    data: {'checkpoint.json': text},
  });

  test('go on where they were saved', async () => {
    const {refresh, server, clock} = someStates();
    const before = new ServiceLevels();
    const time = clock.now() - HOUR;
    before.podReady('pod-1', 'abc', time, time);
    before.record({
      podUid: 'pod-1',
      revision: 'abc',
      time,
      valid: 7,
      bad: 1,
      total: 8,
      fast: 6,
      latencyThresholdMs: 500,
    });
    const checkpoint = before.checkpoint(time);
    expect(checkpoint.pods).toHaveLength(1);
    server.objects.set('ConfigMap/shop-slo', saved(JSON.stringify(checkpoint), aMaintenanceApi().metadata.uid));
    const {levels} = await refresh();
    expect(levels.checkpoint(clock.now()).pods).toEqual(checkpoint.pods);
    expect(server.log.filter((line) => line.includes('ConfigMap'))).toEqual(['get ConfigMap/shop-slo']);
  });

  test('begin anew, with a word about it, when what was saved can not be read', async () => {
    const {refresh, server, logger} = someStates();
    server.objects.set('ConfigMap/shop-slo', saved('{"version": 0, "password": "x"}', aMaintenanceApi().metadata.uid));
    await refresh();
    expect(logger.messages('warn')).toEqual(['Counting service levels anew: the checkpoint is not readable']);
  });

  test('do not begin anew because the server does not answer: then nothing is decided yet', async () => {
    const {refresh, server} = someStates();
    server.refuse = () => {
      throw anError(503);
    };
    await expect(refresh()).rejects.toMatchObject({kind: 'Unavailable'});
  });
});
