import {readdirSync} from 'node:fs';
import {cp, mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import {connectorFor} from '../../../api-server/src/database/connect.ts';
import {createLogger} from '../../../api-server/src/logger.ts';
import {migrate} from '../../../api-server/src/migrate/run.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, eventually} from './support.ts';

jest.setTimeout(60_000);

const RELEASE = fileURLToPath(new URL('../../../api-server/src/migrations', import.meta.url));
/** How many migrations the release has. */
const RELEASED = readdirSync(RELEASE).length;
const LOCK = 'maintenance-api.schema';

function upTo(version: number): readonly number[] {
  return Array.from({length: version}, (_, i) => i + 1);
}

let mysql: Mysqld;
let setting: ApiSetting;
let root: Connection;

beforeAll(async () => {
  mysql = await startMysqld();
});
afterAll(() => mysql.stop());

beforeEach(async () => {
  setting = await ApiSetting.create(mysql);
  root = await mysql.connect(setting.database.database);
});
afterEach(async () => {
  await root.end();
  await setting.close();
});

async function rows(sql: string): Promise<readonly RowDataPacket[]> {
  const [found] = await root.query<RowDataPacket[]>(sql);
  return found;
}

async function versions(): Promise<readonly number[]> {
  return (await rows('SELECT version FROM schema_migrations ORDER BY version')).map((row) => Number(row['version']));
}

async function columnsOfTasks(): Promise<readonly string[]> {
  return (await rows('SHOW COLUMNS FROM tasks')).map((row) => String(row['Field']));
}

/** The release's migrations and more, as a later release would have them. */
async function laterRelease(...statements: readonly string[]): Promise<{MIGRATIONS_DIR: string}> {
  const folder = join(setting.folder, 'migrations');
  await rm(folder, {recursive: true, force: true});
  await mkdir(folder);
  await cp(RELEASE, folder, {recursive: true});
  for (const [index, statement] of statements.entries()) {
    await writeFile(
      join(folder, `${String(RELEASED + 1 + index).padStart(4, '0')}_later.sql`),
      `-- previous_can_read: true\n${statement};\n`,
    );
  }
  return {MIGRATIONS_DIR: folder};
}

async function released(): Promise<void> {
  const migration = setting.migrate();
  expect([await migration.exited, migration.log]).toEqual([0, expect.any(String)]);
}

/** Holds a lock on the table as any open transaction does that has read it. */
async function readerOf(table: string): Promise<Connection> {
  const reader = await mysql.connect(setting.database.database);
  await reader.query('START TRANSACTION');
  await reader.query(`SELECT COUNT(*) FROM ${table}`);
  return reader;
}

describe('migrate', () => {
  test('brings an empty database up to the release, and a second time changes nothing', async () => {
    await released();
    const after = await rows('SELECT version, previous_can_read, applied_at FROM schema_migrations');
    expect(after.map((row): unknown[] => [row['version'], row['previous_can_read']])).toEqual(
      upTo(RELEASED).map((version) => [version, 1]),
    );
    await released();
    expect(await rows('SELECT version, previous_can_read, applied_at FROM schema_migrations')).toEqual(after);
    expect(await rows('SELECT * FROM schema_migrations_begun')).toEqual([]);
  });

  test('run by eight pods at once applies each migration once', async () => {
    const env = await laterRelease('ALTER TABLE tasks ADD COLUMN third INT', 'ALTER TABLE tasks ADD COLUMN fourth INT');
    const pods = Array.from({length: 8}, () => setting.migrate(env));
    for (const {exited} of pods) expect(await exited).toBe(0);
    expect(await versions()).toEqual(upTo(RELEASED + 2));
    const applying = pods.flatMap(({log}) => log.split('\n').filter((line) => line.includes('Applying migration')));
    expect(applying).toHaveLength(RELEASED + 2);
  });

  test('waits for a database that is not there yet', async () => {
    await mysql.kill9();
    const migration = setting.migrate();
    await eventually('a report that it waits', () => migration.log.includes("can't be reached") || undefined);
    await mysql.restart();
    expect(await migration.exited).toBe(0);
    root = await mysql.connect(setting.database.database);
    expect(await versions()).toEqual(upTo(RELEASED));
  });

  test('gives up in bounded time and says what it waited for', async () => {
    const migration = setting.migrate({DB_PORT: '1', MIGRATE_TIMEOUT_SECONDS: '1'});
    expect(await migration.exited).toBe(1);
    expect(migration.log).toMatch(/Not migrated within 1 s: The database can't be reached: .*ECONNREFUSED/);
  });

  test.each<[string, Record<string, string>, (name: string, user: string) => readonly string[]]>([
    ['connection', {DB_PORT: '1'}, () => []],
    ['dns', {DB_HOST: 'nobody.invalid'}, () => []],
    ['credentials', {}, (_name, user) => [`ALTER USER '${user}'@'%' IDENTIFIED BY 'another'`]],
    ['grants', {}, (name, user) => [`REVOKE CREATE ON ${name}.* FROM '${user}'@'%'`]],
    ['schema', {DB_NAME: 'nowhere'}, (_name, user) => [`GRANT SELECT ON nowhere.* TO '${user}'@'%'`]],
  ])('leaves one word for whoever looks at how it ended: %s', async (cause, env, statements) => {
    for (const statement of statements(setting.database.database, setting.database.user)) await root.query(statement);
    const told = join(setting.folder, 'termination-log');
    const migration = setting.migrate({...env, TERMINATION_LOG: told, MIGRATE_TIMEOUT_SECONDS: '1'});
    expect(await migration.exited).toBe(1);
    expect(await readFile(told, 'utf8')).toBe(`database: ${cause}\n`);
  });

  test('waits not long where only somebody else can help, and says so', async () => {
    await root.query(`ALTER USER '${setting.database.user}'@'%' IDENTIFIED BY 'another'`);
    const migrating = migrate({
      connect: connectorFor({
        ...{host: mysql.host, port: mysql.port, name: setting.database.database, user: setting.database.user},
        ...{passwordFile: join(setting.folder, 'password'), tlsCaFile: undefined},
      }),
      ...{migrations: [], timeoutMs: 600_000, refusedMs: 500, retryMs: 50},
      logger: createLogger('silent'),
    });
    await expect(migrating).rejects.toThrow(/^Not migrated within 0.5 s: .*Access denied/);
  });

  test('uses the account for migrations where there is one', async () => {
    const user = `${setting.database.user}_m`;
    await root.query(`CREATE USER '${user}'@'%' IDENTIFIED BY 'migrate-password'`);
    await root.query(`GRANT ALL ON ${setting.database.database}.* TO '${user}'@'%'`);
    await root.query(`REVOKE CREATE ON ${setting.database.database}.* FROM '${setting.database.user}'@'%'`);
    const denied = setting.migrate();
    expect(await denied.exited).toBe(1);
    expect(denied.log).toContain('CREATE command denied');
    await writeFile(join(setting.folder, 'migrate-password'), 'migrate-password');
    const migration = setting.migrate({
      MIGRATE_DB_USER: user,
      MIGRATE_DB_PASSWORD_FILE: join(setting.folder, 'migrate-password'),
    });
    expect(await migration.exited).toBe(0);
    expect(migration.log).not.toContain('migrate-password"');
  });
});

describe('the lock that dumps take too', () => {
  test('holds back a migration until it is free', async () => {
    await root.query('SELECT GET_LOCK(?, 0)', [LOCK]);
    const migration = setting.migrate();
    await eventually('the migration to wait for the lock', async () => {
      const waiting = await rows("SELECT 1 FROM performance_schema.processlist WHERE state = 'User lock'");
      return waiting.length > 0 || undefined;
    });
    await expect(versions()).rejects.toThrow("doesn't exist");
    await root.query('SELECT RELEASE_LOCK(?)', [LOCK]);
    expect(await migration.exited).toBe(0);
    expect(await versions()).toEqual(upTo(RELEASED));
  });

  test('does not hold back a pod that only restarts', async () => {
    await released();
    await root.query('SELECT GET_LOCK(?, 0)', [LOCK]);
    expect(await setting.migrate().exited).toBe(0);
  });
});

describe('a migration of a table in use', () => {
  test('stands back, lets the reader’s successors through, and succeeds when the table is free', async () => {
    await released();
    const reader = await readerOf('tasks');
    const migration = setting.migrate(await laterRelease('ALTER TABLE tasks ADD COLUMN third INT'));
    await eventually(
      'it to stand back',
      () => migration.log.includes('A table that has to change is in use') || undefined,
    );
    // It holds neither the lock nor a place in the table's queue while it pauses.
    await eventually('the lock to be free', async () => {
      const [row] = await rows(`SELECT IS_FREE_LOCK('${LOCK}') AS free`);
      return row?.['free'] === 1 || undefined;
    });
    expect(await columnsOfTasks()).not.toContain('third');
    await reader.end();
    expect(await migration.exited).toBe(0);
    expect(await columnsOfTasks()).toContain('third');
  });

  test('killed while it waits leaves nothing behind', async () => {
    await released();
    const env = await laterRelease('ALTER TABLE tasks ADD COLUMN third INT');
    const reader = await readerOf('tasks');
    const victim = setting.migrate(env);
    await eventually('it to wait for the table', async () => {
      const waiting = await rows("SELECT 1 FROM performance_schema.processlist WHERE info LIKE 'ALTER TABLE tasks%'");
      return waiting.length > 0 || undefined;
    });
    await victim.kill9();
    await reader.end();
    expect(await setting.migrate(env).exited).toBe(0);
    expect(await versions()).toEqual(upTo(RELEASED + 1));
    expect(await columnsOfTasks()).toContain('third');
  });

  /** Runs a migration whose record can't be written, and kills it there. */
  async function killedBeforeRecord(
    env: Record<string, string>,
    changed: () => Promise<true | undefined>,
  ): Promise<void> {
    const blocker = await mysql.connect(setting.database.database);
    await blocker.query('LOCK TABLES schema_migrations READ');
    const victim = setting.migrate(env);
    await eventually('the change without its record', changed);
    await victim.kill9();
    await blocker.end();
    expect(await versions()).toEqual(upTo(RELEASED));
  }

  test('killed between the change and its record is recorded by the next run', async () => {
    await released();
    const env = await laterRelease('ALTER TABLE tasks ADD COLUMN third INT');
    await killedBeforeRecord(env, async () => (await columnsOfTasks()).includes('third') || undefined);
    const next = setting.migrate(env);
    expect([await next.exited, next.log]).toEqual([0, expect.any(String)]);
    expect(await versions()).toEqual(upTo(RELEASED + 1));
    expect(await rows('SELECT * FROM schema_migrations_begun')).toEqual([]);
  });

  test('that changes rows is done once, killed between the change and its record or not', async () => {
    await released();
    const env = await laterRelease(
      "INSERT INTO tasks (id, title, description, status, created_at, updated_at, version) VALUES (UUID(), 'seed', '', 'open', NOW(), NOW(), 1)",
    );
    await killedBeforeRecord(env, async () => {
      const waiting = await rows(
        "SELECT 1 FROM performance_schema.processlist WHERE info LIKE 'INSERT INTO schema_migrations (%'",
      );
      return waiting.length > 0 || undefined;
    });
    expect(await setting.migrate(env).exited).toBe(0);
    expect(await versions()).toEqual(upTo(RELEASED + 1));
    expect(await rows("SELECT title FROM tasks WHERE title = 'seed'")).toHaveLength(1);
  });

  test('that somebody else made by hand is not taken for its own', async () => {
    await released();
    await root.query('ALTER TABLE tasks ADD COLUMN third VARCHAR(9)');
    const env = await laterRelease('ALTER TABLE tasks ADD COLUMN third INT');
    // Also not when kubelet starts it again.
    for (let run = 1; run <= 2; run++) {
      const migration = setting.migrate(env);
      expect(await migration.exited).toBe(1);
      expect(migration.log).toContain("Duplicate column name 'third'");
    }
    expect(await versions()).toEqual(upTo(RELEASED));
  });
});

describe('an older release on a newer database', () => {
  test('starts when it can read it', async () => {
    expect(await setting.migrate(await laterRelease('ALTER TABLE tasks ADD COLUMN third INT')).exited).toBe(0);
    const api = await setting.up();
    const created = await api.request('POST', '/api/v1/tasks', {body: {title: 'written by the older release'}});
    expect(created.status).toBe(201);
    await eventually('the newer migration in the metrics', async () => {
      return (
        (await api.metrics()).includes(`schema_migration_info{version="${RELEASED + 1}",previous_can_read="true"} 1`) ||
        undefined
      );
    });
  });

  test('refuses clearly when it can’t', async () => {
    await released();
    await root.query(`INSERT INTO schema_migrations VALUES (${RELEASED + 1}, FALSE, NOW(3))`);
    const migration = setting.migrate();
    expect(await migration.exited).toBe(1);
    expect(migration.log).toContain(`The database has migration ${RELEASED + 1}, which releases before it can't read`);
    expect(await versions()).toEqual(upTo(RELEASED + 1));
  });
});

test('a usage error names the variable and ends with status 2', async () => {
  const migration = setting.migrate({DB_HOST: '', MIGRATE_RETRY_SECONDS: 'often'});
  expect(await migration.exited).toBe(2);
  expect(migration.log).toContain('DB_HOST must be set');
  expect(migration.log).toContain('MIGRATE_RETRY_SECONDS must be a number of seconds from 0.05 to 3600');
});
