import {fileURLToPath} from 'node:url';
import {describe, expect, test} from '@jest/globals';
import {MigrationFileError, orderMigrations, parseMigration, type Migration} from './files.ts';
import {IncompatibleSchemaError, planMigrations} from './plan.ts';
import {loadMigrations} from './run.ts';

const HEADER = '-- previous_can_read: true\n';

describe('a migration file', () => {
  test('is a number, a header and one statement', () => {
    const text = '-- previous_can_read: false\n-- why\nALTER TABLE tasks\n  ADD COLUMN a INT; -- end\n';
    expect(parseMigration('0012_add_a.sql', text)).toEqual({
      version: 12,
      file: '0012_add_a.sql',
      previousCanRead: false,
      statement: 'ALTER TABLE tasks\n  ADD COLUMN a INT',
    });
  });

  test.each([
    ["INSERT INTO t VALUES ('a;b', 'it''s; \\'c;')", 1],
    ['CREATE TABLE `a;b` (c INT) COMMENT "x;--y"', 1],
    ['SELECT 1 /* ; */ -- ;\n # ;\n', 1],
    ['SELECT 5--1; SELECT 2', 2],
    ['SELECT 1; SELECT 2;', 2],
    ['', 0],
    ['-- nothing;\n;', 0],
  ])('%j has %i statements', (sql, count) => {
    const parse = (): Migration => parseMigration('0001_a.sql', HEADER + sql);
    if (count === 1) expect(parse().version).toBe(1);
    else expect(parse).toThrow(`0001_a.sql: it must hold exactly one statement, and has ${count}`);
  });

  test.each([
    ['SELECT 1'],
    ['-- previous_can_read: yes\nSELECT 1'],
    ['-- previous_can_read: true, mostly\nSELECT 1'],
    ['-- a comment\n-- previous_can_read: true\nSELECT 1'],
  ])('without a proper header is refused: %j', (text) => {
    expect(() => parseMigration('0001_a.sql', text)).toThrow(
      '0001_a.sql: the first line must be "-- previous_can_read: true"',
    );
  });

  test.each(['1_a.sql', '0001.sql', '0001_A.sql', '0001_a.SQL'])('named %s is refused', (file) => {
    expect(() => parseMigration(file, `${HEADER}SELECT 1`)).toThrow(MigrationFileError);
  });
});

function migration(version: number): Migration {
  return {version, file: `${version}.sql`, previousCanRead: true, statement: 'SELECT 1'};
}
const applied = (version: number, previousCanRead = true): {version: number; previousCanRead: boolean} => ({
  version,
  previousCanRead,
});

describe('the order', () => {
  test('is by number', () => {
    expect(orderMigrations([migration(2), migration(1)]).map(({version}) => version)).toEqual([1, 2]);
  });

  test.each([[[1, 3]], [[2]], [[1, 1]], [[0, 1]]])('refuses %j', (versions) => {
    expect(() => orderMigrations(versions.map(migration))).toThrow(MigrationFileError);
  });
});

describe('the plan', () => {
  const known = [1, 2, 3].map(migration);
  test.each([
    ['an empty database', [], [1, 2, 3]],
    ['an older database', [applied(1), applied(2, false)], [3]],
    ['this image’s database', [1, 2, 3].map((version) => applied(version, false)), []],
    ['a newer database that this image can read', [1, 2, 3, 4, 5].map((version) => applied(version)), []],
  ])('for %s', (_what, rows, versions) => {
    expect(planMigrations(known, rows).map(({version}) => version)).toEqual(versions);
  });

  test.each([
    [
      'a newer migration that it can’t read',
      [1, 2, 3, 4].map((v) => applied(v, v !== 4)),
      /migration 4, which releases/,
    ],
    [
      'one in between that it can’t read',
      [1, 2, 3, 4, 5].map((v) => applied(v, v !== 4)),
      /migration 4, which releases/,
    ],
    ['a newer one without one of its own', [applied(1), applied(4)], /has migration 4 but not 2 \(2\.sql\)/],
    ['a hole', [applied(1), applied(3)], /has migration 3 but not 2/],
  ])('refuses a database with %s', (_what, rows, message) => {
    expect(() => planMigrations(known, rows)).toThrow(IncompatibleSchemaError);
    expect(() => planMigrations(known, rows)).toThrow(message);
  });
});

test('the migrations of this release are usable', async () => {
  const directory = fileURLToPath(new URL('../migrations', import.meta.url));
  const migrations = await loadMigrations(directory);
  expect(migrations.map(({file}) => file)).toEqual([
    '0001_create_tasks.sql',
    '0002_create_idempotency_keys.sql',
    '0003_add_task_fields.sql',
    '0004_add_task_indexes.sql',
    '0005_create_task_labels.sql',
    '0006_create_task_history.sql',
    '0007_create_deleted_tasks.sql',
  ]);
  // An older release must be able to serve beside this one, and again after a rollback.
  expect(migrations.filter(({previousCanRead}) => !previousCanRead)).toEqual([]);
});
