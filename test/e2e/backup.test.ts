import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {readFile, rm} from 'node:fs/promises';
import {temporaryFolder} from '../../hack/images/temporary.ts';
import {run} from '../../hack/lib/exec.ts';
import type {MaintenanceApiBackupStatus} from '../../operator/src/api/v1alpha1/index.ts';
import {backupNow, backupTo, decryptObject, endedBackup, setCredentials} from '../harness/cluster-backups.ts';
import {startClusterStorage, type ClusterStorage} from '../harness/cluster-storage.ts';
import {mysqlCommand, ROOT_ACCOUNT} from '../harness/mysql-programs.ts';
import {startMysqld} from '../harness/mysqld.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';

/*
 * Backups as a user has them: the real CronJob, pods, storage, key; restored by a script without operator and cluster. Then
 * a wrong credential and a bucket that is missing: nothing is listed, nothing is left behind, and the condition says why.
 */
const WHERE = {namespace: 'backup', name: 'tasks'} as const;
const BUCKET = 'backups';
const MARKER = 'plaintext-marker-7c21';
const TIMEOUT_MS = 300_000;
/** What the bucket has of each backup. */
const FILES = ['dump.sql.zst.encrypted', 'manifest.json.encrypted', 'stub.json'] as const;
const ROWS = 'SELECT id, title, description, status, version FROM tasks ORDER BY id';

let world: World;
let storage: ClusterStorage;
let folder: string;

/** Asks for a backup now. @returns how it ended */
async function ended(value: string): Promise<MaintenanceApiBackupStatus & {readonly name: string}> {
  const name = await backupNow(world, WHERE, value);
  return {name, ...(await endedBackup(world, WHERE.namespace, name, TIMEOUT_MS))};
}

const folderOf = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1);

interface Job {
  readonly status: {
    readonly succeeded?: number;
    readonly failed?: number;
  };
}

interface BackupPod {
  readonly metadata: {readonly name: string};
  readonly status: {readonly containerStatuses?: readonly {readonly name: string; readonly state: object}[]};
}

/** Requests to the storage wait while something is done. */
async function whileStorageHangs<T>(work: () => Promise<T>): Promise<T> {
  const main = [WHERE.namespace, 'storage', 'storage'] as const;
  await world.signalContainer(...main, 'SIGSTOP');
  try {
    return await work();
  } finally {
    await world.signalContainer(...main, 'SIGCONT');
  }
}

/** The pod of a backup, when the program that stores it runs. @returns its name */
async function runningPod(): Promise<string> {
  return waitFor(
    'a backup is being made',
    async () => {
      const pods = await world.list<BackupPod>('pods', WHERE.namespace, 'app.kubernetes.io/component=backup');
      const running = pods.find(({status}) =>
        status.containerStatuses?.some(({name, state}) => name === 'backup' && 'running' in state),
      );
      if (running !== undefined) return running.metadata.name;
      throw new Error(JSON.stringify(pods.map(({status}) => status.containerStatuses)));
    },
    TIMEOUT_MS,
  );
}

/** Evicts a pod as a drain does, and waits until it is gone. */
async function evict(pod: string): Promise<void> {
  const path = `/api/v1/namespaces/${WHERE.namespace}/pods/${pod}/eviction`;
  const eviction = {apiVersion: 'policy/v1', kind: 'Eviction', metadata: {name: pod, namespace: WHERE.namespace}};
  await world.kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
  await world.kubectl(['wait', '-n', WHERE.namespace, '--for=delete', `pod/${pod}`, '--timeout=300s']);
}

/** Waits until a Job is complete. @param name - of it */
async function complete(name: string): Promise<Job['status'] | undefined> {
  await world.kubectl(['wait', '-n', WHERE.namespace, '--for=condition=Complete', `job/${name}`, '--timeout=300s']);
  return (await world.get<Job>('job', name, WHERE.namespace))?.status;
}

beforeAll(async () => {
  world = await World.join('e2e');
  folder = await temporaryFolder('backup-story');
  await world.createNamespace(WHERE.namespace);
  await world.apply(world.maintenanceApi(WHERE.namespace, WHERE.name, {replicas: 1, autoscaling: undefined}));
  storage = await startClusterStorage(world, WHERE.namespace);
  await storage.buckets.createBucket(BUCKET);
  await setCredentials(world, WHERE.namespace, storage);
  await world.patchSpec(WHERE, backupTo(storage, BUCKET));
  await world.waitReady(WHERE, TIMEOUT_MS);
  await world.query(
    WHERE,
    `INSERT INTO tasks (id, title, description, status, created_at, updated_at, version)
     VALUES (UUID(), '${MARKER}', 'it''s; \\\\ -- ünï', 'open', NOW(3), NOW(3), 1), (UUID(), 'two', '', 'done', NOW(3), NOW(3), 2)`,
  );
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  await storage.close();
  await rm(folder, {recursive: true, force: true});
  await world.leave(WHERE.namespace);
}, 60_000);

/** Loads a dump into a new server. @returns the rows of its tasks, as the client prints them */
async function restored(dump: string): Promise<string[]> {
  const mysqld = await startMysqld();
  try {
    const options = [
      '--host',
      mysqld.host,
      '--port',
      String(mysqld.port),
      '--user',
      ROOT_ACCOUNT.user,
      '--default-character-set=utf8mb4',
      '-N',
      '-B',
    ];
    const env = {...process.env, MYSQL_PWD: ROOT_ACCOUNT.password};
    await run(await mysqlCommand('mysql', [...options, '-e', 'CREATE DATABASE restored']), {env});
    const load = ['sh', '-c', 'dump=$1; shift; exec "$@" <"$dump"', 'sh', dump] as const;
    await run([...load, ...(await mysqlCommand('mysql', [...options, 'restored']))], {env});
    const {stdout} = await run(await mysqlCommand('mysql', [...options, 'restored', '-e', ROWS]), {env});
    return stdout.split('\n').filter((line) => line !== '');
  } finally {
    await mysqld.stop();
  }
}

describe('a backup now', () => {
  test(
    'is listed, is encrypted, and restores without us to the same rows',
    async () => {
      const {name, ...status} = await ended('first');
      expect(status).toMatchObject({phase: 'Succeeded', bucket: BUCKET});
      expect(await world.kubectl(['get', '-n', WHERE.namespace, 'mapib', name])).toMatch(/ +Succeeded +/);
      const {manifestKey = '', keyId = ''} = status;
      const own = folderOf(manifestKey);
      const keys = await storage.buckets.keys(BUCKET);
      expect(keys).toEqual(FILES.map((file) => `${own}${file}`));
      for (const key of keys) expect((await storage.buckets.get(BUCKET, key)).includes(MARKER)).toBe(false);
      expect(await storage.buckets.openUploads(BUCKET)).toEqual([]);

      const dump = await decryptObject(
        world,
        WHERE,
        {content: await storage.buckets.get(BUCKET, `${own}dump.sql.zst.encrypted`), keyId},
        folder,
      );
      expect((await readFile(dump)).includes(MARKER)).toBe(true);
      const rows = await world.query(WHERE, ROWS);
      expect(rows.join('\n')).toContain(MARKER);
      expect(await restored(dump)).toEqual(rows);

      const api = await world.waitApi(
        WHERE,
        'the backup is the newest one',
        ({status: is}) => is?.backup?.last?.name === name,
        60_000,
      );
      const ready = api.status?.conditions?.find(({type}) => type === 'BackupReady');
      expect(ready).toMatchObject({status: 'False', reason: 'KeyOnlyInCluster'});
      await world.kubectl([
        ...['annotate', '-n', WHERE.namespace, 'mapi', WHERE.name],
        `maintenance-api.io/key-saved=${keyId}`,
      ]);
      await world.waitApi(
        WHERE,
        'BackupReady',
        ({status: is}) =>
          is?.conditions?.some(({type, status: holds}) => type === 'BackupReady' && holds === 'True') === true,
        60_000,
      );
      // The schedule has what a run by hand has.
      const cron = await world.get<{spec: {jobTemplate: {spec: object}}}>('cronjob', 'tasks-backup', WHERE.namespace);
      const [job] = await world.list<{spec: object}>('jobs', WHERE.namespace);
      const podOf = (spec: object | undefined) => (spec as {template?: {spec?: object}} | undefined)?.template?.spec;
      expect(podOf(cron?.spec.jobTemplate.spec)).toEqual(podOf(job?.spec));
    },
    TIMEOUT_MS,
  );
});

describe('a backup whose pod is evicted while another one waits', () => {
  test(
    'is made by another pod, then the other one, each listed once, and nothing is left open',
    async () => {
      const before = await storage.buckets.keys(BUCKET);
      const names = await whileStorageHangs(async () => {
        const name = await backupNow(world, WHERE, 'evicted');
        await world.apply({
          ...{apiVersion: 'maintenance-api.io/v1alpha1', kind: 'MaintenanceApiBackup'},
          ...{metadata: {name: 'by-hand', namespace: WHERE.namespace}, spec: {maintenanceApi: WHERE.name}},
        });
        await evict(await runningPod());
        return [name, 'by-hand'];
      });
      const ends = await Promise.all(names.map((name) => endedBackup(world, WHERE.namespace, name, 2 * TIMEOUT_MS)));
      expect(ends.map(({phase}) => phase)).toEqual(['Succeeded', 'Succeeded']);
      const jobs = await Promise.all(ends.map(({job = ''}) => complete(job)));
      // The first one took another pod, and the second waited for it.
      expect(jobs).toMatchObject([{succeeded: 1, failed: 1}, {succeeded: 1}]);
      const [first, second] = ends;
      expect(Date.parse(second?.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(first?.completedAt ?? ''));
      const added = (await storage.buckets.keys(BUCKET)).filter((key) => !before.includes(key));
      expect(added).toHaveLength(2 * FILES.length);
      expect([...new Set(added.map(folderOf))].sort()).toEqual(
        ends.map(({manifestKey = ''}) => folderOf(manifestKey)).sort(),
      );
      expect(await storage.buckets.openUploads(BUCKET)).toEqual([]);
    },
    3 * TIMEOUT_MS,
  );
});

describe('without a backup', () => {
  let before: readonly string[];

  beforeAll(async () => {
    before = await storage.buckets.keys(BUCKET);
  });

  test.each([
    ['wrong credentials', 'CredentialsRefused', BUCKET, 'wrong'],
    ['a bucket that is missing', 'BucketMissing', 'nowhere', undefined],
  ])(
    '%s is what the condition names, and nothing is left behind',
    async (what, reason, bucket, secret) => {
      await setCredentials(world, WHERE.namespace, storage, secret);
      await world.patchSpec(WHERE, backupTo(storage, bucket));
      const status = await ended(what.replaceAll(' ', '-'));
      expect(status).toMatchObject({phase: 'Failed', reason, message: expect.stringContaining(bucket)});
      expect(status.manifestKey).toBeUndefined();
      const api = await world.waitApi(
        WHERE,
        `BackupReady says ${reason}`,
        ({status: is}) => is?.conditions?.some(({reason: said}) => said === reason) === true,
        60_000,
      );
      const condition = api.status?.conditions?.find(({type}) => type === 'BackupReady');
      expect(condition).toMatchObject({status: 'False', message: expect.stringContaining(bucket)});
      expect(await storage.buckets.keys(BUCKET)).toEqual(before);
      expect(await storage.buckets.openUploads(BUCKET)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
