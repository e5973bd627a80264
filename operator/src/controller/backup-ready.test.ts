import {describe, expect, test} from '@jest/globals';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {backupReady, lastAsked, type BackupReadyInput} from './backup-ready.ts';
import {backupRuns} from './backup-runs.ts';
import {aBackupPod, aJob, backedUp, cachedJob, cachedPod} from './testing-backups.ts';

const NOW = Date.parse('2026-03-02T12:00:00Z');
const last = {
  ...{name: 'b', startedAt: '2026-03-02T02:00:05.000Z', completedAt: '2026-03-02T02:01:00.000Z'},
  ...{manifestKey: 'k', keyId: 'own'},
};
const lastFailure = {job: 'j', time: '2026-03-02T02:05:00Z', reason: 'BucketMissing' as const, message: 'Bucket "x"'};
const OWN_KEY = {encryption: {keysSecretRef: {name: 'keys'}, activeKey: 'own'}};

function answer(change: Partial<BackupReadyInput> = {}): {short: string; message: string} {
  const {status, reason, message} = backupReady({
    ...{api: backedUp({}, undefined, OWN_KEY), now: NOW, runs: [], status: {last, keyId: 'own'}},
    ...{scheduledSince: Date.parse('2026-01-01T00:00:00Z'), imageKnown: true, problem: undefined, refused: undefined},
    ...change,
  });
  return {short: `${status} ${reason}`, message};
}

describe('BackupReady', () => {
  test('is true while the newest backup is the one that the schedule asked for last', () => {
    expect(answer().short).toBe('True BackupReady');
  });

  const waiting = {waiting: {reason: 'ImagePullBackOff', message: 'no such image'}};
  const stuck = aBackupPod('j', {status: {containerStatuses: [{name: 'backup', restartCount: 0, state: waiting}]}});

  test.each<[string, Partial<BackupReadyInput>, string, string]>([
    ['nothing is asked for', {api: aMaintenanceApi()}, 'False NoBackups', 'spec.backup'],
    ['the image is not known', {imageKnown: false}, 'False ImageUnknown', 'OPERATOR_IMAGE'],
    ['a Secret is missing', {problem: 'Secret "x" does not exist'}, 'False ReferenceMissing', 'Secret "x"'],
    ['the CronJob was refused', {refused: 'CronJob "x" was refused'}, 'False ApplyRefused', 'CronJob "x"'],
    [
      'an image can not be pulled',
      {runs: backupRuns([cachedJob(aJob('j'))], [cachedPod(stuck)])},
      'False ImagePullFailed',
      'no such image',
    ],
    ['the last run failed', {status: {last, lastFailure}}, 'False BucketMissing', 'Bucket "x"'],
    ['every run failed', {status: {lastFailure}}, 'False BucketMissing', 'There is no backup'],
    [
      'the schedule is suspended',
      {api: backedUp({}, undefined, {...OWN_KEY, suspend: true})},
      'False BackupsSuspended',
      'suspend',
    ],
    ['no run began, ever', {status: {}}, 'False NeverRan', '2026-03-02T02:00'],
    [
      'no run began when one was due',
      {status: {last: {...last, startedAt: '2026-03-01T02:00:05Z'}}},
      'False TooOld',
      'the newest backup is of 2026-03-01',
    ],
    [
      'the key is in the cluster alone',
      {api: backedUp(), status: {last, keyId: 'generated-1'}},
      'False KeyOnlyInCluster',
      'maintenance-api.io/key-saved=generated-1',
    ],
    [
      'another key was saved',
      {api: backedUp(), status: {last, keyId: 'generated-1', keySaved: 'generated-0'}},
      'False KeyOnlyInCluster',
      'generated-1',
    ],
    ['no run was due so far', {status: {next: 'soon'}, scheduledSince: NOW - 3_600_000}, 'Unknown Observing', 'soon'],
    ['nothing is scheduled yet', {status: {}, scheduledSince: undefined}, 'Unknown Observing', 'No backup'],
  ])('when %s', (_what, change, short, message) => {
    expect(answer(change).short).toBe(short);
    expect(answer(change).message).toContain(message);
  });

  test('is true again after a backup that is newer than the failure', () => {
    expect(answer({status: {last, lastFailure: {...lastFailure, time: '2026-03-02T01:00:00Z'}}}).short).toBe(
      'True BackupReady',
    );
  });

  test('is true where the generated key was saved', () => {
    const status = {last, keyId: 'generated-1', keySaved: 'generated-1'};
    expect(answer({api: backedUp(), status}).short).toBe('True BackupReady');
  });

  test('waits two hours for a run that is due, and for one that has begun', () => {
    const old = {status: {last: {...last, startedAt: '2026-03-01T02:00:05Z'}}};
    expect(answer({...old, now: Date.parse('2026-03-02T03:59:00Z')}).short).toBe('True BackupReady');
    expect(answer({...old, now: Date.parse('2026-03-02T04:00:00Z')}).short).toBe('False TooOld');
    expect(answer({...old, runs: backupRuns([cachedJob(aJob('j'))], [])}).short).toBe('True BackupReady');
  });

  test('does not ask for what was due before the schedule was what it is', () => {
    const status = {last: {...last, startedAt: '2026-03-01T02:00:05Z'}};
    expect(answer({status, scheduledSince: Date.parse('2026-03-02T02:00:01Z')}).short).toBe('True BackupReady');
  });
});

describe('when a backup was asked for last', () => {
  const since = Date.parse('2026-01-01T00:00:00Z');
  const asked = (scheduledSince: number | undefined, api = backedUp(), time = NOW): string | undefined => {
    const found = lastAsked({api, scheduledSince}, time);
    return found === undefined ? undefined : new Date(found).toISOString();
  };

  test('is the time of the schedule before now', () => {
    expect(asked(since)).toBe('2026-03-02T02:00:00.000Z');
    expect(asked(since, backedUp(), Date.parse('2026-03-02T01:59:59Z'))).toBe('2026-03-01T02:00:00.000Z');
  });

  test.each<[string, number | undefined, BackupReadyInput['api']]>([
    ['it is since today only', Date.parse('2026-03-02T08:00:00Z'), backedUp()],
    ['there is no CronJob yet', undefined, backedUp()],
    ['it is suspended', since, backedUp({}, undefined, {...OWN_KEY, suspend: true})],
    ['nothing is asked for', since, aMaintenanceApi()],
  ])('is never where %s', (_what, scheduledSince, api) => {
    expect(asked(scheduledSince, api)).toBeUndefined();
  });
});
