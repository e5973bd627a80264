import {afterAll, afterEach, beforeAll, expect, jest, test} from '@jest/globals';
import {EventRecorder, systemClock, type KubeObject, type ResourceRef} from '../../../operator/src/runtime/index.ts';
import {RecordingLogger} from '../../../operator/src/runtime/testing/logs.ts';
import {START_TIMEOUT_MS, RealApi, aConfigMap, configMaps, until} from './real-api.ts';

jest.setTimeout(60_000);

const events: ResourceRef = {apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true};

type Event = KubeObject & {
  note: string;
  reason: string;
  type: string;
  regarding: {kind: string; name: string};
  series?: {count: number};
};

let api: RealApi;

beforeAll(async () => {
  api = await RealApi.start();
}, START_TIMEOUT_MS);

afterEach(() => {
  api.proxy.heal();
});

afterAll(async () => {
  await api.stop();
});

async function aRecorder() {
  const namespace = await api.namespace();
  const object = await api.admin.create(configMaps, namespace, aConfigMap(namespace, 'a'));
  const logger = new RecordingLogger();
  const recorder = new EventRecorder({
    client: api.client(),
    clock: systemClock,
    logger,
    reportingController: 'example.io/operator',
    reportingInstance: 'pod-1',
  });
  const {uid = ''} = object.metadata;
  const regarding = {apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a', uid};
  const record = (note: string): void => {
    recorder.record({regarding, type: 'Warning', reason: 'RolledBack', action: 'Rollback', note});
  };
  const list = async (): Promise<Event[]> => (await api.admin.list<Event>(events, {namespace})).items;
  return {recorder, record, list, logger, namespace};
}

test('the server takes an event, its series and a note that was cut', async () => {
  const {recorder, record, list, logger} = await aRecorder();
  record('once');
  await until('the event', async () => (await list()).length === 1);
  record('once');
  await until('its series', async () => (await list())[0]?.series?.count === 2);
  record('😀'.repeat(2_000));
  await recorder.stop();
  const [first, second] = (await list()).sort((a, b) => a.note.length - b.note.length);
  expect(first).toMatchObject({type: 'Warning', reason: 'RolledBack', regarding: {kind: 'ConfigMap', name: 'a'}});
  expect(Buffer.byteLength(second?.note ?? '')).toBeLessThanOrEqual(1_024);
  expect(logger.lines).toEqual([]);
});

test('the server would refuse a note that is not cut', async () => {
  const {namespace} = await aRecorder();
  const body = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: {name: 'too-long', namespace},
    eventTime: '2026-01-02T03:04:05.000000Z',
    reportingController: 'example.io/operator',
    reportingInstance: 'pod-1',
    type: 'Normal',
    reason: 'X',
    action: 'X',
    regarding: {kind: 'ConfigMap', namespace, name: 'a'},
    note: 'x'.repeat(1_025),
  };
  await expect(api.admin.create(events, namespace, body)).rejects.toMatchObject({kind: 'Invalid'});
});

test('a server that is away is waited for a while, without a word to the caller', async () => {
  const {recorder, record, list} = await aRecorder();
  const matches = ({path}: {path: string}): boolean => path.includes('/events');
  api.proxy.rule({matches, times: 2, fault: {kind: 'reset', when: 'before'}});
  record('survives');
  await until('the event', async () => (await list()).some(({note}) => note === 'survives'));
  await recorder.stop();
});

test('a create whose answer was lost leaves one event', async () => {
  const {recorder, record, list} = await aRecorder();
  const matches = ({path, method}: {path: string; method: string}): boolean =>
    method === 'POST' && path.includes('/events');
  api.proxy.rule({matches, times: 1, fault: {kind: 'reset', when: 'after'}});
  record('one');
  const posts = api.proxy.requests.length;
  await until('the second try', () => api.proxy.requests.slice(posts).filter(matches).length >= 2);
  await recorder.stop();
  expect((await list()).map(({note}) => note)).toEqual(['one']);
});
