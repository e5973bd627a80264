import {describe, expect, test} from '@jest/globals';
import type {Connection} from 'mysql2/promise';
import type {DatabaseTarget} from '../api/v1alpha1/index.ts';
import {FakeClock, settle} from '../runtime/testing/fake-clock.ts';
import {DatabaseProbes} from './database-probe.ts';

const KEY = 'apis/shop';
const EVERY_MS = 5_000;
const TARGET: DatabaseTarget = {
  ...{
    namespace: 'apis',
    pod: 'shop-mysql-0',
    host: '10.0.0.7',
    port: 33062,
    serverName: 'db',
    ca: 'ca',
    user: 'monitor',
    password: 'p',
  },
};

const failure = (code: string): Error => Object.assign(new Error(`${code}: monitor@10.0.0.7, password p`), {code});

/** A server and the connections to it, as far as a probe asks. */
class FakeDatabase {
  readonly clock = new FakeClock();
  startedAt = this.clock.now() - 3_600_000;
  uuid = 'the-uuid';
  slow = 0;
  errors = 0;
  connects: DatabaseTarget[] = [];
  readonly open = new Set<object>();
  /** Throws instead of letting in. */
  refuse: () => void = () => undefined;

  connect = async (target: DatabaseTarget): Promise<Connection> => {
    this.connects.push(target);
    this.refuse();
    const connection = {
      query: async ({sql}: {sql: string}) => {
        if (!this.open.has(connection)) throw new Error("Can't add new command when connection is in closed state");
        return [sql.includes('processlist') ? [{address: '10.0.0.9', connections: 4}] : this.#status()];
      },
      destroy: () => this.open.delete(connection),
    };
    this.open.add(connection);
    return connection as unknown as Connection;
  };

  /** The server ends: its connections break, and it lets nobody in. */
  ends(): void {
    this.open.clear();
    this.refuse = () => {
      throw failure('ECONNREFUSED');
    };
  }

  starts(): void {
    this.open.clear();
    this.refuse = () => undefined;
    this.startedAt = this.clock.now();
  }

  #status(): object[] {
    const values = {
      server_uuid: this.uuid,
      version: '9.7.0',
      max_connections: 151,
      threads_connected: 9,
      threads_running: 2,
      connection_errors_max_connections: this.errors,
      slow_queries: this.slow,
      uptime: Math.floor((this.clock.now() - this.startedAt) / 1000),
    };
    return Object.entries(values).map(([name, value]) => ({name, value: String(value)}));
  }
}

function aProbe({testifies = true} = {}) {
  const database = new FakeDatabase();
  const {clock} = database;
  const changes: string[] = [];
  const onChange = (key: string): void => void changes.push(key);
  const probes = new DatabaseProbes({connect: database.connect, clock, onChange, testifies});
  const watch = (change: Partial<DatabaseTarget> = {}): void => {
    probes.watch(KEY, {...TARGET, ...change}, EVERY_MS);
  };
  return {database, clock, probes, changes, watch, reading: () => probes.reading(KEY)};
}

describe('a database that answers', () => {
  test('is told with its figures, over one connection that is kept', async () => {
    const {database, clock, watch, changes, reading} = aProbe();
    for (let second = 0; second < 60; second++) {
      watch();
      await clock.advance(1_000);
    }
    expect(reading()).toEqual({
      ...{reachable: true, unreachableSince: undefined, reason: undefined, lastOutage: undefined},
      ...{readAt: clock.now(), serverUuid: 'the-uuid', version: '9.7.0', startedAt: database.startedAt},
      ...{maxConnections: 151, threadsConnected: 9, threadsRunning: 2, connectionErrorsMax: 0, slowQueries: 0},
      connectionsByAddress: new Map([['10.0.0.9', 4]]),
    });
    expect([database.connects.length, database.open.size, changes]).toEqual([1, 1, [KEY]]);
  });

  test('has counters as their increase', async () => {
    const {database, clock, watch, reading} = aProbe();
    database.slow = 100;
    watch();
    await clock.advance(0);
    expect(reading()).toMatchObject({slowQueries: 0, connectionErrorsMax: 0});
    database.slow = 107;
    database.errors = 3;
    await clock.advance(EVERY_MS);
    expect(reading()).toMatchObject({slowQueries: 7, connectionErrorsMax: 3});
  });

  test('has one time of its start, though that is told in whole seconds of uptime', async () => {
    const {clock, probes, reading} = aProbe();
    const starts = new Set<number | undefined>();
    probes.watch(KEY, TARGET, 5_137);
    for (let i = 0; i < 200; i++) {
      await clock.advance(5_137);
      starts.add(reading()?.startedAt);
    }
    expect(starts.size).toBe(1);
  });
});

describe('a database that does not answer', () => {
  test('is told at once with the code of the error alone, and since when', async () => {
    const {database, clock, watch, changes, reading} = aProbe();
    watch();
    await clock.advance(0);
    database.ends();
    await clock.advance(EVERY_MS);
    const since = clock.now();
    expect(reading()).toMatchObject({reachable: false, unreachableSince: since, reason: 'ECONNREFUSED'});
    await clock.advance(4 * EVERY_MS);
    expect(reading()).toMatchObject({reachable: false, unreachableSince: since, threadsConnected: undefined});
    expect(changes).toEqual([KEY, KEY]);
    expect(JSON.stringify(reading())).not.toMatch(/10\.0\.0\.7|password/);

    database.starts();
    await clock.advance(EVERY_MS);
    expect(reading()).toMatchObject({reachable: true, lastOutage: {from: since, to: clock.now()}});
    expect(changes).toEqual([KEY, KEY, KEY]);
  });

  test('for a reason without a code is told by the name of that alone', async () => {
    const {database, clock, watch, reading} = aProbe();
    database.refuse = () => {
      throw new TypeError('with words');
    };
    watch();
    await clock.advance(0);
    expect(reading()?.reason).toBe('TypeError');
  });

  test('and was started again between two looks had an outage as well', async () => {
    const {database, clock, watch, reading} = aProbe();
    watch();
    await clock.advance(EVERY_MS);
    const before = clock.now();
    await clock.advance(4_000);
    database.starts();
    await clock.advance(1_000);
    expect(reading()).toMatchObject({reachable: true, lastOutage: {from: before, to: clock.now()}});
    expect(reading()?.startedAt).toBe(before + 4_000);
  });

  test('is not taken for down because a connection that was kept is closed', async () => {
    const {database, clock, watch, changes, reading} = aProbe();
    watch();
    await clock.advance(0);
    database.open.clear();
    await clock.advance(EVERY_MS);
    expect(reading()).toMatchObject({reachable: true, lastOutage: undefined});
    expect([database.connects.length, changes]).toEqual([2, [KEY]]);
  });

  test('but refuses our account is there: the account is at fault', async () => {
    const {database, clock, watch, reading} = aProbe();
    watch();
    await clock.advance(0);
    const {startedAt} = reading() ?? {};
    database.ends();
    database.refuse = () => {
      throw failure('ER_ACCESS_DENIED_ERROR');
    };
    await clock.advance(EVERY_MS);
    expect(reading()).toMatchObject({
      ...{reachable: true, reason: 'ER_ACCESS_DENIED_ERROR', serverUuid: 'the-uuid', startedAt},
      ...{threadsConnected: undefined, lastOutage: undefined},
    });
  });

  test('and has no pod is down without being asked, and asked again once it has one', async () => {
    const {database, clock, watch, probes, changes, reading} = aProbe();
    watch();
    await clock.advance(0);
    probes.absent(KEY);
    const since = clock.now();
    expect(reading()).toMatchObject({reachable: false, unreachableSince: since, reason: 'NoPod'});
    expect(changes).toEqual([KEY, KEY]);
    for (let i = 0; i < 10; i++) {
      probes.absent(KEY);
      await clock.advance(EVERY_MS);
    }
    expect([database.connects.length, database.open.size, clock.pending, changes.length]).toEqual([1, 0, 0, 2]);
    watch({host: '10.0.0.8'});
    await clock.advance(0);
    expect(reading()).toMatchObject({reachable: true, lastOutage: {from: since, to: clock.now()}});
  });
});

describe('what is asked', () => {
  test('changes with the pod and the password', async () => {
    const {database, clock, watch} = aProbe();
    watch();
    await clock.advance(0);
    watch({host: '10.0.0.8'});
    await clock.advance(0);
    watch({host: '10.0.0.8', password: 'new'});
    await clock.advance(0);
    expect(database.connects.map(({host, password}) => `${host} ${password}`)).toEqual([
      '10.0.0.7 p',
      '10.0.0.8 p',
      '10.0.0.8 new',
    ]);
    expect(database.open.size).toBe(1);
  });

  test('is nothing to judge by where the way to it may be what fails, but tells who the server is', async () => {
    const {probes, watch, clock, reading, database} = aProbe({testifies: false});
    watch();
    await clock.advance(0);
    expect([reading(), probes.server(KEY)?.reachable]).toEqual([undefined, true]);
    database.ends();
    await clock.advance(2 * EVERY_MS);
    expect([reading(), probes.server(KEY)?.reachable]).toEqual([undefined, false]);
  });

  test('is nothing without a Secret: this witness abstains', async () => {
    const {probes, watch, clock, reading} = aProbe();
    watch();
    await clock.advance(0);
    probes.watch(KEY, undefined, EVERY_MS);
    expect([reading(), clock.pending]).toEqual([undefined, 0]);
  });

  test('ends with the resource, also in the middle of a look', async () => {
    const {database, probes, watch, clock, changes} = aProbe();
    watch();
    const looking = clock.advance(0);
    probes.forget(KEY);
    await looking;
    await settle();
    expect([database.open.size, clock.pending, changes]).toEqual([0, 0, []]);
    watch();
    await clock.advance(0);
    probes.stop();
    expect([database.open.size, clock.pending]).toEqual([0, 0]);
  });
});
