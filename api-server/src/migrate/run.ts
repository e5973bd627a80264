import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import type {Connector} from '../database/connect.ts';
import {isLasting, knownCauseOf} from '../database/cause.ts';
import {classify, DatabaseUnavailableError, messageOf, OverloadedError} from '../database/errors.ts';
import type {Logger} from '../logger.ts';
import {orderMigrations, parseMigration, type Migration} from './files.ts';
import {applyMigration, createLedger, readApplied} from './ledger.ts';
import {planMigrations} from './plan.ts';

/** The lock that a dump takes too, so that neither ever waits inside the other's locks. It is the server's, not a schema's. */
const LOCK_NAME = 'maintenance-api.schema';
/** How long one attempt waits for the lock. Waiting for it is harmless, but the database may also go away meanwhile. */
const LOCK_WAIT_SECONDS = 10;
/** Between attempts to reach a database that doesn't answer: it starts with the pod that runs this. */
const RECONNECT_MS = 1000;

/** One second of waiting for a table, then give up: every query on the table queues behind a change that waits. */
export const MIGRATION_SESSION = ['SET SESSION lock_wait_timeout = 1'];

/** An account that is being made, or a certificate that is being replaced, is in order within this. */
const REFUSED_MS = 15_000;

/** The database wasn't reachable, or its lock or tables weren't free, for the whole time given; `cause` has the last error. */
export class MigrateTimeoutError extends Error {
  override readonly name = 'MigrateTimeoutError';
}

export interface MigrateOptions {
  readonly connect: Connector;
  readonly migrations: readonly Migration[];
  /** How long to wait for the database, the lock and the tables, in milliseconds; a change under way isn't cut short. */
  readonly timeoutMs: number;
  /** How long to wait where only somebody's change can help, in milliseconds: whoever waits for this hears why sooner. */
  readonly refusedMs?: number;
  /** Pause after a table was busy, in milliseconds. */
  readonly retryMs: number;
  readonly logger: Logger;
}

/** Why an attempt ended without success, and how long to wait before the next. */
interface Setback {
  readonly reason: string;
  readonly waitMs: number;
  readonly error?: unknown;
}

/**
 * Reads the migrations of a directory.
 *
 * @throws {MigrationFileError} when a file isn't a migration as it must be.
 */
export async function loadMigrations(directory: string): Promise<readonly Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql'));
  const texts = files.map(async (file) => parseMigration(file, await readFile(join(directory, file), 'utf8')));
  return orderMigrations(await Promise.all(texts));
}

/**
 * Brings the database's schema to this image's. Safe to run in any number of pods at once and to kill at any instruction.
 *
 * @throws {IncompatibleSchemaError} when this image can't work with the database's schema.
 * @throws {MigrateTimeoutError} when the time is over.
 * @throws the driver's error when a statement is wrong.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const {refusedMs = REFUSED_MS} = options;
  const end = performance.now() + options.timeoutMs;
  let said: string | undefined;
  let refusedSince: number | undefined;
  for (;;) {
    const setback = await attempt(options);
    if (setback === undefined) return;
    refusedSince = isLasting(knownCauseOf(setback.error)) ? (refusedSince ?? performance.now()) : undefined;
    const refusedEnd = (refusedSince ?? Infinity) + refusedMs;
    if (setback.reason !== said) options.logger.warn({reason: setback.reason}, 'Migration has to wait');
    said = setback.reason;
    const remaining = Math.min(end, refusedEnd) - performance.now();
    if (remaining <= 0) {
      const given = (refusedEnd < end ? refusedMs : options.timeoutMs) / 1000;
      throw new MigrateTimeoutError(`Not migrated within ${given} s: ${setback.reason}`, {cause: setback.error});
    }
    await sleep(Math.min(setback.waitMs, remaining));
  }
}

/** One attempt on one connection; its end frees the lock, whatever happened. */
async function attempt(options: MigrateOptions): Promise<Setback | undefined> {
  let connection: Connection;
  try {
    connection = await options.connect();
  } catch (error) {
    return {reason: `The database can't be reached: ${messageOf(error)}`, waitMs: RECONNECT_MS, error};
  }
  try {
    const setback = await migrateOn(connection, options);
    await connection.end();
    return setback;
  } catch (error) {
    connection.destroy();
    return setbackOf(error, options.retryMs);
  }
}

async function migrateOn(connection: Connection, {migrations, logger}: MigrateOptions): Promise<Setback | undefined> {
  // Without the lock first: a pod that only restarts needn't wait for a dump that holds it for an hour.
  const applied = await readApplied(connection);
  if (planMigrations(migrations, applied).length === 0) {
    logger.info({applied: applied.length, known: migrations.length}, 'Schema is up to date');
    return undefined;
  }
  if (!(await lockSchema(connection))) return {reason: 'A dump or another migration holds the schema lock', waitMs: 0};
  await createLedger(connection);
  for (const migration of planMigrations(migrations, await readApplied(connection))) {
    logger.info({migration: migration.file}, 'Applying migration');
    await applyMigration(connection, migration);
  }
  logger.info({known: migrations.length}, 'Schema is up to date');
  return undefined;
}

/** What another attempt may get past; anything else is thrown on. */
function setbackOf(error: unknown, retryMs: number): Setback {
  const known = classify(error);
  if (known instanceof OverloadedError) {
    return {reason: `A table that has to change is in use: ${messageOf(error)}`, waitMs: retryMs};
  }
  if (known instanceof DatabaseUnavailableError) {
    return {reason: `The database was lost: ${messageOf(error)}`, waitMs: RECONNECT_MS, error};
  }
  throw error;
}

async function lockSchema(connection: Connection): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT GET_LOCK(?, ?) AS locked', [
    LOCK_NAME,
    LOCK_WAIT_SECONDS,
  ]);
  return rows[0]?.['locked'] === 1;
}
