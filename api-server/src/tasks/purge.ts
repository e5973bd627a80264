import type {Database, Statement} from '../database/database.ts';
import {messageOf} from '../database/errors.ts';
import type {Logger} from '../logger.ts';
import {repeat, type Repeating} from '../repeat.ts';
import {purgeKeys} from './keys.ts';

/** An idempotency key is honoured for at least a day. */
const KEY_LIFETIME_MS = 24 * 3600 * 1000;
const INTERVAL_MS = 3600 * 1000;
/** Tasks that a step takes, each with its history: few enough that no request waits long behind its locks. */
const BATCH = 20;
/** Between two steps, so that those who use the database meanwhile don't notice the purge of a year's tasks. */
const PAUSE_MS = 50;

const MARKS = Array.from({length: BATCH}, () => '?').join(', ');
/** What another pod purges, or a client restores at this moment, is left to them. */
const LOCK_EXPIRED: Statement = {
  name: 'deleted_expired',
  sql:
    'SELECT id FROM deleted_tasks WHERE deleted_at < ? ORDER BY deleted_at ' + `LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
};
const PURGE_HISTORY: Statement = {
  name: 'history_purge',
  sql: `DELETE FROM task_history WHERE task_id IN (${MARKS})`,
};
const PURGE_DELETED: Statement = {name: 'deleted_purge', sql: `DELETE FROM deleted_tasks WHERE id IN (${MARKS})`};

export interface PurgeOptions {
  readonly database: Database;
  /** For how long deleted tasks are kept, in milliseconds; undefined: for ever. */
  readonly deletedRetentionMs: number | undefined;
  /** While it is active nothing is purged. */
  readonly readOnly: {readonly active: boolean};
  readonly logger: Logger;
}

/**
 * Takes away for good what is older than it is kept: idempotency keys, and deleted tasks with their history. Any number of
 * pods may do it at the same time. Done at once and then every hour, a step a round, so that the end of the process never
 * waits for more than a step.
 */
export function purgeOld({database, deletedRetentionMs, readOnly, logger}: PurgeOptions): Repeating {
  /** Tasks of this hour; undefined before its first step, which alone purges keys: it takes all that are old. */
  let purged: number | undefined;
  return repeat(async () => {
    if (readOnly.active) {
      purged = undefined;
      return INTERVAL_MS;
    }
    try {
      const now = Date.now();
      if (purged === undefined) {
        const keys = await purgeKeys(database, new Date(now - KEY_LIFETIME_MS));
        if (keys > 0) logger.info({purged: keys}, 'Old idempotency keys purged');
      }
      if (deletedRetentionMs === undefined) return INTERVAL_MS;
      const tasks = await purgeDeleted(database, new Date(now - deletedRetentionMs));
      purged = (purged ?? 0) + tasks;
      if (tasks === BATCH) return PAUSE_MS;
      if (purged > 0) logger.info({purged}, 'Tasks deleted long ago purged');
    } catch (error) {
      logger.warn({reason: messageOf(error)}, 'What is old was not purged, will be tried again');
    }
    purged = undefined;
    return INTERVAL_MS;
  });
}

/**
 * Purges the deleted tasks that are the longest past their time.
 *
 * @returns how many they were; less than BATCH when there are no more.
 */
function purgeDeleted(database: Database, before: Date): Promise<number> {
  return database.transaction(async (session) => {
    const ids = (await session.rows(LOCK_EXPIRED, [before])).map(({id}) => String(id));
    if (ids.length === 0) return 0;
    // The last id again, as often as it takes, so that one prepared statement serves every number of them.
    const values = [...ids, ...Array.from({length: BATCH - ids.length}, () => ids.at(-1) ?? '')];
    await session.change(PURGE_HISTORY, values);
    return session.change(PURGE_DELETED, values);
  });
}
