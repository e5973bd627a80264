import {describe, expect, test} from '@jest/globals';
import type {KubeClient} from './client.ts';
import {ApiError, type ApiErrorKind} from './errors.ts';
import {LeaderElector, LeaseTooOldError} from './leader-elector.ts';
import {FakeClock} from './testing/fake-clock.ts';
import {RecordingLogger} from './testing/logs.ts';
import type {KubeObject} from './types.ts';

type Lease = KubeObject & {spec: {holderIdentity: string; leaseDurationSeconds: number; leaseTransitions: number}};

function failure(kind: ApiErrorKind): ApiError {
  return new ApiError(kind, {kind, status: 0, reason: kind});
}

/** One Lease with the server's optimistic locking; `broken` fails every request, `lost` does writes but loses the answer. */
function aServer() {
  const state = {lease: undefined as Lease | undefined, broken: false, lost: false, requests: [] as string[]};
  let version = 0;
  const request = (verb: string): void => {
    state.requests.push(verb);
    if (state.broken) {
      throw failure('Network');
    }
  };
  const store = (body: object): Lease => {
    version++;
    const written = structuredClone(body) as Lease;
    written.metadata.resourceVersion = String(version);
    state.lease = written;
    if (state.lost) {
      throw failure('Timeout');
    }
    return structuredClone(written);
  };
  const client: Pick<KubeClient, 'create' | 'get' | 'replace'> = {
    async get<T>() {
      request('get');
      return structuredClone(state.lease) as T | undefined;
    },
    async create<T>(_ref: unknown, _namespace: unknown, body: object) {
      request('create');
      if (state.lease !== undefined) {
        throw failure('AlreadyExists');
      }
      return store(body) as T;
    },
    async replace<T>(_ref: unknown, _namespace: unknown, _name: unknown, body: object) {
      request('replace');
      if ((body as Lease).metadata.resourceVersion !== state.lease?.metadata.resourceVersion) {
        throw failure('Conflict');
      }
      return store(body) as T;
    },
  };
  return {state, client};
}

function anElector(server: ReturnType<typeof aServer>, clock: FakeClock, identity: string) {
  const events: string[] = [];
  const elector = new LeaderElector({
    client: server.client,
    namespace: 'n',
    name: 'l',
    identity,
    clock,
    logger: new RecordingLogger(),
    onStartedLeading: () => events.push('leading'),
    onLost: (reason) => events.push(`lost: ${reason}`),
  });
  elector.start();
  return {elector, events};
}

test('the first one leads, the second waits', async () => {
  const server = aServer();
  const clock = new FakeClock();
  const first = anElector(server, clock, 'one');
  await clock.advance(0);
  const second = anElector(server, clock, 'two');
  await clock.advance(60_000);
  expect([first.elector.isLeader(), second.elector.isLeader()]).toEqual([true, false]);
  expect(server.state.lease?.spec).toMatchObject({
    holderIdentity: 'one',
    leaseDurationSeconds: 15,
    leaseTransitions: 0,
  });
  expect(second.elector.leaseAgeMs()).toBe(Infinity);
  await Promise.all([first.elector.stop(), second.elector.stop()]);
});

test('a renewal is one request every 2 s', async () => {
  const server = aServer();
  const clock = new FakeClock();
  const {elector} = anElector(server, clock, 'one');
  await clock.advance(0);
  server.state.requests.length = 0;
  await clock.advance(20_000);
  expect(server.state.requests).toEqual(Array.from({length: 10}, () => 'replace'));
  await elector.stop();
});

test('when a leader dies its successor waits until the lease has run out, as seen from here', async () => {
  const server = aServer();
  const clock = new FakeClock();
  const first = anElector(server, clock, 'one');
  await clock.advance(0);
  const second = anElector(server, clock, 'two');
  await clock.advance(4_000);
  // Dead: its record no longer changes. Its clock may be anything; only our observation counts.
  const corpse = structuredClone(server.state.lease);
  await first.elector.stop();
  server.state.lease = corpse;
  await clock.advance(13_000);
  expect(second.elector.isLeader()).toBe(false);
  await clock.advance(6_000);
  expect(second.elector.isLeader()).toBe(true);
  expect(server.state.lease?.spec).toMatchObject({holderIdentity: 'two', leaseTransitions: 1});
  await second.elector.stop();
});

test('a released lease is taken at the next try', async () => {
  const server = aServer();
  const clock = new FakeClock();
  const first = anElector(server, clock, 'one');
  await clock.advance(0);
  const second = anElector(server, clock, 'two');
  await clock.advance(2_000);
  await first.elector.stop();
  expect(server.state.lease?.spec.holderIdentity).toBe('');
  expect(first.elector.isLeader()).toBe(false);
  await clock.advance(2_000);
  expect(second.elector.isLeader()).toBe(true);
  expect(first.events).toEqual(['leading']);
  await second.elector.stop();
});

test('a leader that cannot renew gives up after 10 s, before another may lead', async () => {
  const server = aServer();
  const clock = new FakeClock();
  const {elector, events} = anElector(server, clock, 'one');
  await clock.advance(0);
  server.state.broken = true;
  await clock.advance(9_999);
  expect(elector.isLeader()).toBe(true);
  await clock.advance(1);
  expect(events).toEqual(['leading', 'lost: not renewed for 10000 ms']);
  expect(elector.isLeader()).toBe(false);
  await elector.stop();
});

test('a leader that was asleep learns from the server that another leads', async () => {
  const server = aServer();
  const clock = new FakeClock();
  const {elector, events} = anElector(server, clock, 'one');
  await clock.advance(0);
  const taken = structuredClone(server.state.lease);
  if (taken !== undefined) {
    taken.spec.holderIdentity = 'two';
    taken.metadata.resourceVersion = '99';
    server.state.lease = taken;
  }
  await clock.advance(4_000);
  expect(events).toEqual(['leading', 'lost: two holds the lease']);
  await elector.stop();
  expect(server.state.lease?.spec.holderIdentity).toBe('two');
});

test('a renewal that was done while its answer got lost is found, not fought', async () => {
  const server = aServer();
  const clock = new FakeClock();
  const {elector, events} = anElector(server, clock, 'one');
  await clock.advance(0);
  server.state.lost = true;
  await clock.advance(2_000);
  server.state.lost = false;
  await clock.advance(4_000);
  expect(events).toEqual(['leading']);
  expect(elector.leaseAgeMs()).toBeLessThanOrEqual(2_000);
  await elector.stop();
  expect(server.state.lease?.spec.holderIdentity).toBe('');
});

describe('the guard of actions (invariant 14)', () => {
  test('lets nothing through that is not led, or led by a lease of 10 s', async () => {
    const server = aServer();
    const clock = new FakeClock();
    const {elector} = anElector(server, clock, 'one');
    const guard = elector.guard();
    expect(guard).toThrow(LeaseTooOldError);
    await clock.advance(0);
    guard();
    server.state.broken = true;
    await clock.advance(9_999);
    guard();
    await clock.advance(1);
    expect(guard).toThrow(LeaseTooOldError);
    await elector.stop();
  });

  test('counts the time that the process was stopped or the machine slept, on whichever clock it shows', async () => {
    const server = aServer();
    const clock = new FakeClock();
    const {elector} = anElector(server, clock, 'one');
    await clock.advance(0);
    clock.stepWall(10_000);
    expect(elector.guard()).toThrow('The lease is 10000 ms old, allowed are 10000 ms');
    await elector.stop();
  });

  test('counts from before the renewal was sent', async () => {
    const server = aServer();
    const clock = new FakeClock();
    const gate = Promise.withResolvers<undefined>();
    const slow = {
      ...server,
      client: {
        ...server.client,
        async replace<T>(...parameters: Parameters<KubeClient['replace']>) {
          await gate.promise;
          return server.client.replace<T>(...parameters);
        },
      },
    };
    const {elector} = anElector(slow, clock, 'one');
    await clock.advance(2_000);
    await clock.advance(3_000);
    gate.resolve(undefined);
    await clock.advance(0);
    expect(elector.leaseAgeMs()).toBe(3_000);
    await elector.stop();
  });
});
