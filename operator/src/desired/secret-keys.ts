/** Keys of the operator's Secrets, which are also the names of the files that they are mounted as. */
export const secretKeys = {
  username: 'username',
  password: 'password',
  /** The authority's certificate. */
  authority: 'ca.crt',
  certificate: 'tls.crt',
  privateKey: 'tls.key',
  tokens: 'tokens',
} as const;

/** Key of the state Secret that holds the server UUID of a database pod. */
export function serverUuidKey(ordinal: number): string {
  return `server-uuid-${ordinal}`;
}
