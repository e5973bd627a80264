import {errnoOf, isConnectionError, NameUnknownError} from './errors.ts';

/** Why the database can't be used, in words that are told to whoever looks for what several replicas have in common. */
export const causes = ['dns', 'certificate', 'credentials', 'grants', 'schema', 'connection'] as const;
export type Cause = (typeof causes)[number];

/** Server errors by number, from MySQL's error message reference. */
const BY_ERRNO: ReadonlyMap<number, Cause> = new Map([
  [1045, 'credentials'], // ER_ACCESS_DENIED_ERROR
  [1862, 'credentials'], // ER_MUST_CHANGE_PASSWORD_LOGIN
  [3118, 'credentials'], // ER_ACCOUNT_HAS_BEEN_LOCKED
  [1044, 'grants'], // ER_DBACCESS_DENIED_ERROR
  [1142, 'grants'], // ER_TABLEACCESS_DENIED_ERROR
  [1143, 'grants'], // ER_COLUMNACCESS_DENIED_ERROR
  [1227, 'grants'], // ER_SPECIFIC_ACCESS_DENIED_ERROR
  [1049, 'schema'], // ER_BAD_DB_ERROR
]);

/** What passes only when somebody changes something: an account, a certificate, the schema. */
const LASTING: ReadonlySet<Cause> = new Set(['certificate', 'credentials', 'grants', 'schema']);

/** Whether waiting alone is no help. */
export function isLasting(cause: Cause | undefined): boolean {
  return cause !== undefined && LASTING.has(cause);
}

/**
 * The cause of an error that the driver threw; undefined where that isn't the database's being there or not.
 *
 * @param error what opening a connection, or asking on it, threw
 */
export function knownCauseOf(error: unknown): Cause | undefined {
  const errno = errnoOf(error);
  if (errno !== undefined) return BY_ERRNO.get(errno);
  if (error instanceof NameUnknownError) return 'dns';
  // mysql2 gives every failure of TLS this code.
  if (error instanceof Error && 'code' in error && error.code === 'HANDSHAKE_SSL_ERROR') return 'certificate';
  return isConnectionError(error) ? 'connection' : undefined;
}

/** As {@link knownCauseOf}, of an error after which the database counts as lost in any case. */
export function causeOf(error: unknown): Cause {
  return knownCauseOf(error) ?? 'connection';
}
