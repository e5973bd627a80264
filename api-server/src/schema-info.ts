import type {Database, Statement} from './database/database.ts';
import {messageOf} from './database/errors.ts';
import {appliedOf, SELECT_APPLIED, type AppliedMigration} from './migrate/applied.ts';
import {repeat, type Repeating} from './repeat.ts';

const APPLIED: Statement = {name: 'schema_migrations', sql: SELECT_APPLIED};

/** Migrations are rare and a rollback looks at them minutes later at the earliest. */
const REFRESH_MS = 60_000;
/** Until the first answer: a pod must not be without `schema_migration_info` for a minute because it was early. */
const RETRY_MS = 2000;

export interface SchemaInfoOptions {
  readonly database: Database;
  readonly onRead: (applied: readonly AppliedMigration[]) => void;
  /** Called once for each distinct trouble until the next success. */
  readonly onError: (reason: string) => void;
}

/** Keeps telling which migrations the database has. After an error what was told last stays, for the schema only grows. */
export function watchSchema({database, onRead, onError}: SchemaInfoOptions): Repeating {
  let lastReason: string | undefined;
  return repeat(async () => {
    try {
      const rows = await database.run((session) => session.rows(APPLIED));
      onRead(rows.map(appliedOf));
      lastReason = undefined;
      return REFRESH_MS;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== lastReason) onError(reason);
      lastReason = reason;
      return RETRY_MS;
    }
  });
}
