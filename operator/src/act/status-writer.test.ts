import {describe, expect, test} from '@jest/globals';
import type {Condition, MaintenanceApi, MaintenanceApiStatus, ObjectiveStatus} from '../api/v1alpha1/index.ts';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {StatusWriter} from './status-writer.ts';
import {aMaintenanceApi, anError, FakeServer} from './testing.ts';

const MINUTE = 60_000;

const ready = (change: Partial<Condition> = {}): Condition => ({
  type: 'Ready',
  status: 'True',
  reason: 'Ready',
  message: 'well',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  ...change,
});

const availability = (change: Partial<ObjectiveStatus> = {}): ObjectiveStatus => ({
  name: 'availability',
  objective: '99.9%',
  current: '100%',
  budgetRemaining: '100%',
  coverage: '1%',
  state: 'Met',
  ...change,
});

const STATUS: MaintenanceApiStatus = {
  observedGeneration: 1,
  conditions: [ready()],
  summary: {available: '2/2', slo: 'Met', budget: '100%', message: 'well'},
  replicas: {wanted: 2, ready: 2, updated: 2},
  slo: [availability()],
};

/** A writer, and a resource whose status is what was last written. */
function aWriter() {
  const server = new FakeServer();
  const clock = new FakeClock();
  const told: string[] = [];
  let guarded = 0;
  const writer = new StatusWriter({
    client: server,
    clock,
    onWrite: (key, version) => told.push(`${key}@${version}`),
    guard: () => {
      guarded++;
    },
  });
  let api: MaintenanceApi = aMaintenanceApi({status: STATUS});
  return {
    ...{server, clock, told, writer},
    guarded: () => guarded,
    /** Writes a status as a reconcile would, on what the cache has by now. */
    async write(status: MaintenanceApiStatus): Promise<boolean> {
      const version = await writer.write(api, status);
      if (version === undefined) return false;
      api = {...api, metadata: {...api.metadata, resourceVersion: version}, status};
      return true;
    },
    /** Somebody else changes the resource. */
    touch(): void {
      api = {...api, metadata: {...api.metadata, resourceVersion: '5000'}};
    },
    /** The server left out a part of what was written. */
    prunes(status: MaintenanceApiStatus): void {
      api = {...api, status};
    },
  };
}

describe('what is written', () => {
  test('is nothing when it is what is there, members that are undefined left aside', async () => {
    const {write, server} = aWriter();
    const sameWithUndefined = {...STATUS, revisions: undefined} as unknown as MaintenanceApiStatus;
    expect(await write(sameWithUndefined)).toBe(false);
    expect(server.log).toEqual([]);
  });

  test('is the whole status, on the resourceVersion that it was decided on, under the guard, and the cache is told', async () => {
    const {write, server, told, guarded} = aWriter();
    const status = {...STATUS, replicas: {wanted: 3, ready: 2, updated: 2}};
    expect(await write(status)).toBe(true);
    const [asked] = server.asked;
    expect(asked).toMatchObject({
      object: 'MaintenanceApi/shop',
      body: [
        {op: 'replace', path: '/metadata/resourceVersion', value: '10'},
        {op: 'add', path: '/status', value: status},
      ],
      options: {type: 'json', subresource: 'status'},
    });
    expect(told).toEqual(['apis/shop@101']);
    expect(guarded()).toBe(1);
  });

  test('is decided again when the resource changed meanwhile: a conflict passes through', async () => {
    const {writer, server, told} = aWriter();
    server.refuse = () => {
      throw anError(409, 'Conflict');
    };
    await expect(writer.write(aMaintenanceApi(), STATUS)).rejects.toMatchObject({kind: 'Conflict'});
    expect(told).toEqual([]);
  });

  test('is not repeated for ever when the server leaves out a part of it', async () => {
    const {write, prunes, touch, server} = aWriter();
    const status = {...STATUS, replicas: {wanted: 3, ready: 2, updated: 2}};
    expect(await write(status)).toBe(true);
    prunes(STATUS);
    expect(await write(status)).toBe(false);
    expect(server.log).toHaveLength(1);
    touch();
    expect(await write(status)).toBe(true);
  });
});

describe('a change of state', () => {
  test.each<[string, MaintenanceApiStatus]>([
    ['a condition', {...STATUS, conditions: [ready({status: 'False', reason: 'NotReady'})]}],
    ['a reason', {...STATUS, conditions: [ready({reason: 'NotReady'})]}],
    ['an objective', {...STATUS, slo: [availability({state: 'Breached'})]}],
    ['replicas', {...STATUS, summary: {...STATUS.summary, available: '1/2'}}],
    ['an action', {...STATUS, remediation: {mode: 'Auto'}}],
    ['the generation', {...STATUS, observedGeneration: 2}],
  ])('of %s is written at once, however often', async (_what, changed) => {
    const {write} = aWriter();
    for (let i = 0; i < 3; i++) {
      expect(await write(changed)).toBe(true);
      expect(await write(STATUS)).toBe(true);
    }
  });
});

describe('figures that move under traffic', () => {
  const figures = (n: number): MaintenanceApiStatus => ({
    ...STATUS,
    summary: {...STATUS.summary, budget: `${String(n)}%`},
    slo: [availability({current: `${String(n)}%`, budgetRemaining: `${String(n)}%`, coverage: `${String(n)}%`})],
  });

  test('are written at most once in 5 minutes, the first time 5 minutes after a start', async () => {
    const {write, clock, server} = aWriter();
    const writes: number[] = [];
    for (let minute = 0; minute < 60; minute++) {
      if (await write(figures(minute))) writes.push(minute);
      await clock.advance(MINUTE);
    }
    expect(writes).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]);
    expect(server.log).toHaveLength(11);
  });

  test('go along with a change of state, and wait 5 minutes from then', async () => {
    const {write, clock} = aWriter();
    await clock.advance(MINUTE);
    expect(await write({...figures(90), observedGeneration: 2})).toBe(true);
    await clock.advance(4 * MINUTE);
    expect(await write({...figures(80), observedGeneration: 2})).toBe(false);
    await clock.advance(MINUTE);
    expect(await write({...figures(80), observedGeneration: 2})).toBe(true);
  });
});

describe('words alone', () => {
  const saying = (message: string): MaintenanceApiStatus => ({
    ...STATUS,
    conditions: [ready({message})],
    summary: {...STATUS.summary, message},
  });

  test('that go back and forth are written at most once a minute', async () => {
    const {write, clock, server} = aWriter();
    expect(await write({...saying('pulling'), observedGeneration: 2})).toBe(true);
    for (let second = 0; second < 600; second += 5) {
      await clock.advance(5_000);
      await write({...saying(second % 10 === 0 ? 'waiting' : 'pulling'), observedGeneration: 2});
    }
    expect(server.log.length).toBeLessThanOrEqual(11);
    expect(server.log.length).toBeGreaterThan(5);
  });

  test('that stay different are written in the end', async () => {
    const {write, clock} = aWriter();
    expect(await write(saying('other'))).toBe(false);
    await clock.advance(MINUTE);
    expect(await write(saying('other'))).toBe(true);
  });
});

test('a forgotten resource leaves nothing behind', async () => {
  const {writer, write, clock} = aWriter();
  expect(await write({...STATUS, observedGeneration: 2})).toBe(true);
  writer.forget('apis/shop');
  await clock.advance(10 * MINUTE);
  expect(await write({...STATUS, observedGeneration: 2, slo: [availability({current: '98%'})]})).toBe(false);
});
