import type {MaintenanceApiBackupStatus} from '../../operator/src/api/v1alpha1/index.ts';
import type {ClusterStorage} from './cluster-storage.ts';
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

/**
 * A key of backups as the Secret of the resource has it, which a user keeps elsewhere.
 *
 * @param keyId - as the backup's status names it
 */
export async function backupKey(world: World, {namespace, name}: Where, keyId: string): Promise<Buffer> {
  const secret = await world.get<{data: Record<string, string>}>('secret', `${name}-backup-keys`, namespace);
  return Buffer.from(secret?.data[keyId] ?? '', 'base64');
}
