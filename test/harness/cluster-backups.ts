import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {silentProgress} from '../../hack/lib/progress.ts';
import type {MaintenanceApiBackupStatus} from '../../operator/src/api/v1alpha1/index.ts';
import type {ClusterStorage} from './cluster-storage.ts';
import {decrypt} from './decrypt.ts';
import {waitFor} from './wait.ts';
import type {World} from './world.ts';

const CREDENTIALS = 'credentials';
const NOW = 'maintenance-api.io/backup-now';
const ANSWERED_MS = 60_000;

interface Where {
  readonly namespace: string;
  readonly name: string;
}

interface Backup {
  readonly metadata: {readonly name: string};
  readonly status?: MaintenanceApiBackupStatus;
}

/** Writes the Secret that {@link backupTo} names. @param secretAccessKey - the storage's own unless told */
export async function setCredentials(
  world: World,
  namespace: string,
  {credentials}: ClusterStorage,
  secretAccessKey: string = credentials.secretAccessKey,
): Promise<void> {
  await world.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {name: CREDENTIALS, namespace},
    data: {
      accessKeyId: Buffer.from(credentials.accessKeyId).toString('base64'),
      secretAccessKey: Buffer.from(secretAccessKey).toString('base64'),
    },
  });
}

/** The part of a spec that asks for backups to a bucket of a storage. */
export function backupTo({endpoint}: ClusterStorage, bucket: string): object {
  const s3 = {bucket, endpoint, forcePathStyle: true, credentialsSecretRef: {name: CREDENTIALS}};
  return {backup: {destination: {s3}}};
}

/**
 * Asks for a backup now, as a user does, by the annotation.
 *
 * @returns name of the MaintenanceApiBackup that it is answered by
 */
export async function backupNow(world: World, where: Where, value: string): Promise<string> {
  await world.kubectl(['annotate', '-n', where.namespace, '--overwrite', 'mapi', where.name, `${NOW}=${value}`]);
  const api = await world.waitApi(
    where,
    `backup-now=${value} is answered`,
    ({status}) => status?.backup?.request?.value === value,
    ANSWERED_MS,
  );
  return api.status?.backup?.request?.backup ?? '';
}

/** Waits until a MaintenanceApiBackup has succeeded or failed. */
export async function endedBackup(
  world: World,
  namespace: string,
  name: string,
  timeoutMs: number,
): Promise<MaintenanceApiBackupStatus> {
  return waitFor(
    `backup ${name} ended`,
    async () => {
      const backups = await world.list<Backup>('maintenanceapibackups', namespace);
      const found = backups.find(({metadata}) => metadata.name === name);
      if (['Succeeded', 'Failed'].includes(found?.status?.phase ?? '')) return found?.status;
      throw new Error(JSON.stringify(found?.status));
    },
    timeoutMs,
  );
}

/** An object of a bucket, and which key opens it, as the backup's status names it. */
export interface EncryptedObject {
  readonly content: Buffer;
  readonly keyId: string;
}

/**
 * Decrypts an object by the script that needs neither operator nor cluster, with the key that the resource's Secret has and
 * a user keeps elsewhere.
 *
 * @param folder - gets the key, the object, and what was encrypted
 * @returns path of what was encrypted
 */
export async function decryptObject(
  world: World,
  {namespace, name}: Where,
  {content, keyId}: EncryptedObject,
  folder: string,
): Promise<string> {
  const [key, input, output] = [join(folder, 'key'), join(folder, 'object'), join(folder, 'plain')];
  const secret = await world.get<{data: Record<string, string>}>('secret', `${name}-backup-keys`, namespace);
  await writeFile(key, Buffer.from(secret?.data[keyId] ?? '', 'base64'));
  await writeFile(input, content);
  await decrypt({id: keyId, file: key}, input, output, silentProgress);
  return output;
}
