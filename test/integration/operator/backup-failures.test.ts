import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {resources, type MaintenanceApiBackupStatus} from '../../../operator/src/api/v1alpha1/index.ts';
import type {RunResult} from '../../../operator/src/api/v1alpha1/backup-run.ts';
import type {KubeObject} from '../../../operator/src/runtime/index.ts';
import {FaultRecord} from '../../harness/fault-table.ts';
import {startS3, type S3Server} from '../../harness/s3.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import type {SimulatedBackup} from '../../harness/simulated-backup.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';
import {backupFaults, BUCKET, LARGE} from '../backup/faults.ts';
import {BackupStage} from '../backup/stage.ts';
import {createWithBackup} from './backed-up.ts';
import {ended, requestsOfAMinute, STATE_TIMEOUT_MS, tells, type Told} from './standing-faults.ts';

/*
 * Backups that fail, from the real program on a real database and a real storage to the condition of the resource: what the
 * program said is what its pods say on a real API server with the real Job controller. Only the kubelet is played.
 */
const STORY_TIMEOUT_MS = 500_000;
const NEVER = '0 0 31 2 *';

let world: Simulation;
let stage: BackupStage;
let s3: S3Server;
/** What the program came to. */
const said = new Map<string, RunResult | undefined>();

interface Fault {
  /** How its pods end. */
  readonly end: () => SimulatedBackup;
  readonly told: Told;
  readonly cured: string;
}

const cures: Readonly<Record<string, string>> = {
  'mysqldump is killed half-way': 'the next run',
  'the account lacks TRIGGER': 'the account has it again, and the next run',
  'another one is under way': 'the other one ended, and the next run',
  'it is told to end': 'the next run',
  'the disk that its containers share is full': 'the node has room, and the next run',
  'the storage breaks the connection half-way': 'the storage answers, and the next run',
  'the storage refuses to put the parts together': 'the storage takes the credentials, and the next run',
  'only the last object is refused': 'the storage answers, and the next run',
  'the storage has no room': 'there is room, and the next run',
  'the bucket does not exist': 'the bucket is made, and the next run',
  'the credentials have a wrong secret': 'the Secret is mended, and the next run',
};

const faults: Readonly<Record<string, Fault>> = {
  ...Object.fromEntries(
    Object.entries(backupFaults).map(([name, {reason, message}]): [string, Fault] => [
      name,
      {
        end: () => ({phase: 'Failed', said: () => ({...said.get(name)})}),
        told: [`BackupReady False ${reason}`, message],
        cured: cures[name] ?? '',
      },
    ]),
  ),
  'the node evicts each of its pods': {
    end: () => ({phase: 'Failed', evicted: 'The node was low on resource: memory.'}),
    told: ['BackupReady False Evicted', 'Pod "tasks-backup-', 'The node was low on resource: memory.'],
    cured: 'the node is well, and the next run',
  },
};

const record = new FaultRecord(
  'backups',
  {title: 'There is no backup', test: 'test/integration/operator/backup-failures.test.ts'},
  Object.keys(faults),
);

interface Backup extends KubeObject {
  status?: MaintenanceApiBackupStatus;
}

/** Asks for a backup, and waits until it is over. */
async function made(
  namespace: string,
  name: string,
  phase: 'Succeeded' | 'Failed',
): Promise<MaintenanceApiBackupStatus> {
  await world.client.create(resources.maintenanceApiBackup, namespace, {
    apiVersion: 'maintenance-api.io/v1alpha1',
    kind: 'MaintenanceApiBackup',
    metadata: {name, namespace},
    spec: {maintenanceApi: 'tasks'},
  });
  return waitFor(
    `${namespace}: backup ${name} is ${phase}`,
    async () => {
      const found = await world.client.get<Backup>(resources.maintenanceApiBackup, namespace, name);
      if (found?.status?.phase === phase) return found.status;
      throw new Error(JSON.stringify(found?.status));
    },
    STATE_TIMEOUT_MS,
  );
}

/** The program again, now that nothing is wrong. */
async function succeeds(namespace: string, uid: string): Promise<SimulatedBackup> {
  const run = await stage.run(s3, {env: {BACKUP_NAMESPACE: namespace, BACKUP_UID: uid}});
  const result = await run.result();
  expect(result).toMatchObject({outcome: 'Succeeded'});
  return {phase: 'Succeeded', said: () => ({...result})};
}

async function play(namespace: string, cause: string, {end, told, cured}: Fault): Promise<void> {
  const scene = await world.scene(namespace, 0);
  await createWithBackup(world, namespace, {schedule: NEVER, bucket: BUCKET});
  scene.backup = end();
  const failed = await made(namespace, 'failing', 'Failed');
  expect(`BackupReady False ${failed.reason ?? ''}`).toBe(told[0]);
  expect(failed.manifestKey).toBeUndefined();
  await world.until(namespace, told.join(', '), (api) => tells(api, told), STATE_TIMEOUT_MS);
  const requests = await requestsOfAMinute(world, namespace);
  const seen = await world.api(namespace);
  expect(tells(seen, told)).toBe(true);
  expect(seen.status?.backup?.last).toBeUndefined();
  // The service itself is well.
  expect(conditionOf(seen, 'Available')).toBe('True Available');
  scene.backup = await succeeds(namespace, seen.metadata.uid);
  const over = async (): Promise<void> => {
    await made(namespace, 'again', 'Succeeded');
    await world.until(
      namespace,
      'the backup is what the condition goes by',
      (api) => conditionOf(api, 'BackupReady') === 'False KeyOnlyInCluster',
      STATE_TIMEOUT_MS,
    );
  };
  await ended(record, {cause, told, seen, requests, cured, end: over});
}

beforeAll(async () => {
  [stage, s3] = await Promise.all([BackupStage.start(), startS3()]);
  await s3.createBucket(BUCKET);
  await stage.addIncompressible(LARGE.count, LARGE.bytes);
  for (const [name, {run}] of Object.entries(backupFaults)) said.set(name, await run(stage, s3));
  // Whatever went wrong: nothing is there that could be taken for a backup, and nothing takes up room.
  expect([await s3.keys(BUCKET), await s3.openUploads(BUCKET)]).toEqual([[], []]);
}, STORY_TIMEOUT_MS);

sideBySide(
  'there is no backup, and the condition says why, when',
  {
    start: async () => {
      world = await Simulation.start();
      world.startOperator();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  Object.fromEntries(
    Object.entries(faults).map(([name, fault], index) => [name, () => play(`no-backup-${String(index)}`, name, fault)]),
  ),
);

test('of all of them the storage has what succeeded, and nothing else', async () => {
  expect(await s3.keys(BUCKET)).toHaveLength(3 * Object.keys(faults).length);
  expect(await s3.openUploads(BUCKET)).toEqual([]);
});

test('the page has each of these faults, and no other', () => {
  record.holdWhole();
});

afterAll(async () => {
  await world.stop();
  await s3.stop();
  await stage.stop();
});
