import {readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {temporaryFolder} from '../../images/temporary.ts';
import {
  backupNow,
  backupTo,
  decryptObject,
  endedBackup,
  setCredentials,
  type EncryptedObject,
} from '../../../test/harness/cluster-backups.ts';
import {
  joinClusterStorage,
  startClusterStorage,
  storageImage,
  type ClusterStorage,
} from '../../../test/harness/cluster-storage.ts';
import {decryptPython} from '../../../test/harness/decrypt.ts';
import {BACKUP_OBJECT, expectThat, WHERE, type Step, type StepContext} from '../step.ts';
import {WRITES} from './kill.ts';

const BUCKET = 'backups';
const REQUEST = 'demo';
const TIMEOUT_MS = 180_000;

/** A storage in the cluster, its bucket, and a resource that is told to back up to it. */
async function withStorage({world}: StepContext): Promise<void> {
  const storage = await startClusterStorage(world, WHERE.namespace);
  try {
    await storage.buckets.createBucket(BUCKET);
    await setCredentials(world, WHERE.namespace, storage);
    await world.patchSpec(WHERE, backupTo(storage, BUCKET));
  } finally {
    await storage.close();
  }
}

/** @returns how many of the tasks are in the dump, decrypted without the operator */
async function restorable({world}: StepContext, object: EncryptedObject, tasks: readonly string[]): Promise<number> {
  const folder = await temporaryFolder('demo-backup');
  try {
    const dump = await readFile(await decryptObject(world, WHERE, object, folder), 'utf8');
    return tasks.filter((id) => dump.includes(id)).length;
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/** What the bucket has: the objects of one backup, none of a task readable in them, no upload left open. */
async function observeBucket(context: StepContext, storage: ClusterStorage, backup: Backup): Promise<Buffer> {
  const {world, say} = context;
  const keys = await storage.buckets.keys(BUCKET);
  const key = keys.find((name) => name.endsWith('/dump.sql.zst.encrypted'));
  expectThat(keys.length === 3 && key !== undefined, `the bucket has ${keys.join(', ') || 'nothing'}`);
  const open = await storage.buckets.openUploads(BUCKET);
  expectThat(open.length === 0, `uploads were left open: ${open.join(', ')}`);
  const object = await storage.buckets.get(BUCKET, key ?? '');
  say(`In the bucket: ${key ?? ''}, ${String(object.length)} bytes, encrypted`);
  say((await world.kubectl(['get', 'mapib', '-n', WHERE.namespace, backup.name])).trimEnd());
  await writeFile(join(world.artifacts, BACKUP_OBJECT), object);
  return object;
}

interface Backup {
  readonly name: string;
  readonly keyId: string;
}

async function listed({world}: StepContext): Promise<Backup> {
  const {status} = await world.waitApi(
    WHERE,
    'the backup that was asked for is listed',
    (api) => api.status?.backup?.request?.value === REQUEST,
    TIMEOUT_MS,
  );
  const name = status?.backup?.request?.backup ?? '';
  const {phase, message, keyId = ''} = await endedBackup(world, WHERE.namespace, name, TIMEOUT_MS);
  expectThat(phase === 'Succeeded', `backup ${name} is ${phase ?? 'unknown'}: ${message ?? ''}`);
  return {name, keyId};
}

/** A backup on demand, judged by the bucket and by a decryption without the operator. */
export const backupSteps: readonly Step[] = [
  {
    name: 'backup',
    title: 'Back up now to an S3 server in the cluster; the object is encrypted, and holds every acknowledged task',
    prepare: async (progress) => {
      await storageImage(progress);
      await decryptPython(progress);
    },
    cause: async (context) => {
      await withStorage(context);
      await backupNow(context.world, WHERE, REQUEST);
    },
    sabotage: withStorage,
    observe: async (context) => {
      const {world, say} = context;
      const backup = await listed(context);
      const storage = await joinClusterStorage(world, WHERE.namespace);
      try {
        const object = await observeBucket(context, storage, backup);
        const tasks = (await world.ledger(WHERE.namespace, WRITES.name)).flatMap((entry) => entry.id ?? []);
        const readable = tasks.filter((id) => object.includes(id)).length;
        expectThat(readable === 0, `${String(readable)} tasks can be read in the object`);
        const found = await restorable(context, {content: object, keyId: backup.keyId}, tasks);
        expectThat(tasks.length > 100, `only ${String(tasks.length)} tasks were acknowledged`);
        expectThat(found === tasks.length, `the backup lacks ${String(tasks.length - found)} acknowledged tasks`);
        say(`Decrypted without the operator (hack/decrypt.py): it has all ${String(found)} acknowledged tasks`);
      } finally {
        await storage.close();
      }
    },
  },
];
