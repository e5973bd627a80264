import {describe, expect, test} from '@jest/globals';
import {anError} from '../act/testing.ts';
import {requestedBackupName} from '../desired/index.ts';
import {minimalBackup} from '../desired/testing/scenarios.ts';
import {aBackup, aBackupPod, aJob, success} from './testing-backups.ts';
import {Stage} from './testing-stage.ts';

const START = '2026-03-02T02:00:00.000Z';

function backedUp(): Stage {
  const stage = new Stage({backup: minimalBackup});
  const data = {accessKeyId: 'YQ==', secretAccessKey: 'Yg=='};
  stage.server.objects.set('Secret/storage', {apiVersion: 'v1', kind: 'Secret', metadata: {name: 'storage'}, data});
  return stage;
}

function runSucceeded(stage: Stage): void {
  stage.server.objects.set('Job/shop-backup-1', aJob('shop-backup-1', {end: 'Complete'}));
  const pod = aBackupPod('shop-backup-1', {said: success(START, stage.api?.metadata.uid)});
  stage.server.objects.set('Pod/shop-backup-1-pod', pod);
}

const backupWrites = (stage: Stage): string[] => stage.writes.filter((line) => line.includes('MaintenanceApiBackup'));

describe('a resource with backups', () => {
  test('gets a CronJob, and says that its key is in the cluster alone until a copy is', async () => {
    const stage = backedUp();
    await stage.settle();
    expect(stage.writes).toContain('apply CronJob/shop-backup');
    expect(stage.condition('BackupReady')).toBe('False KeyOnlyInCluster');
    stage.edit({backup: minimalBackup}, {annotations: {'maintenance-api.io/key-saved': 'generated-1'}});
    await stage.settle();
    expect(stage.condition('BackupReady')).toBe('Unknown Observing');
    expect(stage.events).toContain('KeySaved');
  });

  test('says which Secret is missing, and sees when it is there', async () => {
    const stage = backedUp();
    const secret = stage.server.objects.get('Secret/storage');
    stage.server.objects.delete('Secret/storage');
    await stage.settle();
    expect(stage.condition('BackupReady')).toBe('False ReferenceMissing');
    expect(stage.condition('Ready')).not.toBe('False ReferenceMissing');
    if (secret) stage.server.objects.set('Secret/storage', secret);
    await stage.lookFor(65_000);
    expect(stage.condition('BackupReady')).toBe('False KeyOnlyInCluster');
  });

  test('lists a run that succeeded, tells of it, and then writes nothing more', async () => {
    const stage = backedUp();
    await stage.settle();
    runSucceeded(stage);
    await stage.lookFor(15_000);
    expect(stage.server.objects.get('MaintenanceApiBackup/shop-backup-1')).toMatchObject({
      metadata: {labels: {'maintenance-api.io/run': 'shop-backup-1', 'maintenance-api.io/owner': 'shop'}},
      spec: {maintenanceApi: 'shop'},
      status: {phase: 'Succeeded', bucket: 'backups', rows: 77},
    });
    expect(stage.api?.status?.backup?.last?.name).toBe('shop-backup-1');
    expect(stage.events.filter((reason) => reason.startsWith('Backup'))).toEqual(['BackupSucceeded']);
    stage.forgetWrites();
    await stage.lookFor(60_000);
    expect(stage.writes).toEqual([]);
  });

  test('lists it once, whoever dies between the two writes', async () => {
    const stage = backedUp();
    await stage.settle();
    runSucceeded(stage);
    stage.refuse = ({verb, object}) => {
      if (verb === 'patch' && object.startsWith('MaintenanceApiBackup/')) throw anError(503);
    };
    await stage.look();
    expect(stage.server.objects.get('MaintenanceApiBackup/shop-backup-1')).toMatchObject({
      spec: {maintenanceApi: 'shop'},
    });
    stage.refuse = () => undefined;
    await stage.lookFor(15_000);
    expect(backupWrites(stage).filter((line) => line.startsWith('create'))).toHaveLength(1);
    expect(stage.server.objects.get('MaintenanceApiBackup/shop-backup-1')).toMatchObject({
      status: {phase: 'Succeeded'},
    });
  });

  test('answers backup-now once for each value', async () => {
    const stage = backedUp();
    await stage.settle();
    const ask = (value: string): void =>
      stage.edit({backup: minimalBackup}, {annotations: {'maintenance-api.io/backup-now': value}});
    ask('1');
    await stage.lookFor(30_000);
    const name = requestedBackupName({name: 'shop', uid: stage.api?.metadata.uid ?? ''}, '1');
    expect(stage.api?.status?.backup?.request).toMatchObject({value: '1', backup: name});
    expect(stage.events.filter((reason) => reason === 'BackupRequested')).toHaveLength(1);
    // A person removed it: what was answered is answered.
    stage.server.objects.delete(`MaintenanceApiBackup/${name}`);
    stage.forgetWrites();
    await stage.lookFor(30_000);
    expect(backupWrites(stage)).toEqual([]);
    ask('2');
    await stage.lookFor(30_000);
    expect(backupWrites(stage).filter((line) => line.startsWith('create'))).toHaveLength(1);
  });

  test('does not call answered what the API server refuses, and asks a few times a minute', async () => {
    const stage = backedUp();
    await stage.settle();
    stage.refuse = ({verb, object}) => {
      if (verb === 'create' && object.startsWith('MaintenanceApiBackup/')) throw anError(403, 'Forbidden');
    };
    stage.edit({backup: minimalBackup}, {annotations: {'maintenance-api.io/backup-now': '1'}});
    stage.forgetWrites();
    await stage.lookFor(300_000);
    expect(stage.api?.status?.backup?.request).toBeUndefined();
    expect(backupWrites(stage).length).toBeLessThanOrEqual(5);
  });

  test('lets a wish wait until the database is ready', async () => {
    const stage = backedUp();
    stage.server.objects.set('MaintenanceApiBackup/mine', aBackup('mine'));
    await stage.settle();
    expect(stage.server.objects.get('MaintenanceApiBackup/mine')).toMatchObject({
      status: {phase: 'Pending', message: 'The database is not ready'},
    });
    expect(stage.writes).not.toContainEqual(expect.stringContaining('Job/shop-backup-'));
  });

  test('of a resource that is gone: who waits for it is told', async () => {
    const stage = backedUp();
    stage.api = undefined;
    stage.server.objects.set('MaintenanceApiBackup/mine', aBackup('mine'));
    await stage.look();
    await stage.look();
    expect(stage.server.objects.get('MaintenanceApiBackup/mine')).toMatchObject({
      status: {phase: 'Pending', message: 'MaintenanceApi "shop" does not exist'},
    });
    expect(backupWrites(stage)).toHaveLength(1);
  });
});

test('a resource without backups says so', async () => {
  const stage = new Stage();
  await stage.settle();
  expect(stage.condition('BackupReady')).toBe('False NoBackups');
  expect(stage.writes).not.toContainEqual(expect.stringContaining('CronJob'));
});
