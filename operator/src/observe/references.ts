import {createHmac} from 'node:crypto';
import {backupSecretKeys, externalSecretKeys, resources, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import type {KubeClient, KubeObject} from '../runtime/index.ts';

/** A Secret or ConfigMap that the spec names and that isn't there, or lacks a key. */
export interface MissingReference {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  /** undefined: the object itself is missing. */
  readonly key: string | undefined;
}

export interface ReferenceSnapshot {
  /** Hash of the referenced keys' contents by `Kind/name`. */
  readonly hashes: Readonly<Record<string, string>>;
  readonly missing: readonly MissingReference[];
}

interface Wanted {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  /** Keys whose content is part of a revision: a pod reads it once, at its start. */
  readonly keys: Set<string>;
  /** Keys that must be there too, which pods read anew where they are mounted. */
  readonly mounted: Set<string>;
}

interface DataObject extends KubeObject {
  data?: Record<string, string>;
}

/** What env and an external database refer to, one entry an object. */
export function referencesOf(api: MaintenanceApi): readonly Wanted[] {
  const wanted = new Map<string, Wanted>();
  const entryOf = (kind: Wanted['kind'], name: string): Wanted => {
    const id = `${kind}/${name}`;
    const entry = wanted.get(id) ?? {kind, name, keys: new Set<string>(), mounted: new Set<string>()};
    wanted.set(id, entry);
    return entry;
  };
  for (const variable of api.spec.env ?? []) {
    const secret = variable.valueFrom?.secretKeyRef;
    const configMap = variable.valueFrom?.configMapKeyRef;
    for (const [kind, ref] of [
      ['Secret', secret],
      ['ConfigMap', configMap],
    ] as const) {
      if (ref === undefined) continue;
      entryOf(kind, ref.name).keys.add(ref.key);
    }
  }
  const {external} = api.spec.database;
  for (const account of [external?.credentialsSecretRef, external?.migrateCredentialsSecretRef]) {
    if (account === undefined) continue;
    const entry = entryOf('Secret', account.name);
    entry.keys.add(externalSecretKeys.username);
    entry.mounted.add(externalSecretKeys.password);
  }
  if (external !== undefined) entryOf('Secret', external.tlsSecretRef.name).mounted.add(externalSecretKeys.authority);
  return [...wanted.values()];
}

/** How the missing ones are told to a person. */
export function describeMissing(missing: readonly MissingReference[]): string {
  return missing
    .map(({kind, name, key}) =>
      key === undefined ? `${kind} "${name}" does not exist` : `${kind} "${name}" has no key "${key}"`,
    )
    .join('; ');
}

/**
 * Reads what env and an external database refer to, by name (Secrets are neither listed nor watched). A hash is keyed with a secret of the
 * resource's own, so that whoever reads a ControllerRevision can't try out weak values.
 *
 * @throws ApiError, also Forbidden where the namespace's Role is missing
 */
export async function readReferences(
  client: Pick<KubeClient, 'get'>,
  api: MaintenanceApi,
  hashKey: string,
): Promise<ReferenceSnapshot> {
  const hashes: Record<string, string> = {};
  const missing: MissingReference[] = [];
  const read = async ({kind, name, keys, mounted}: Wanted): Promise<void> => {
    const ref = kind === 'Secret' ? resources.secret : resources.configMap;
    const object = await client.get<DataObject>(ref, api.metadata.namespace, name);
    if (object === undefined) {
      missing.push({kind, name, key: undefined});
      return;
    }
    const entries = [...keys].sort().map((key) => [key, object.data?.[key]] as const);
    const needed = [...keys.union(mounted)].sort().filter((key) => object.data?.[key] === undefined);
    missing.push(...needed.map((key) => ({kind, name, key})));
    if (keys.size === 0) return;
    const mac = createHmac('sha256', hashKey).update(JSON.stringify(entries));
    hashes[`${kind}/${name}`] = mac.digest('hex').slice(0, 32);
  };
  await Promise.all(referencesOf(api).map(read));
  // Answers come in any order: without one of their own the words of a condition would move.
  const order = ({kind, name, key}: MissingReference): string => JSON.stringify([kind, name, key]);
  missing.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return {hashes, missing};
}

/** The Secrets that backups need and that somebody else makes, with the keys that its pod mounts: without one of them it would wait for ever. */
function backupReferencesOf({
  spec: {backup, database},
}: MaintenanceApi): readonly {readonly name: string; readonly keys: readonly string[]}[] {
  if (backup === undefined) return [];
  const {accessKeyId, authority, secretAccessKey} = backupSecretKeys;
  const {credentialsSecretRef, caSecretRef} = backup.destination.s3;
  const account = database.external?.backupCredentialsSecretRef;
  const {username, password} = externalSecretKeys;
  return [
    ...(account === undefined ? [] : [{name: account.name, keys: [username, password]}]),
    {name: credentialsSecretRef.name, keys: [accessKeyId, secretAccessKey]},
    ...(caSecretRef === undefined ? [] : [{name: caSecretRef.name, keys: [authority]}]),
    ...(backup.encryption === undefined
      ? []
      : [{name: backup.encryption.keysSecretRef.name, keys: [backup.encryption.activeKey]}]),
  ];
}

/**
 * What backups need and isn't there.
 *
 * @throws ApiError, also Forbidden where the namespace's Role is missing
 */
export async function readBackupReferences(
  client: Pick<KubeClient, 'get'>,
  api: MaintenanceApi,
): Promise<readonly MissingReference[]> {
  const missing: MissingReference[] = [];
  for (const {name, keys} of backupReferencesOf(api)) {
    const object = await client.get<DataObject>(resources.secret, api.metadata.namespace, name);
    if (object === undefined) missing.push({kind: 'Secret', name, key: undefined});
    else
      missing.push(
        ...keys.filter((key) => object.data?.[key] === undefined).map((key) => ({kind: 'Secret' as const, name, key})),
      );
  }
  return missing;
}
