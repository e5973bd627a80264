import {beforeAll, describe, expect, test} from '@jest/globals';
import {X509Certificate} from 'node:crypto';
import type {Connection} from 'mysql2/promise';
import type {DatabaseTarget} from '../api/v1alpha1/index.ts';
import {FakeClock, settle} from '../runtime/testing/fake-clock.ts';
import {RecordingLogger} from '../runtime/testing/logs.ts';
import {DatabaseKeeper, type DatabaseCheck} from './database-keeper.ts';
import {createAuthority, issueServerCertificate} from './pki.ts';

const KEY = 'apis/shop';
const HALF_MINUTE = 30_000;
const DENIED = 'ER_ACCESS_DENIED_ERROR';
const CHECKED = 'could not be checked';

let certificate: string;
let older: string;

beforeAll(async () => {
  const issue = async (now: Date): Promise<string> =>
    (await issueServerCertificate(await createAuthority(now), {dns: ['db'], ip: []}, now)).certificate;
  certificate = await issue(new Date('2026-03-01T00:00:00Z'));
  older = await issue(new Date('2026-01-01T00:00:00Z'));
});

const failure = (code: string): Error =>
  Object.assign(new Error(`${code} for user at 10.0.0.7, password s3cret`), {code});

/** A server with accounts, as far as the keeper asks. */
class FakeDatabase {
  readonly passwords = new Map([
    ['admin', 'admin-password'],
    ['app', 'app-password'],
  ]);
  /** Certificate in the pod, and what is served. */
  file = '';
  served = '';
  readonly statements: string[] = [];
  readonly open = new Set<object>();
  logins = 0;
  /** Throws instead of a login or an answer. */
  refuse: (what: string) => void = () => undefined;
  hangs = false;

  connect = async (target: DatabaseTarget): Promise<Connection> => {
    this.logins++;
    if (this.hangs) await new Promise(() => undefined);
    this.refuse(`login ${target.user} ${String(target.port)}`);
    if (this.passwords.get(target.user) !== target.password) throw failure(DENIED);
    const connection = {
      query: async ({sql, values, timeout}: {sql: string; values: unknown[]; timeout: number}) => {
        expect(timeout).toBeLessThanOrEqual(5_000);
        this.refuse(sql);
        this.statements.push(sql);
        return [this.#answer(sql, values)];
      },
      destroy: () => this.open.delete(connection),
    };
    this.open.add(connection);
    return connection as unknown as Connection;
  };

  #answer(sql: string, values: unknown[]): unknown {
    if (sql.startsWith('ALTER USER')) this.passwords.set(String(values[0]), String(values[2]));
    // The status of the server is that of its ordinary interface.
    if (sql === 'ALTER INSTANCE RELOAD TLS') this.served = this.file;
    return sql.startsWith('SELECT') ? [{value: new X509Certificate(this.served).validTo}] : [];
  }
}

function aKeeper() {
  const database = new FakeDatabase();
  database.file = certificate;
  database.served = certificate;
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const changes: string[] = [];
  const keeper = new DatabaseKeeper({
    connect: database.connect,
    clock,
    logger,
    onChange: (key) => changes.push(key),
  });
  const accounts = [
    {role: 'admin', user: 'admin', password: 'admin-password'},
    {role: 'app', user: 'app', password: 'app-password'},
  ];
  const check: DatabaseCheck = {
    admin: {
      ...{namespace: 'apis', pod: 'shop-mysql-0', host: '10.0.0.7', port: 33062, serverName: 'db', ca: 'ca'},
      ...{user: 'admin', password: 'admin-password'},
    },
    port: 3306,
    accounts,
    maxConnections: 151,
    certificate,
  };
  /** What is known after the look that this begins, if it does. */
  const keep = async (fingerprint = 'one') => {
    keeper.keep(KEY, fingerprint, () => check);
    await settle();
    return keeper.keep(KEY, fingerprint, () => check);
  };
  return {database, clock, logger, changes, keeper, check, keep};
}

describe('a server that is as it should be', () => {
  test('gets its limit, is asked for each account once a start, and left alone', async () => {
    const {database, keep, clock, changes, logger} = aKeeper();
    expect(await keep()).toBeUndefined();
    expect(database.statements).toEqual([
      'SET GLOBAL max_connections = ?',
      expect.stringContaining('Ssl_server_not_after'),
    ]);
    expect(database.logins).toBe(3);
    await keep();
    expect([database.logins, clock.pending, changes, logger.lines]).toEqual([3, 0, [], []]);
    expect(database.open.size).toBe(0);
  });

  test('is looked at again when it was started again or a Secret changed', async () => {
    const {database, keep} = aKeeper();
    await keep('one');
    await keep('two');
    expect(database.logins).toBe(6);
  });
});

describe('an account with another password', () => {
  test('gets the one of its Secret', async () => {
    const {database, keep} = aKeeper();
    database.passwords.set('app', 'old');
    expect(await keep()).toBeUndefined();
    expect(database.passwords.get('app')).toBe('app-password');
    expect(database.statements).toContain('ALTER USER ?@? IDENTIFIED BY ?');
  });

  test('that can not be set is said, without a word of the server, and tried again', async () => {
    const {database, keep, changes, clock, logger} = aKeeper();
    database.passwords.set('app', 'old');
    database.refuse = (what) => {
      if (what.startsWith('ALTER USER')) throw failure('ER_SPECIFIC_ACCESS_DENIED_ERROR');
    };
    expect(await keep()).toEqual({
      message:
        "Account app of the database can not log in (ER_SPECIFIC_ACCESS_DENIED_ERROR); delete the database's pod so that its init file sets the accounts again",
      lasting: true,
    });
    expect(changes).toEqual([KEY]);
    expect(JSON.stringify(logger.lines)).not.toMatch(/s3cret|10\.0\.0\.7|app-password/);
    database.refuse = () => undefined;
    await clock.advance(HALF_MINUTE);
    expect(await keep()).toBeUndefined();
    expect(changes).toEqual([KEY, KEY]);
    expect([clock.pending, database.open.size]).toEqual([0, 0]);
  });

  test('that is the admin itself can only be set by the init file', async () => {
    const {database, keep} = aKeeper();
    database.passwords.set('admin', 'old');
    expect(await keep()).toMatchObject({message: expect.stringContaining(`Account admin`), lasting: true});
  });
});

describe('a server that can not be asked', () => {
  test('is no problem at once, and after a while not one that lasts', async () => {
    const {database, keep, clock, changes} = aKeeper();
    database.refuse = (what) => {
      if (what === 'login app 3306') throw failure('ER_CON_COUNT_ERROR');
    };
    expect(await keep()).toBeUndefined();
    await clock.advance(3 * HALF_MINUTE);
    expect([await keep(), changes]).toEqual([undefined, []]);
    await clock.advance(HALF_MINUTE);
    expect(await keep()).toEqual({message: expect.stringContaining(`${CHECKED} (ER_CON_COUNT_ERROR)`), lasting: false});
    expect(changes).toEqual([KEY]);
    expect(database.open.size).toBe(0);
  });

  test('holds up nobody when it hangs, and is asked once', async () => {
    const {database, keep, keeper, clock} = aKeeper();
    database.hangs = true;
    for (let look = 0; look < 20; look++) {
      expect(await keep()).toBeUndefined();
      await clock.advance(5_000);
    }
    expect(database.logins).toBe(1);
    keeper.forget(KEY);
    expect(clock.pending).toBe(0);
  });
});

describe('a renewed certificate', () => {
  test('is taken up on both interfaces once the kubelet has brought it, without a restart', async () => {
    const {database, keep, clock} = aKeeper();
    database.file = older;
    database.served = older;
    expect(await keep()).toBeUndefined();
    expect(database.statements).toEqual(
      expect.arrayContaining(['ALTER INSTANCE RELOAD TLS', 'ALTER INSTANCE RELOAD TLS FOR CHANNEL mysql_admin']),
    );
    expect([database.served === older, clock.pending]).toEqual([true, 1]);
    await clock.advance(HALF_MINUTE);
    expect([database.served === older, clock.pending]).toEqual([true, 1]);
    database.file = certificate;
    await clock.advance(HALF_MINUTE);
    expect([database.served === certificate, clock.pending]).toEqual([true, 0]);
  });

  test('is loaded on both after a death in between', async () => {
    const {database, keep, clock} = aKeeper();
    database.served = older;
    const admin = 'ALTER INSTANCE RELOAD TLS FOR CHANNEL mysql_admin';
    let deaths = 1;
    database.refuse = (what) => {
      if (what === 'ALTER INSTANCE RELOAD TLS' && database.statements.includes(admin) && deaths-- > 0)
        throw failure('PROTOCOL_CONNECTION_LOST');
    };
    await keep();
    expect(database.served).toBe(older);
    await clock.advance(HALF_MINUTE);
    expect(database.served).toBe(certificate);
    expect(database.statements.filter((statement) => statement === admin)).toHaveLength(2);
  });

  test('that can not be loaded does not keep accounts from being looked after', async () => {
    const {database, keep} = aKeeper();
    database.served = older;
    database.passwords.set('app', 'old');
    database.refuse = (what) => {
      if (what.startsWith('ALTER INSTANCE')) throw failure('ER_NOT_SUPPORTED');
    };
    await keep();
    expect(database.passwords.get('app')).toBe('app-password');
  });
});

describe('a resource that is forgotten', () => {
  test('leaves no timer, and what is under way for it changes nothing', async () => {
    const {database, keeper, keep, clock, changes, check} = aKeeper();
    database.passwords.set('admin', 'old');
    keeper.keep(KEY, 'one', () => check);
    keeper.forget(KEY);
    await settle();
    expect([clock.pending, changes]).toEqual([0, []]);
    await keep();
    expect(clock.pending).toBe(1);
    keeper.stop();
    expect(clock.pending).toBe(0);
  });
});
