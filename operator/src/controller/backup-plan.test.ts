import {describe, expect, test} from '@jest/globals';
import type {MaintenanceApi, MaintenanceApiBackupStatus} from '../api/v1alpha1/index.ts';
import {maintenanceApiBackupStatus, maintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {requestedBackupName} from '../desired/index.ts';
import type {KubeObject} from '../runtime/index.ts';
import {planBackups, type BackupsPlan} from './backup-plan.ts';
import {backupRuns} from './backup-runs.ts';
import {
  aBackup,
  aBackupPod,
  aJob,
  backedUp,
  cachedBackup,
  cachedJob,
  cachedPod,
  success,
  UID,
} from './testing-backups.ts';

const NOW = Date.parse('2026-03-02T12:00:00Z');
const DAY_MS = 86_400_000;

interface World {
  readonly api?: MaintenanceApi;
  readonly jobs?: readonly KubeObject[];
  readonly pods?: readonly KubeObject[];
  readonly backups?: readonly KubeObject[];
  readonly hindrance?: string;
}

function plan({api = backedUp(), jobs = [], pods = [], backups = [], hindrance}: World = {}): BackupsPlan {
  const made = planBackups({
    ...{api, now: NOW, keyId: 'generated-1', hindrance},
    runs: backupRuns(jobs.map(cachedJob), pods.map(cachedPod)),
    backups: backups.map(cachedBackup),
  });
  for (const {status} of made.patches) expect(maintenanceApiBackupStatus.parse(status)).toEqual(status);
  if (made.status !== undefined) expect(maintenanceApiStatus.parse({backup: made.status}).backup).toEqual(made.status);
  return made;
}

const START = '2026-03-02T02:00:00.000Z';
const succeeded = (name: string, startedAt: string, uid = UID): KubeObject => {
  const {finishedAt: completedAt, outcome: _outcome, ...facts} = success(startedAt, uid);
  return aBackup(name, {phase: 'Succeeded', job: name, bucket: 'backups', ...facts, completedAt});
};
const patchOf = ({patches}: BackupsPlan, name: string): MaintenanceApiBackupStatus | undefined =>
  patches.find(({backup}) => backup.name === name)?.status;

describe('a run of the schedule', () => {
  const done = {
    jobs: [aJob('shop-backup-1', {end: 'Complete'})],
    pods: [aBackupPod('shop-backup-1', {said: success(START)})],
  };

  test('that succeeded is listed, once', () => {
    expect(plan(done).create).toEqual([{name: 'shop-backup-1', labels: {'maintenance-api.io/run': 'shop-backup-1'}}]);
    expect(plan({...done, backups: [succeeded('shop-backup-1', START)]})).toMatchObject({create: [], patches: []});
  });

  test('is told by what was listed, also when its maker died before it said more', () => {
    const listed = aBackup('shop-backup-1', undefined, {labels: {'maintenance-api.io/run': 'shop-backup-1'}});
    const told = plan({...done, backups: [listed]});
    expect(told.create).toEqual([]);
    expect(told.start).toBeUndefined();
    expect(patchOf(told, 'shop-backup-1')).toEqual({
      ...{phase: 'Succeeded', job: 'shop-backup-1', id: 'pod-uid', bucket: 'backups', keyId: 'generated-1'},
      manifestKey: `apis/shop/${UID}/pod-uid/manifest.json.encrypted`,
      ...{bytes: 1000, dumpBytes: 9000, tables: 3, rows: 77},
      ...{startedAt: START, completedAt: '2026-03-02T02:01:00.000Z'},
    });
    // Without its Job nobody knows: it is no backup, and no wish for one.
    const lost = plan({backups: [listed]});
    expect(patchOf(lost, 'shop-backup-1')).toMatchObject({phase: 'Failed', reason: 'RunLost'});
    expect(lost.start).toBeUndefined();
  });

  test('is not listed while it runs, when it failed, or when it is of a deleted resource of this name', () => {
    expect(plan({jobs: [aJob('j')]}).create).toEqual([]);
    const failed = aBackupPod('j', {said: {outcome: 'Failed', reason: 'StorageFull', message: 'no room'}});
    const told = plan({jobs: [aJob('j', {end: 'Failed'})], pods: [failed]});
    expect(told.create).toEqual([]);
    expect(told.status?.lastFailure).toEqual({
      ...{job: 'j', time: '2026-03-02T02:05:00Z', reason: 'StorageFull', message: 'no room'},
    });
    const other = aBackupPod('j', {said: success(START, 'another-uid')});
    expect(plan({jobs: [aJob('j', {end: 'Complete'})], pods: [other]}).create).toEqual([]);
  });
});

describe('a MaintenanceApiBackup that somebody made', () => {
  const wish = aBackup('mine');

  test('is run, one after the other, the oldest first', () => {
    const later = aBackup('later', undefined, {creationTimestamp: '2026-03-01T00:00:05Z'});
    expect(plan({backups: [later, wish]}).start).toMatchObject({name: 'mine'});
    const running = plan({backups: [later, wish], jobs: [aJob('j', {backup: 'uid-of-mine'})]});
    expect(running.start).toBeUndefined();
    expect(patchOf(running, 'mine')).toEqual({phase: 'Running', job: 'j', startedAt: '2026-03-02T02:00:00Z'});
    expect(patchOf(running, 'later')).toEqual({phase: 'Pending', message: 'Job "j" runs'});
  });

  test('waits as long as something hinders it, and says what', () => {
    const told = plan({backups: [wish], hindrance: 'the database is not ready'});
    expect(told.start).toBeUndefined();
    expect(patchOf(told, 'mine')).toEqual({phase: 'Pending', message: 'the database is not ready'});
  });

  test('says why it failed, and that is the last word', () => {
    const job = aJob('j', {backup: 'uid-of-mine', end: 'Failed'});
    const pods = [aBackupPod('j', {said: {outcome: 'Failed', reason: 'CredentialsRefused', message: 'Bucket "b"'}})];
    const told = plan({backups: [wish], jobs: [job], pods});
    const status = patchOf(told, 'mine');
    expect(status).toMatchObject({phase: 'Failed', reason: 'CredentialsRefused', message: 'Bucket "b"'});
    expect(plan({backups: [aBackup('mine', status)], jobs: [job], pods})).toMatchObject({
      patches: [],
      start: undefined,
    });
    // Its Job may go.
    expect(plan({backups: [aBackup('mine', status)]})).toMatchObject({patches: [], start: undefined});
    expect(plan({backups: [aBackup('mine', status)]}).status?.lastFailure).toEqual(told.status?.lastFailure);
  });

  test('whose Job is gone before its result was read has failed, and is not run again', () => {
    const told = plan({backups: [aBackup('mine', {phase: 'Running', job: 'j'})]});
    expect(told.start).toBeUndefined();
    expect(patchOf(told, 'mine')).toMatchObject({phase: 'Failed', job: 'j', reason: 'RunLost'});
  });

  test('is left alone while it is being deleted', () => {
    const deleting = aBackup('mine', undefined, {deletionTimestamp: '2026-03-02T00:00:00Z'});
    expect(plan({backups: [deleting]})).toMatchObject({patches: [], start: undefined});
  });
});

describe('the annotation backup-now', () => {
  const asking = (value: string, status?: MaintenanceApi['status'], backup?: object): World => ({
    api: backedUp({annotations: {'maintenance-api.io/backup-now': value}}, status, backup),
  });
  const name = requestedBackupName(backedUp().metadata, 'monday');

  test('is answered once for each value', () => {
    const first = plan(asking('monday'));
    expect(first.create).toEqual([{name, labels: {}}]);
    expect(first.status?.request).toEqual({value: 'monday', backup: name, time: '2026-03-02T12:00:00Z'});
    const again = plan(
      asking('monday', {backup: {request: {value: 'monday', backup: name, time: '2026-03-01T00:00:00Z'}}}),
    );
    expect(again.create).toEqual([]);
    expect(again.status?.request?.time).toBe('2026-03-01T00:00:00Z');
    const other = plan(asking('tuesday', {backup: {request: {value: 'monday', backup: name, time: START}}}));
    expect(other.create.map((made) => made.name)).not.toContain(name);
    expect(other.create).toHaveLength(1);
  });

  test('gets the same name when its maker died before the answer was written', () => {
    expect(plan(asking('monday')).create).toEqual(plan(asking('monday')).create);
  });

  test('waits for a spec that says where to', () => {
    const {api = backedUp()} = asking('monday');
    expect(plan({api: {...api, spec: {...api.spec, backup: undefined}}})).toMatchObject({
      create: [],
      status: undefined,
    });
  });
});

describe("the resource's own status", () => {
  test('tells of the newest backup of its own, and when the next is due', () => {
    const backups = [
      succeeded('old', '2026-02-28T02:00:00.000Z'),
      succeeded('new', '2026-03-01T02:00:00.000Z'),
      succeeded('foreign', START, 'another-uid'),
    ];
    expect(plan({backups}).status).toEqual({
      last: {
        ...{name: 'new', startedAt: '2026-03-01T02:00:00.000Z', completedAt: '2026-03-01T02:01:00.000Z'},
        ...{manifestKey: `apis/shop/${UID}/pod-uid/manifest.json.encrypted`, keyId: 'generated-1'},
      },
      next: '2026-03-03T02:00:00Z',
      keyId: 'generated-1',
    });
    const suspended = backedUp({}, undefined, {suspend: true});
    expect(plan({backups, api: suspended}).status?.next).toBeUndefined();
  });

  test('says that the generated key was saved, and only that one', () => {
    const saving = (id: string) => plan({api: backedUp({annotations: {'maintenance-api.io/key-saved': id}})}).status;
    expect(saving('generated-1')?.keySaved).toBe('generated-1');
    expect(saving('generated-0')?.keySaved).toBeUndefined();
  });

  test('lists what retention does not ask for any more, and keeps the newest however old they are', () => {
    const of = (days: number): KubeObject =>
      succeeded(`b-${String(days)}`, new Date(NOW - days * DAY_MS).toISOString());
    const listed = (keepAtLeast: number, ...days: number[]) =>
      plan({
        api: backedUp({}, undefined, {retention: {days: 30, keepAtLeast}}),
        backups: days.map(of),
      }).status;
    expect(listed(3, 1, 2, 29, 31, 40)).toMatchObject({expired: ['b-40', 'b-31'], expiredCount: 2});
    expect(listed(4, 1, 2, 29, 31, 40)).toMatchObject({expired: ['b-40'], expiredCount: 1});
    expect(listed(3, 40, 50, 60)?.expired).toBeUndefined();
    const many = listed(1, ...Array.from({length: 70}, (_, index) => index + 31));
    expect(many?.expired).toHaveLength(50);
    expect(many?.expired?.[0]).toBe('b-100');
    expect(many?.expiredCount).toBe(69);
  });

  test('keeps the last failure when its Job is gone, until a newer one', () => {
    const lastFailure = {job: 'j', time: '2026-03-01T02:05:00Z', reason: 'StorageFull' as const, message: 'no room'};
    expect(plan({api: backedUp({}, {backup: {lastFailure}})}).status?.lastFailure).toEqual(lastFailure);
    const jobs = [aJob('k', {end: 'Failed', reason: 'DeadlineExceeded', message: 'too long'})];
    expect(plan({api: backedUp({}, {backup: {lastFailure}}), jobs}).status?.lastFailure?.job).toBe('k');
  });
});
