import {afterAll, afterEach, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {readdir, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {createConnection} from 'mysql2/promise';
import {databaseRoles, type DatabaseRole} from '../../../operator/src/desired/index.ts';
import {ManagedDatabase, passwordOf, roleSecrets} from './managed-database.ts';

jest.setTimeout(120_000);

let database: ManagedDatabase;

beforeAll(async () => {
  database = await ManagedDatabase.create();
}, 600_000);

afterEach(async () => {
  await database.removePod();
});

afterAll(async () => {
  await database.remove();
});

const refused = (code: string): object => expect.objectContaining({code});

describe('accounts', () => {
  const grantsOf = async (role: DatabaseRole): Promise<unknown[]> =>
    (await database.query(role, 'SHOW GRANTS')).flatMap((row) => Object.values(row) as unknown[]);

  test('have exactly the intended privileges, and every connection is encrypted', async () => {
    await database.newPodWithData();
    await database.start();

    expect(await grantsOf('app')).toEqual([
      'GRANT USAGE ON *.* TO `app`@`%`',
      'GRANT SELECT, INSERT, UPDATE, DELETE ON `tasks\\_db`.* TO `app`@`%`',
    ]);
    expect(await grantsOf('migrate')).toEqual([
      'GRANT USAGE ON *.* TO `migrate`@`%`',
      'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER ON `tasks\\_db`.* TO `migrate`@`%`',
    ]);
    expect(await grantsOf('backup')).toEqual([
      'GRANT USAGE ON *.* TO `backup`@`%`',
      'GRANT SHOW_ROUTINE ON *.* TO `backup`@`%`',
      'GRANT SELECT, SHOW VIEW, EVENT, TRIGGER ON `tasks\\_db`.* TO `backup`@`%`',
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
      await expect(database.as(role, {tls: false})).rejects.toEqual(refused('ER_ACCESS_DENIED_ERROR'));
      const [row] = await database.query(role, "SHOW STATUS LIKE 'Ssl_cipher'");
      expect(row?.['Value']).not.toBe('');
      await expect(database.as(role, {password: 'wrong'})).rejects.toEqual(refused('ER_ACCESS_DENIED_ERROR'));
    }
    const socketPath = join(database.pod.volume('run'), 'mysqld.sock');
    await expect(createConnection({socketPath, user: 'root'})).rejects.toEqual(refused('ER_ACCOUNT_HAS_BEEN_LOCKED'));

    // What each may do, seen from what it does.
    await database.query('migrate', 'CREATE TABLE tasks_db.t (id INT PRIMARY KEY)');
    await database.query('app', 'INSERT INTO tasks_db.t VALUES (1)');
    await expect(database.query('app', 'DROP TABLE tasks_db.t')).rejects.toEqual(
      refused('ER_TABLEACCESS_DENIED_ERROR'),
    );
    // An underscore in GRANT stands for any character unless it is escaped.
    await expect(database.query('migrate', 'CREATE DATABASE tasksxdb')).rejects.toEqual(
      refused('ER_DBACCESS_DENIED_ERROR'),
    );
    await expect(database.query('monitor', 'SELECT * FROM tasks_db.t')).rejects.toEqual(
      refused('ER_TABLEACCESS_DENIED_ERROR'),
    );
    await expect(database.query('admin', 'SELECT * FROM tasks_db.t')).rejects.toEqual(
      refused('ER_TABLEACCESS_DENIED_ERROR'),
    );
    await expect(database.query('admin', "ALTER USER 'root'@'localhost' ACCOUNT UNLOCK")).rejects.toEqual(
      refused('ER_SPECIFIC_ACCESS_DENIED_ERROR'),
    );
    await database.query('admin', "ALTER USER 'app'@'%' IDENTIFIED BY 'another0123456789'");
    await database.query('app', 'SELECT 1', {password: 'another0123456789'});
    await database.query('admin', 'SET GLOBAL max_connections = 77');
    await database.query('admin', 'ALTER INSTANCE RELOAD TLS');

    // The admin interface is for the operator's accounts.
    await database.query('monitor', 'SELECT VARIABLE_VALUE FROM performance_schema.global_status LIMIT 1', {
      admin: true,
    });
    await database.query('admin', 'SELECT 1', {admin: true});
    await expect(database.as('app', {admin: true, password: 'another0123456789'})).rejects.toEqual(
      refused('ER_SPECIFIC_ACCESS_DENIED_ERROR'),
    );
    await expect(database.as('monitor', {admin: true, tls: false})).rejects.toEqual(refused('ER_ACCESS_DENIED_ERROR'));
  });

  test('become what they should be at each start, whatever they were', async () => {
    await database.newPodWithData();
    await database.start();
    await database.query('admin', "ALTER USER 'app'@'%' IDENTIFIED BY 'drifted0123456789' REQUIRE NONE ACCOUNT LOCK");
    // Also a server that was initialised before there were backups.
    await database.query('admin', "DROP USER 'migrate'@'%', 'backup'@'%'");
    await database.stop();

    await database.pod.mountSecrets(roleSecrets('Rotated'));
    await database.initialise();
    await database.start();
    for (const role of databaseRoles) {
      await database.query(role, 'SELECT 1', {password: `${passwordOf(role)}Rotated`});
      await expect(database.as(role)).rejects.toEqual(refused('ER_ACCESS_DENIED_ERROR'));
    }
    await expect(database.as('app', {tls: false, password: `${passwordOf('app')}Rotated`})).rejects.toEqual(
      refused('ER_ACCESS_DENIED_ERROR'),
    );
  });

  test('with a password that could end a quotation stop the start, without a word of it', async () => {
    await database.newPod();
    await writeFile(join(database.pod.volume('passwords'), 'monitor'), "x'; DROP USER app; --");
    const end = await database.pod.init();
    expect(end).toMatchObject({
      exitCode: 1,
      terminationMessage: 'InitFailed: the password of monitor must be letters and digits\n',
    });
    expect(end.output).not.toContain('DROP USER');
  });

  test('are written where only the server can read them', async () => {
    await database.newPodWithData();
    const listing = await readdir(database.pod.volume('accounts'));
    expect(listing.sort()).toEqual(['init.sql', 'probe.cnf']);
    for (const file of listing) {
      expect((await stat(join(database.pod.volume('accounts'), file))).mode & 0o777).toBe(0o600);
    }
    const started = await database.start();
    for (const role of databaseRoles) expect(started.output()).not.toContain(passwordOf(role));
  });
});

describe('the server', () => {
  test('knows every setting of its configuration, and complains of none', async () => {
    await database.newPodWithData();
    const started = await database.start();
    const complaints = started
      .output()
      .split('\n')
      // An authority signs itself.
      .filter((line) => /\[(ERROR|Warning)\]/.test(line) && !line.includes('CA certificate'));
    expect(complaints).toEqual([]);
    const [row] = await database.query(
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

  test('tells what the operator asks of it, without its performance schema', async () => {
    await database.newPodWithData();
    await database.start();
    const names = ['Connection_errors_max_connections', 'Slow_queries', 'Ssl_server_not_after', 'Threads_connected'];
    const rows = await database.query(
      'monitor',
      `SELECT VARIABLE_NAME AS name FROM performance_schema.global_status
         WHERE VARIABLE_NAME IN (${[...names, 'Threads_running', 'Uptime'].map((name) => `'${name}'`).join(', ')}) ORDER BY name`,
      {admin: true},
    );
    expect(rows.map((row) => row['name'] as string)).toEqual([...names, 'Threads_running', 'Uptime']);
    await database.query('admin', 'ALTER INSTANCE RELOAD TLS FOR CHANNEL mysql_admin', {admin: true});
  });

  test('keeps within its limit of memory while every connection is in use', async () => {
    await database.newPodWithData();
    const started = await database.start();
    await database.query(
      'migrate',
      `CREATE TABLE tasks_db.t (id INT PRIMARY KEY AUTO_INCREMENT, status VARCHAR(16), created TIMESTAMP(6) DEFAULT NOW(6),
         text VARCHAR(2000), KEY (status, created, id))`,
    );
    const row = "('open', REPEAT('x', 1000))";
    await database.query('app', `INSERT INTO tasks_db.t (status, text) VALUES ${Array(1000).fill(row).join(', ')}`);
    // More than the buffer pool holds.
    for (let rows = 1000; rows < 128_000; rows *= 2) {
      await database.query('app', 'INSERT INTO tasks_db.t (status, text) SELECT status, text FROM tasks_db.t');
    }
    const connections = await Promise.all(Array.from({length: 280}, async () => await database.as('app')));
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
    await database.newPodWithData();
    expect((await database.probe()).exitCode).not.toBe(0);
    await database.start('--max-connections=1');
    const taken = await database.as('app');
    await expect(database.as('migrate')).rejects.toEqual(refused('ER_CON_COUNT_ERROR'));
    expect((await database.probe()).exitCode).toBe(0);
    expect(await database.query('monitor', 'SELECT 1 AS one', {admin: true})).toEqual([{one: 1}]);
    await taken.end();
  });
});
