import {afterAll, afterEach, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {
  KubeClient,
  LeaderElector,
  LeaseTooOldError,
  systemClock,
  type KubeObject,
  type LeaderElectorOptions,
  type ResourceRef,
} from '../../../operator/src/runtime/index.ts';
import {RecordingLogger} from '../../../operator/src/runtime/testing/logs.ts';
import {FaultProxy} from '../../harness/fault-proxy.ts';
import {START_TIMEOUT_MS, RealApi, aConfigMap, configMaps, until} from './real-api.ts';

jest.setTimeout(60_000);

const leases: ResourceRef = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

type Lease = KubeObject & {spec: {holderIdentity: string; leaseTransitions: number; acquireTime: string}};

/** The proportions of 15, 10 and 2 s, at a fifth of the time; the Lease counts whole seconds. */
const QUICK = {leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 400};

let api: RealApi;
const running: LeaderElector[] = [];

beforeAll(async () => {
  api = await RealApi.start();
}, START_TIMEOUT_MS);

afterEach(async () => {
  api.proxy.heal();
  await Promise.all(running.splice(0).map((elector) => elector.stop()));
});

afterAll(async () => {
  await api.stop();
});

function aCandidate(namespace: string, identity: string, options: Partial<LeaderElectorOptions> = {}) {
  const events: string[] = [];
  const elector = new LeaderElector({
    client: api.client(),
    namespace,
    name: 'operator',
    identity,
    clock: systemClock,
    logger: new RecordingLogger(),
    onStartedLeading: () => events.push('leading'),
    onLost: (reason) => events.push(`lost: ${reason}`),
    ...QUICK,
    ...options,
  });
  elector.start();
  running.push(elector);
  return {elector, events};
}

const leaseOf = async (namespace: string): Promise<Lease | undefined> =>
  api.admin.get<Lease>(leases, namespace, 'operator');

test('one of two leads; released on stop, the other takes over without waiting for the lease to run out', async () => {
  const namespace = await api.namespace();
  const first = aCandidate(namespace, 'one', {leaseDurationMs: 15_000, renewDeadlineMs: 10_000});
  await until('a leader', () => first.elector.isLeader());
  const second = aCandidate(namespace, 'two', {leaseDurationMs: 15_000, renewDeadlineMs: 10_000});
  await until('a second look', () => api.proxy.requests.filter(({path}) => path.includes(namespace)).length > 5);
  expect(second.elector.isLeader()).toBe(false);
  await first.elector.stop();
  await until('the other', () => second.elector.isLeader(), 5_000);
  expect((await leaseOf(namespace))?.spec).toMatchObject({holderIdentity: 'two', leaseTransitions: 1});
  expect(first.events).toEqual(['leading']);
});

test('a leader that is cut off gives up before the other takes over, and never do two act', async () => {
  const namespace = await api.namespace();
  const proxy = await FaultProxy.start(api.controlPlane);
  const config = api.proxiedConfig();
  const caData = Buffer.from(proxy.caData).toString('base64');
  config.loadFromClusterAndUser({name: 'own', server: proxy.server, caData, skipTLSVerify: false}, {name: 'n'});
  const client = KubeClient.fromKubeConfig(config);
  const first = aCandidate(namespace, 'one', {client});
  await until('a leader', () => first.elector.isLeader());
  const second = aCandidate(namespace, 'two');
  const maxAgeMs = 2_000;
  const mayAct = ({elector}: typeof first): boolean => {
    try {
      elector.guard(maxAgeMs)();
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(LeaseTooOldError);
      return false;
    }
  };
  proxy.blackhole(true);
  let both = 0;
  let order: string[] = [];
  await until('the other', () => {
    both += mayAct(first) && mayAct(second) ? 1 : 0;
    order = [...first.events.slice(1), ...second.events];
    return second.elector.isLeader() && mayAct(second);
  });
  expect(both).toBe(0);
  expect(order).toEqual(['lost: not renewed for 2000 ms', 'leading']);
  expect(mayAct(first)).toBe(false);
  await client.close();
  await proxy.close();
});

test('an action of a leader whose lease was taken is not sent', async () => {
  const namespace = await api.namespace();
  const {elector} = aCandidate(namespace, 'one', {leaseDurationMs: 15_000, renewDeadlineMs: 10_000});
  await until('a leader', () => elector.isLeader());
  const client = api.client();
  await client.create(configMaps, namespace, aConfigMap(namespace, 'sent'), {beforeSend: elector.guard()});
  const tooOld = client.create(configMaps, namespace, aConfigMap(namespace, 'late'), {beforeSend: elector.guard(0)});
  await expect(tooOld).rejects.toBeInstanceOf(LeaseTooOldError);
  expect(await api.admin.get(configMaps, namespace, 'late')).toBeUndefined();
  await elector.stop();
  const afterwards = client.create(configMaps, namespace, aConfigMap(namespace, 'late'), {beforeSend: elector.guard()});
  await expect(afterwards).rejects.toBeInstanceOf(LeaseTooOldError);
});

describe('a leader keeps its lease', () => {
  test('when the answer to a renewal got lost', async () => {
    const namespace = await api.namespace();
    const {elector, events} = aCandidate(namespace, 'one', {leaseDurationMs: 15_000, renewDeadlineMs: 10_000});
    await until('a leader', () => elector.isLeader());
    const acquired = (await leaseOf(namespace))?.spec.acquireTime;
    const matches = ({method, path}: {method: string; path: string}): boolean =>
      method === 'PUT' && path.includes(namespace);
    api.proxy.rule({matches, times: 1, fault: {kind: 'reset', when: 'after'}});
    const puts = (): number => api.proxy.requests.filter(matches).length;
    const before = puts();
    await until('two more renewals', () => puts() >= before + 3);
    expect(events).toEqual(['leading']);
    expect((await leaseOf(namespace))?.spec).toMatchObject({leaseTransitions: 0, acquireTime: acquired});
  });

  test('over a restart of the server that is shorter than its deadline', async () => {
    const namespace = await api.namespace();
    const {elector, events} = aCandidate(namespace, 'one', {leaseDurationMs: 60_000, renewDeadlineMs: 40_000});
    await until('a leader', () => elector.isLeader());
    await api.controlPlane.apiServer.kill9();
    await api.controlPlane.apiServer.restart();
    const restarted = systemClock.monotonic();
    await until('a renewal', () => elector.leaseAgeMs() < systemClock.monotonic() - restarted);
    expect(events).toEqual(['leading']);
  });
});

test('a candidate that the server refuses says so and tries on', async () => {
  const namespace = await api.namespace();
  const logger = new RecordingLogger();
  const body = {kind: 'Status', code: 403, reason: 'Forbidden', message: 'cannot get leases'};
  const matches = ({path}: {path: string}): boolean => path.includes(`${namespace}/leases`);
  const end = api.proxy.rule({matches, fault: {kind: 'answer', status: 403, body}});
  const {elector} = aCandidate(namespace, 'one', {logger});
  await until('a word', () => logger.messages('warn').includes('Lease not renewed'));
  expect(elector.isLeader()).toBe(false);
  end();
  await until('a leader', () => elector.isLeader());
});
