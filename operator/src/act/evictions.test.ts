import {describe, expect, test} from '@jest/globals';
import {LeaseTooOldError} from '../runtime/index.ts';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {Attempts} from './attempts.ts';
import {Evictions} from './evictions.ts';
import {aMaintenanceApi, anError, FakeServer} from './testing.ts';

const POD = {uid: 'pod-uid', name: 'shop-1'};

function setup(guard: () => void = () => undefined): {
  server: FakeServer;
  clock: FakeClock;
  evict: (pod?: typeof POD, touch?: string) => ReturnType<Evictions['evict']>;
} {
  const server = new FakeServer();
  const clock = new FakeClock(0);
  const evictions = new Evictions({client: server, clock, attempts: new Attempts(clock), guard});
  return {server, clock, evict: (pod = POD, touch = '1') => evictions.evict(aMaintenanceApi(), pod, touch)};
}

describe('an eviction', () => {
  test('names the pod by its uid, under the guard, and is not repeated before the cache can have seen it', async () => {
    const {server, clock, evict} = setup();
    expect(await evict()).toEqual([]);
    expect(server.log).toEqual(['create pods/shop-1/eviction']);
    expect(server.asked[0]?.body).toEqual({
      ...{apiVersion: 'policy/v1', kind: 'Eviction', metadata: {name: 'shop-1', namespace: 'apis'}},
      deleteOptions: {preconditions: {uid: 'pod-uid'}},
    });
    await clock.advance(29_000);
    await evict();
    expect(server.asked).toHaveLength(1);
    await clock.advance(1_000);
    await evict();
    expect(server.asked).toHaveLength(2);
  });

  test('of another pod does not wait for it', async () => {
    const {server, evict} = setup();
    await evict();
    await evict({uid: 'other', name: 'shop-2'});
    expect(server.asked).toHaveLength(2);
  });

  test('that the budget does not admit is asked for again ten seconds later, and is no refusal', async () => {
    const {server, clock, evict} = setup();
    server.refuse = () => {
      throw anError(429, 'TooManyRequests');
    };
    expect(await evict()).toEqual([]);
    await clock.advance(9_000);
    await evict();
    expect(server.asked).toHaveLength(1);
    await clock.advance(1_000);
    await evict();
    expect(server.asked).toHaveLength(2);
  });

  test.each([404, 409])('of a pod that has left is done (%s)', async (status) => {
    const {server, evict} = setup();
    server.refuse = () => {
      throw anError(status);
    };
    expect(await evict()).toEqual([]);
  });

  test('that is refused is told, and asked for again after two minutes or when the resource was touched', async () => {
    const {server, clock, evict} = setup();
    server.refuse = () => {
      throw anError(403, 'Forbidden');
    };
    expect(await evict()).toEqual([expect.objectContaining({kind: 'Pod', name: 'shop-1', refused: '403 Forbidden'})]);
    await clock.advance(60_000);
    await evict();
    expect(server.asked).toHaveLength(1);
    await evict(POD, '2');
    expect(server.asked).toHaveLength(2);
    await clock.advance(120_000);
    await evict(POD, '2');
    expect(server.asked).toHaveLength(3);
  });

  test.each([
    ['an API server that is away', () => setup(), 503],
    ['a time-out', () => setup(), 504],
  ])('%s is an error, for the next look', async (_, make, status) => {
    const {server, evict} = make();
    server.refuse = () => {
      throw anError(status);
    };
    await expect(evict()).rejects.toThrow(String(status));
  });

  test('is not sent with a lease that is too old (invariant 14)', async () => {
    const {server, evict} = setup(() => {
      throw new LeaseTooOldError(11_000, 10_000);
    });
    await expect(evict()).rejects.toThrow(LeaseTooOldError);
    expect(server.asked).toEqual([]);
  });
});
