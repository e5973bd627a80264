import type {AppliedMigration} from './applied.ts';
import type {Migration} from './files.ts';

/** This image can't work with the database as it is; trying again won't help. */
export class IncompatibleSchemaError extends Error {
  override readonly name = 'IncompatibleSchemaError';
}

/**
 * Which migrations are still to be done, in order.
 *
 * The database may be ahead: a newer release migrated it, and this older one starts again, as in a rollback. That is fine
 * as long as each migration that this image doesn't know can be read by the release before it.
 *
 * @param known the image's migrations, in order, without a gap.
 * @param applied what the database has, in any order.
 * @throws {IncompatibleSchemaError} saying which migration is in the way.
 */
export function planMigrations(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  const newest = known.at(-1)?.version ?? 0;
  const done = new Set(applied.map(({version}) => version));
  const newer = applied.filter(({version}) => version > newest);
  const unreadable = newer.filter(({previousCanRead}) => !previousCanRead).map(({version}) => version);
  if (unreadable.length > 0) {
    throw new IncompatibleSchemaError(
      `The database has migration ${Math.min(...unreadable)}, which releases before it can't read; ` +
        `this image knows migrations up to ${newest}. Run an image that has it.`,
    );
  }
  const pending = known.filter(({version}) => !done.has(version));
  const highest = Math.max(0, ...done);
  const skipped = pending.find(({version}) => version < highest);
  if (skipped !== undefined) {
    throw new IncompatibleSchemaError(
      `The database has migration ${highest} but not ${skipped.version} (${skipped.file}), ` +
        'so another history of migrations made it. This image must not change it.',
    );
  }
  return pending;
}
