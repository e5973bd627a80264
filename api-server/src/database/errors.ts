/** The database can't be asked: refused, lost, too slow, read-only or shutting down. Whether a write was done is unknown. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
}

/** No name server told the address of the database: it doesn't know the name, or didn't answer in time. */
export class NameUnknownError extends DatabaseUnavailableError {}

/** More work than the connections of this replica, or of the server, can take. Nothing was done. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError';
}

/**
 * Server errors by number, from MySQL's error message reference, that say something about the server's state and nothing
 * about the statement.
 */
const OVERLOADED = new Set([
  1040, // ER_CON_COUNT_ERROR: too many connections
  1203, // ER_TOO_MANY_USER_CONNECTIONS
  1205, // ER_LOCK_WAIT_TIMEOUT
  1213, // ER_LOCK_DEADLOCK
  1226, // ER_USER_LIMIT_REACHED
]);
const UNAVAILABLE = new Set([
  1044, // ER_DBACCESS_DENIED_ERROR: while accounts are being made
  1045, // ER_ACCESS_DENIED_ERROR: while a password is being rotated
  1049, // ER_BAD_DB_ERROR: while the database is being restored
  1053, // ER_SERVER_SHUTDOWN
  1290, // ER_OPTION_PREVENTS_STATEMENT: read_only
  1317, // ER_QUERY_INTERRUPTED
  1836, // ER_READ_ONLY_MODE
  3169, // ER_SESSION_WAS_KILLED
  4031, // ER_CLIENT_INTERACTION_TIMEOUT
]);

/** MySQL's error number, where the server answered with one. */
export function errnoOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errno' in error) || !('sqlState' in error)) return undefined;
  return typeof error.errno === 'number' ? error.errno : undefined;
}

/** Turns what the driver threw into an error that says what the caller can do. Errors of the statement stay as they are. */
export function classify(error: unknown): unknown {
  if (error instanceof DatabaseUnavailableError || error instanceof OverloadedError) return error;
  const errno = errnoOf(error);
  if (errno !== undefined) {
    if (OVERLOADED.has(errno)) return new OverloadedError(messageOf(error), {cause: error});
    if (UNAVAILABLE.has(errno)) return new DatabaseUnavailableError(messageOf(error), {cause: error});
    return error;
  }
  return isConnectionError(error) ? new DatabaseUnavailableError(messageOf(error), {cause: error}) : error;
}

/** Whether a connection on which this was thrown may still be in a known state. */
export function leavesConnectionUsable(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno !== undefined && !UNAVAILABLE.has(errno);
}

/** mysql2 marks what ends a connection as fatal, and Node's own socket errors name the system call. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof DatabaseUnavailableError) return true;
  if ('fatal' in error && error.fatal === true) return true;
  if ('syscall' in error) return true;
  return /closed state|connection lost/i.test(error.message);
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}
