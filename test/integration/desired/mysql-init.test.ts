import {afterAll, afterEach, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {existsSync} from 'node:fs';
import {readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {setTimeout as delay} from 'node:timers/promises';
import {join} from 'node:path';
import {createConnection, type Connection, type RowDataPacket} from 'mysql2/promise';
import {createAuthority, issueServerCertificate, type PemKeyPair} from '../../../operator/src/act/pki.ts';
import {
  databaseHosts,
  databaseRoles,
  databaseStateSecret,
  DATA_MISSING_PREFIX,
  roleSecret,
  serverTlsSecret,
  type DatabaseRole,
  type SecretObject,
} from '../../../operator/src/desired/index.ts';
import {initScript} from '../../../operator/src/desired/mysql-init.ts';
import {aMaintenanceApi, desiredInput} from '../../../operator/src/desired/testing/scenarios.ts';
import {freePort} from '../../harness/mysqld-process.ts';
import {MysqlPod, type ContainerEnd, type RunningContainer} from './mysql-pod.ts';

jest.setTimeout(120_000);

const api = aMaintenanceApi();
const passwordOf = (role: DatabaseRole): string => `${role}0123456789abcdefABCDEF`;

let authority: PemKeyPair;
let tls: SecretObject;
let pod: MysqlPod;
/** Initialised once, for the tests of what comes after. */
let firstPod: MysqlPod;
let server: RunningContainer | undefined;
let port = 0;
let adminPort = 0;

const roleSecrets = (suffix = ''): SecretObject[] =>
  databaseRoles.map((role) => roleSecret(api, role, passwordOf(role) + suffix));

beforeAll(async () => {
  const now = new Date();
  authority = await createAuthority(now);
  const names = databaseHosts(api.metadata.name, api.metadata.namespace);
  tls = serverTlsSecret(api, authority.certificate, await issueServerCertificate(authority, names, now));
  firstPod = await aPod();
  await initialised();
}, 120_000);

afterAll(async () => {
  await firstPod.remove();
});

async function aPod(): Promise<MysqlPod> {
  pod = await MysqlPod.create(desiredInput(api), [tls, ...roleSecrets()]);
  return pod;
}

afterEach(async () => {
  await stop();
  await pod.remove();
});

/** Waits until a state is there; the container that should bring it about must not end before. */
async function until(state: () => Promise<boolean> | boolean, container: RunningContainer): Promise<void> {
  while (!(await state())) {
    if (container.hasEnded()) throw new Error(`It ended before: ${container.output()}`);
    await delay(5);
  }
}

async function initialised(): Promise<void> {
  const end = await pod.init();
  expect(end).toMatchObject({exitCode: 0, terminationMessage: ''});
}

/** A pod whose init container ran on a volume that was initialised before. */
async function aPodWithData(): Promise<void> {
  await aPod();
  await pod.adopt(firstPod);
  await initialised();
}

/** Starts mysqld on free ports of the loopback interface, with the settings of my.cnf but for those. */
async function start(...extra: string[]): Promise<RunningContainer> {
  port = await freePort();
  adminPort = await freePort();
  const started = await pod.startServer([
    ...[`--port=${port}`, `--admin-port=${adminPort}`, '--bind-address=127.0.0.1'],
    ...extra,
  ]);
  server = started;
  await until(async () => (await probe()).exitCode === 0, started);
  return started;
}

const probe = async (): Promise<ContainerEnd> => await pod.probe([`--port=${port}`]);

async function stop(): Promise<void> {
  await server?.kill9();
  server = undefined;
}

interface Login {
  readonly admin?: boolean;
  readonly password?: string;
  readonly tls?: boolean;
  readonly database?: string;
}

async function as(user: DatabaseRole, options: Login = {}): Promise<Connection> {
  const encrypted = {ssl: {ca: authority.certificate, servername: 'shop-mysql'}};
  return await createConnection({
    host: '127.0.0.1',
    port: options.admin === true ? adminPort : port,
    user,
    password: options.password ?? passwordOf(user),
    ...(options.tls === false ? {} : encrypted),
    ...(options.database !== undefined && {database: options.database}),
  });
}

async function query(user: DatabaseRole, sql: string, options?: Login): Promise<RowDataPacket[]> {
  const connection = await as(user, options);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

const refused = (code: string): object => expect.objectContaining({code});

const serverUuid = async (): Promise<unknown> => (await query('monitor', 'SELECT @@server_uuid AS uuid'))[0]?.['uuid'];

describe('an empty volume', () => {
  test('is initialised, and adopted by every later start with its server UUID and rows', async () => {
    await aPod();
    await initialised();
    expect(await readdir(pod.volume('data'))).toEqual(['data']);
    await start();
    const uuid = await serverUuid();
    expect(await readFile(join(pod.volume('data'), 'data/auto.cnf'), 'utf8')).toContain(String(uuid));
    await query('migrate', 'CREATE TABLE tasks_db.t (id INT PRIMARY KEY)');
    await query('app', 'INSERT INTO tasks_db.t VALUES (42)');
    await stop();

    await pod.mountSecrets([databaseStateSecret(api, new Map([[0, String(uuid)]]))]);
    await initialised();
    await start();
    expect(await serverUuid()).toBe(uuid);
    expect(await query('app', 'SELECT id FROM tasks_db.t')).toEqual([{id: 42}]);
  });

  test('is not initialised again when the server of that ordinal is known: its data is missing (invariant 9)', async () => {
    await aPod();
    await pod.mountSecrets([databaseStateSecret(api, new Map([[0, 'the-uuid']]))]);
    const end = await pod.init();
    expect(end.exitCode).toBe(1);
    expect(end.terminationMessage).toMatch(new RegExp(`^${DATA_MISSING_PREFIX} .*the-uuid`));
    expect(await readdir(pod.volume('data'))).toEqual([]);
  });

  test('is initialised when only another ordinal is known', async () => {
    await aPod();
    await pod.mountSecrets([databaseStateSecret(api, new Map([[1, 'the-uuid']]))]);
    await initialised();
  });
});

describe('a data folder that was not made here', () => {
  test('is left as it is', async () => {
    await aPodWithData();
    const data = join(pod.volume('data'), 'data');
    await rm(join(data, 'auto.cnf'));
    const before = await readdir(data);
    const end = await pod.init();
    expect(end).toMatchObject({
      exitCode: 1,
      terminationMessage: expect.stringMatching(/^InitFailed: .*left untouched/),
    });
    expect(await readdir(data)).toEqual(before);
  });
});

describe('a kill -9', () => {
  const inVolume = (...names: string[]): boolean => existsSync(join(pod.volume('data'), ...names));

  // One after the other on one volume: each run finds what the kill before it left.
  test('at any point of the first start is recovered from', async () => {
    await aPod();
    const complete = (): boolean => inVolume('data');
    for (const state of [['data.tmp'], ['data.tmp', 'ibdata1'], ['data.tmp', 'mysql.ibd']]) {
      // What the run before left is removed first; the state is the one that this run brings about.
      await rm(join(pod.volume('data'), 'data.tmp'), {recursive: true, force: true});
      const container = await pod.startInit();
      await until(() => inVolume(...state), container);
      await container.kill9();
      expect([state, complete()]).toEqual([state, false]);
    }
    for (const [line, made] of [
      ['sync -f "$DATA.tmp"', false],
      ['mv -T "$DATA.tmp" "$DATA"', false],
      ['sync -f "$DATA"\n', true],
      ['app=$(password app)', true],
      ['sql "CREATE DATABASE IF NOT EXISTS $schema"', true],
      ['account admin "$admin"', true],
      [`sql "ALTER USER 'root'@'localhost' ACCOUNT LOCK"`, true],
    ] as const) {
      expect([line, initScript.split(line).length]).toEqual([line, 2]);
      const end = await pod.init({script: initScript.replace(line, () => `kill -KILL $$; ${line}`)});
      expect([line, end.exitCode, complete()]).toEqual([line, 137, made]);
    }
    expect(await pod.init({script: initScript})).toMatchObject({exitCode: 0, terminationMessage: ''});
    expect(await readdir(pod.volume('data'))).toEqual(['data']);
    await start();
    expect(await query('app', 'SELECT 1 AS one', {database: 'tasks_db'})).toEqual([{one: 1}]);
  });

  test('in the middle of initialising leaves nothing that a later start takes for data', async () => {
    await aPod();
    const container = await pod.startInit();
    await until(() => inVolume('data.tmp', 'mysql.ibd'), container);
    await container.kill9();
    await initialised();
    expect(await readdir(pod.volume('data'))).toEqual(['data']);
  });
});

describe('accounts', () => {
  const grantsOf = async (role: DatabaseRole): Promise<unknown[]> =>
    (await query(role, 'SHOW GRANTS')).flatMap((row) => Object.values(row) as unknown[]);

  test('have exactly the intended privileges, and every connection is encrypted', async () => {
    await aPodWithData();
    await start();

    expect(await grantsOf('app')).toEqual([
      'GRANT USAGE ON *.* TO `app`@`%`',
      'GRANT SELECT, INSERT, UPDATE, DELETE ON `tasks\\_db`.* TO `app`@`%`',
    ]);
    expect(await grantsOf('migrate')).toEqual([
      'GRANT USAGE ON *.* TO `migrate`@`%`',
      'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER ON `tasks\\_db`.* TO `migrate`@`%`',
    ]);
    expect(await grantsOf('monitor')).toEqual([
      'GRANT PROCESS ON *.* TO `monitor`@`%`',
      'GRANT SERVICE_CONNECTION_ADMIN ON *.* TO `monitor`@`%`',
      'GRANT SELECT ON `performance_schema`.* TO `monitor`@`%`',
    ]);
    expect(await grantsOf('admin')).toEqual([
      'GRANT CREATE USER ON *.* TO `admin`@`%`',
      'GRANT CONNECTION_ADMIN,SERVICE_CONNECTION_ADMIN,SYSTEM_VARIABLES_ADMIN ON *.* TO `admin`@`%`',
    ]);

    for (const role of databaseRoles) {
      await expect(as(role, {tls: false})).rejects.toEqual(refused('ER_ACCESS_DENIED_ERROR'));
      const [row] = await query(role, "SHOW STATUS LIKE 'Ssl_cipher'");
      expect(row?.['Value']).not.toBe('');
      await expect(as(role, {password: 'wrong'})).rejects.toEqual(refused('ER_ACCESS_DENIED_ERROR'));
    }
    const socketPath = join(pod.volume('run'), 'mysqld.sock');
    await expect(createConnection({socketPath, user: 'root'})).rejects.toEqual(refused('ER_ACCOUNT_HAS_BEEN_LOCKED'));

    // What each may do, seen from what it does.
    await query('migrate', 'CREATE TABLE tasks_db.t (id INT PRIMARY KEY)');
    await query('app', 'INSERT INTO tasks_db.t VALUES (1)');
    await expect(query('app', 'DROP TABLE tasks_db.t')).rejects.toEqual(refused('ER_TABLEACCESS_DENIED_ERROR'));
    // An underscore in GRANT stands for any character unless it is escaped.
    await expect(query('migrate', 'CREATE DATABASE tasksxdb')).rejects.toEqual(refused('ER_DBACCESS_DENIED_ERROR'));
    await expect(query('monitor', 'SELECT * FROM tasks_db.t')).rejects.toEqual(refused('ER_TABLEACCESS_DENIED_ERROR'));
    await expect(query('admin', 'SELECT * FROM tasks_db.t')).rejects.toEqual(refused('ER_TABLEACCESS_DENIED_ERROR'));
    await expect(query('admin', "ALTER USER 'root'@'localhost' ACCOUNT UNLOCK")).rejects.toEqual(
      refused('ER_SPECIFIC_ACCESS_DENIED_ERROR'),
    );
    await query('admin', "ALTER USER 'app'@'%' IDENTIFIED BY 'another0123456789'");
    await query('app', 'SELECT 1', {password: 'another0123456789'});
    await query('admin', 'SET GLOBAL max_connections = 77');
    await query('admin', 'ALTER INSTANCE RELOAD TLS');

    // The admin interface is for the operator's accounts.
    await query('monitor', 'SELECT VARIABLE_VALUE FROM performance_schema.global_status LIMIT 1', {admin: true});
    await query('admin', 'SELECT 1', {admin: true});
    await expect(as('app', {admin: true, password: 'another0123456789'})).rejects.toEqual(
      refused('ER_SPECIFIC_ACCESS_DENIED_ERROR'),
    );
    await expect(as('monitor', {admin: true, tls: false})).rejects.toEqual(refused('ER_ACCESS_DENIED_ERROR'));
  });

  test('become what they should be at each start, whatever they were', async () => {
    await aPodWithData();
    await start();
    await query('admin', "ALTER USER 'app'@'%' IDENTIFIED BY 'drifted0123456789' REQUIRE NONE ACCOUNT LOCK");
    await query('admin', "DROP USER 'migrate'@'%'");
    await stop();

    await pod.mountSecrets(roleSecrets('Rotated'));
    await initialised();
    await start();
    for (const role of databaseRoles) {
      await query(role, 'SELECT 1', {password: `${passwordOf(role)}Rotated`});
      await expect(as(role)).rejects.toEqual(refused('ER_ACCESS_DENIED_ERROR'));
    }
    await expect(as('app', {tls: false, password: `${passwordOf('app')}Rotated`})).rejects.toEqual(
      refused('ER_ACCESS_DENIED_ERROR'),
    );
  });

  test('with a password that could end a quotation stop the start, without a word of it', async () => {
    await aPod();
    await writeFile(join(pod.volume('passwords'), 'monitor'), "x'; DROP USER app; --");
    const end = await pod.init();
    expect(end).toMatchObject({
      exitCode: 1,
      terminationMessage: 'InitFailed: the password of monitor must be letters and digits\n',
    });
    expect(end.output).not.toContain('DROP USER');
  });

  test('are written where only the server can read them', async () => {
    await aPodWithData();
    const listing = await readdir(pod.volume('accounts'));
    expect(listing.sort()).toEqual(['init.sql', 'probe.cnf']);
    for (const file of listing) {
      expect((await stat(join(pod.volume('accounts'), file))).mode & 0o777).toBe(0o600);
    }
    const started = await start();
    for (const role of databaseRoles) expect(started.output()).not.toContain(passwordOf(role));
  });
});

describe('the server', () => {
  test('knows every setting of its configuration, and complains of none', async () => {
    await aPodWithData();
    const started = await start();
    const complaints = started
      .output()
      .split('\n')
      // An authority signs itself.
      .filter((line) => /\[(ERROR|Warning)\]/.test(line) && !line.includes('CA certificate'));
    expect(complaints).toEqual([]);
    const [row] = await query(
      'monitor',
      `SELECT @@max_connections AS connections, @@innodb_buffer_pool_size AS pool, @@require_secure_transport AS secure,
         @@gtid_mode AS gtid, @@log_bin AS binlog, @@secure_file_priv AS files, @@global.time_zone AS zone, @@performance_schema AS instrumented`,
    );
    expect(row).toEqual({
      connections: 280,
      pool: 128 * 1024 * 1024,
      secure: 1,
      gtid: 'ON',
      binlog: 1,
      files: 'NULL',
      zone: '+00:00',
      instrumented: 0,
    });
  });

  test('keeps within its limit of memory while every connection is in use', async () => {
    await aPodWithData();
    const started = await start();
    await query(
      'migrate',
      `CREATE TABLE tasks_db.t (id INT PRIMARY KEY AUTO_INCREMENT, status VARCHAR(16), created TIMESTAMP(6) DEFAULT NOW(6),
         text VARCHAR(2000), KEY (status, created, id))`,
    );
    const row = "('open', REPEAT('x', 1000))";
    await query('app', `INSERT INTO tasks_db.t (status, text) VALUES ${Array(1000).fill(row).join(', ')}`);
    // More than the buffer pool holds.
    for (let rows = 1000; rows < 128_000; rows *= 2) {
      await query('app', 'INSERT INTO tasks_db.t (status, text) SELECT status, text FROM tasks_db.t');
    }
    const connections = await Promise.all(Array.from({length: 280}, async () => await as('app')));
    for (const sql of [
      "SELECT * FROM tasks_db.t WHERE status = 'open' ORDER BY created DESC, id DESC LIMIT 50",
      "SELECT * FROM tasks_db.t WHERE text LIKE '%xyz%' AND id < 2000 ORDER BY created DESC LIMIT 50",
      `INSERT INTO tasks_db.t (status, text) VALUES ${row}`,
    ]) {
      await Promise.all(connections.map(async (connection) => await connection.query(sql)));
    }
    const memory = await started.memory();
    await Promise.all(connections.map(async (connection) => await connection.end()));
    expect(memory).toBeGreaterThan(256 * 1024 ** 2);
    expect(memory).toBeLessThan(512 * 1024 ** 2);
  });

  test('is ready while all connections are taken, and answers on its admin interface', async () => {
    await aPodWithData();
    expect((await probe()).exitCode).not.toBe(0);
    await start('--max-connections=1');
    const taken = await as('app');
    await expect(as('migrate')).rejects.toEqual(refused('ER_CON_COUNT_ERROR'));
    expect((await probe()).exitCode).toBe(0);
    expect(await query('monitor', 'SELECT 1 AS one', {admin: true})).toEqual([{one: 1}]);
    await taken.end();
  });
});
