import type {Connection, RowDataPacket} from 'mysql2/promise';
import {errnoOf} from '../database/errors.ts';
import {appliedOf, ER_NO_SUCH_TABLE, SELECT_APPLIED, type AppliedMigration} from './applied.ts';
import type {Migration} from './files.ts';

/** MySQL's answers to a change that is there already: object exists, column exists, key exists, nothing to drop, … */
const ALREADY_DONE = new Set([
  1050, // ER_TABLE_EXISTS_ERROR
  1051, // ER_BAD_TABLE_ERROR
  1060, // ER_DUP_FIELDNAME
  1061, // ER_DUP_KEYNAME
  1068, // ER_MULTIPLE_PRI_KEY
  1091, // ER_CANT_DROP_FIELD_OR_KEY
  1826, // ER_FK_DUP_NAME
  3821, // ER_CHECK_CONSTRAINT_NOT_FOUND
  3822, // ER_CHECK_CONSTRAINT_DUP_NAME
]);

const CREATE_TABLES = [
  `CREATE TABLE IF NOT EXISTS schema_migrations (
     version INT UNSIGNED NOT NULL PRIMARY KEY,
     previous_can_read BOOLEAN NOT NULL,
     applied_at DATETIME(3) NOT NULL
   ) ENGINE = InnoDB`,
  `CREATE TABLE IF NOT EXISTS schema_migrations_begun (
     version INT UNSIGNED NOT NULL PRIMARY KEY,
     begun_at DATETIME(3) NOT NULL
   ) ENGINE = InnoDB`,
];

const DELETE_BEGUN = 'DELETE FROM schema_migrations_begun WHERE version = ?';

/**
 * The migrations that were applied; none where the table doesn't exist yet.
 *
 * @throws the driver's error.
 */
export async function readApplied(connection: Connection): Promise<readonly AppliedMigration[]> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>(SELECT_APPLIED);
    return rows.map(appliedOf);
  } catch (error) {
    if (errnoOf(error) === ER_NO_SUCH_TABLE) return [];
    throw error;
  }
}

/** Makes the tables in which migrations are recorded. */
export async function createLedger(connection: Connection): Promise<void> {
  for (const statement of CREATE_TABLES) await connection.query(statement);
}

/**
 * Applies one migration and records it.
 *
 * Without autocommit a change of rows and its record are one transaction. A change of a table commits by itself, and a
 * process can end between it and its record. So that it was begun is recorded first, and a change that was begun before may
 * find itself done. One that wasn't may not: then somebody else made it, and a person must look.
 *
 * @throws the driver's error.
 */
export async function applyMigration(connection: Connection, migration: Migration): Promise<void> {
  await connection.query('SET autocommit = 0');
  const begunBefore = await markBegun(connection, migration.version);
  try {
    await connection.query(migration.statement);
  } catch (error) {
    if (!begunBefore) await forgetBegun(connection, migration.version, error);
    if (!begunBefore || !ALREADY_DONE.has(errnoOf(error) ?? 0)) throw error;
  }
  await connection.query(
    'INSERT INTO schema_migrations (version, previous_can_read, applied_at) VALUES (?, ?, UTC_TIMESTAMP(3))',
    [migration.version, migration.previousCanRead],
  );
  await connection.query(DELETE_BEGUN, [migration.version]);
  await connection.query('COMMIT');
}

/** The server said that it changed nothing, so nothing was begun; without its word the mark has to stay. */
async function forgetBegun(connection: Connection, version: number, error: unknown): Promise<void> {
  if (errnoOf(error) === undefined) return;
  await connection.query('ROLLBACK');
  await connection.query(DELETE_BEGUN, [version]);
  await connection.query('COMMIT');
}

async function markBegun(connection: Connection, version: number): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT version FROM schema_migrations_begun WHERE version = ?',
    [version],
  );
  if (rows.length === 0) {
    const sql = 'INSERT INTO schema_migrations_begun (version, begun_at) VALUES (?, UTC_TIMESTAMP(3))';
    await connection.query(sql, [version]);
  }
  await connection.query('COMMIT');
  return rows.length > 0;
}
