/**
 * The code of an error of Node's own modules, for example ENOENT; undefined for anything else. No instanceof: under Jest
 * such errors come from another realm than the tests' `Error`.
 */
export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** Whether an error of node:fs says that the file or folder doesn't exist. */
export function isNotFound(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}
