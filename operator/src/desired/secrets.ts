import type {Secret} from 'kubernetes-types/core/v1.js';
import type {MaintenanceApi} from '../api/v1alpha1/index.ts';
import {childMetadata, retainedMetadata} from './metadata.ts';
import {childNames, type DatabaseRole} from './names.ts';
import type {KubeObject} from './objects.ts';
import {secretKeys, serverUuidKey} from './secret-keys.ts';

/** A Secret to be applied; its data is in base64. */
export type SecretObject = KubeObject & {readonly type: string; readonly data: Readonly<Record<string, string>>};

/** A certificate and its private key, PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** One bearer token and the name of whoever holds it. */
export interface ApiToken {
  readonly name: string;
  readonly token: string;
}

/** Why a generated value can't be used. Never holds the value. */
export class GeneratedValueError extends Error {
  override readonly name = 'GeneratedValueError';
}

const base64 = (values: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')]),
  );

/**
 * Account of a database role; kept with the volume, whose data holds the same password.
 *
 * @param password - letters and digits only, so that no quoting of SQL or shell can fail on it
 * @throws GeneratedValueError when it has other characters
 */
export function roleSecret(api: MaintenanceApi, role: DatabaseRole, password: string): SecretObject {
  if (!/^[A-Za-z0-9]{16,}$/.test(password)) {
    throw new GeneratedValueError(`The password of ${role} must be at least 16 letters and digits`);
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: retainedMetadata(api, childNames(api.metadata.name).databaseRole[role], 'database'),
    type: 'Opaque',
    data: base64({[secretKeys.username]: role, [secretKeys.password]: password}),
  } satisfies Secret;
}

/**
 * Which database volumes were once initialised; kept with them. Without it an empty volume would be taken for a new one.
 *
 * @param serverUuids - the server's UUID by ordinal of the pod
 */
export function databaseStateSecret(api: MaintenanceApi, serverUuids: ReadonlyMap<number, string>): SecretObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: retainedMetadata(api, childNames(api.metadata.name).databaseState, 'database'),
    type: 'Opaque',
    data: base64(Object.fromEntries([...serverUuids].map(([ordinal, uuid]) => [serverUuidKey(ordinal), uuid]))),
  } satisfies Secret;
}

/**
 * The key that backups are encrypted with where the spec names none; kept like the backups that only it opens.
 *
 * @param keys - 32 bytes each, by id
 */
export function backupKeysSecret(api: MaintenanceApi, keys: ReadonlyMap<string, Buffer>): SecretObject {
  if ([...keys.values()].some((key) => key.length !== 32)) throw new GeneratedValueError('A key must have 32 bytes');
  // Under the policy Delete too: what is in the bucket stays, and only this opens it.
  const {ownerReferences: _none, ...metadata} = retainedMetadata(
    api,
    childNames(api.metadata.name).backupKeys,
    'backup',
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: 'Opaque',
    data: base64(Object.fromEntries([...keys].map(([id, key]) => [id, key.toString('base64')]))),
  } satisfies Secret;
}

/** The authority that signs the database's certificates. No pod mounts it. */
export function authoritySecret(api: MaintenanceApi, authority: KeyPair): SecretObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: retainedMetadata(api, childNames(api.metadata.name).databaseAuthority, 'database'),
    type: 'kubernetes.io/tls',
    data: base64({
      [secretKeys.certificate]: authority.certificate,
      [secretKeys.privateKey]: authority.privateKey,
    }),
  } satisfies Secret;
}

/** The database server's certificate and key, with the authority's certificate for its clients. */
export function serverTlsSecret(api: MaintenanceApi, authorityCertificate: string, server: KeyPair): SecretObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: childMetadata(api, childNames(api.metadata.name).databaseTls, 'database'),
    type: 'kubernetes.io/tls',
    data: base64({
      [secretKeys.authority]: authorityCertificate,
      [secretKeys.certificate]: server.certificate,
      [secretKeys.privateKey]: server.privateKey,
    }),
  } satisfies Secret;
}

/**
 * The bearer tokens that the API accepts, a line each (docs/reference/image-contract.md).
 *
 * @throws GeneratedValueError when there is none, or one isn't in the contract's form
 */
export function apiTokensSecret(api: MaintenanceApi, tokens: readonly ApiToken[]): SecretObject {
  const invalid = tokens.some(
    ({name, token}) =>
      !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name) || !/^[A-Za-z0-9._~+/-]{16,512}=*$/.test(token),
  );
  if (tokens.length === 0 || invalid)
    throw new GeneratedValueError('Tokens of the API must have a name and 16 to 512 characters');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: childMetadata(api, childNames(api.metadata.name).apiTokens, 'api'),
    type: 'Opaque',
    data: base64({[secretKeys.tokens]: tokens.map(({name, token}) => `${name}:${token}\n`).join('')}),
  } satisfies Secret;
}
