import {errnoOf, NameUnknownError} from './errors.ts';

/** Why the database can't be used, in words that are told to whoever looks for what several replicas have in common. */
export const causes = ['dns', 'certificate', 'credentials', 'connection'] as const;
export type Cause = (typeof causes)[number];

const CREDENTIALS = new Set([
  1044, // ER_DBACCESS_DENIED_ERROR
  1045, // ER_ACCESS_DENIED_ERROR
  1862, // ER_MUST_CHANGE_PASSWORD_LOGIN
  3118, // ER_ACCOUNT_HAS_BEEN_LOCKED
]);

/**
 * The cause of an error that the driver threw.
 *
 * @param error what opening a connection, or asking on it, threw
 */
export function causeOf(error: unknown): Cause {
  const errno = errnoOf(error);
  if (errno !== undefined && CREDENTIALS.has(errno)) return 'credentials';
  if (!(error instanceof Error)) return 'connection';
  if (error instanceof NameUnknownError) return 'dns';
  // mysql2 gives every failure of TLS this code.
  return 'code' in error && error.code === 'HANDSHAKE_SSL_ERROR' ? 'certificate' : 'connection';
}
