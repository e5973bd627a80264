import {readdirSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {afterAll, afterEach, beforeAll, beforeEach, expect, jest, test} from '@jest/globals';
import type {RowDataPacket} from 'mysql2/promise';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {HoldingProxy} from './holding-proxy.ts';
import {ApiSetting} from './support.ts';

jest.setTimeout(60_000);

const RELEASED = readdirSync(fileURLToPath(new URL('../../../api-server/src/migrations', import.meta.url))).length;

let mysql: Mysqld;
let setting: ApiSetting;
let proxy: HoldingProxy;
let whole: unknown;

beforeAll(async () => {
  mysql = await startMysqld();
  const untouched = await ApiSetting.create(mysql);
  expect(await untouched.migrate().exited).toBe(0);
  whole = await schemaOf(untouched);
  await untouched.close();
});
afterAll(() => mysql.stop());
beforeEach(async () => {
  setting = await ApiSetting.create(mysql);
  proxy = await HoldingProxy.start(setting.database.port);
});
afterEach(async () => {
  await proxy.stop();
  await setting.close();
});

/** Every table as the server would make it, and what was recorded of the migrations. */
async function schemaOf({database}: ApiSetting): Promise<unknown> {
  const connection = await mysql.connect(database.database);
  try {
    const [tables] = await connection.query<RowDataPacket[]>('SHOW TABLES');
    const schema: unknown[] = [];
    for (const name of tables.flatMap((row) => Object.values<unknown>(row)).map(String)) {
      const [made] = await connection.query<RowDataPacket[]>('SHOW CREATE TABLE ??', [name]);
      schema.push(made[0]?.['Create Table']);
    }
    const [applied] = await connection.query<RowDataPacket[]>(
      'SELECT version, previous_can_read FROM schema_migrations ORDER BY version',
    );
    const [begun] = await connection.query<RowDataPacket[]>('SELECT version FROM schema_migrations_begun');
    return {schema, applied, begun};
  } finally {
    await connection.end();
  }
}

test.each([
  'GET_LOCK',
  'CREATE TABLE IF NOT EXISTS schema_migrations (',
  'CREATE TABLE IF NOT EXISTS schema_migrations_begun (',
  'INSERT INTO schema_migrations_begun',
  'CREATE TABLE IF NOT EXISTS tasks (',
  'ADD COLUMN cancelled',
  'ADD INDEX by_due',
  'CREATE TABLE IF NOT EXISTS task_labels',
  'INSERT INTO schema_migrations (version',
  'DELETE FROM schema_migrations_begun',
  'COMMIT',
])('killed at “%s”, with the statement done or not, the next ones finish it, together', async (statement) => {
  proxy.holdRepliesTo(statement);
  const victim = setting.migrate({DB_PORT: String(proxy.port)});
  await proxy.held;
  await victim.kill9();
  const next = [setting.migrate(), setting.migrate()];
  for (const migration of next) expect([await migration.exited, migration.log]).toEqual([0, expect.any(String)]);
  const schema = await schemaOf(setting);
  expect(schema).toEqual(whole);
  expect(schema).toMatchObject({applied: Array.from({length: RELEASED}, (_, i) => ({version: i + 1})), begun: []});
});
