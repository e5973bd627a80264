import type {RowDataPacket} from 'mysql2/promise';

/** One applied migration, as the database has it. */
export interface AppliedMigration {
  readonly version: number;
  /** Whether the release before this migration can work with the schema after it. */
  readonly previousCanRead: boolean;
}

/** MySQL's answer where no migration ever ran. */
export const ER_NO_SUCH_TABLE = 1146;

export const SELECT_APPLIED = 'SELECT version, previous_can_read FROM schema_migrations ORDER BY version';

/** The migration in a row of SELECT_APPLIED. */
export function appliedOf(row: RowDataPacket): AppliedMigration {
  return {version: Number(row.version), previousCanRead: Boolean(row.previous_can_read)};
}
