import {describe, expect, test} from '@jest/globals';
import type {KubeObject} from '../runtime/index.ts';
import {backupRuns, type BackupRun} from './backup-runs.ts';
import {aBackupPod, aJob, cachedJob, cachedPod, success} from './testing-backups.ts';

const run = (job: KubeObject, ...pods: KubeObject[]): BackupRun['end'] => {
  const [found] = backupRuns([cachedJob(job)], pods.map(cachedPod));
  if (found === undefined) throw new Error('no run');
  return found.end;
};
const FAILED = {end: 'Failed', reason: 'BackoffLimitExceeded', message: 'too often'};
const failure = (...pods: KubeObject[]) => {
  const end = run(aJob('j', FAILED), ...pods);
  if (end.kind !== 'Failed') throw new Error(end.kind);
  return `${end.failure.reason}: ${end.failure.message}`;
};
const said = (reason: string, message: string) => ({outcome: 'Failed', reason, message});

describe('a run of a backup', () => {
  test('is of the schedule, or of the one who asked for it', () => {
    const jobs = [aJob('scheduled'), aJob('asked', {backup: 'backup-uid'})];
    expect(backupRuns(jobs.map(cachedJob), []).map(({job, backup, bucket}) => [job, backup, bucket])).toEqual([
      ['scheduled', undefined, 'backups'],
      ['asked', 'backup-uid', 'backups'],
    ]);
  });

  test('succeeded when its program says so, whatever becomes of the Job', () => {
    const result = success('2026-03-02T02:00:00.000Z');
    const first = aBackupPod('j', {name: 'a', said: said('SchemaLocked', 'held')});
    for (const job of [aJob('j'), aJob('j', {end: 'Complete'}), aJob('j', {end: 'Failed', reason: 'DeadlineExceeded'})])
      expect(run(job, first, aBackupPod('j', {said: result}))).toEqual({kind: 'Succeeded', result});
  });

  test('runs as long as its Job does, also after a pod that failed', () => {
    expect(run(aJob('j'), aBackupPod('j', {said: said('SchemaLocked', 'held')}))).toEqual({
      kind: 'Running',
      waits: undefined,
    });
  });

  test('is not that of a pod of another Job', () => {
    const other = aBackupPod('other', {said: success('2026-03-02T02:00:00.000Z')});
    expect(run(aJob('j'), other)).toEqual({kind: 'Running', waits: undefined});
  });

  test('tells what keeps its pod from running', () => {
    const waiting = {reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"'};
    const containerStatuses = [{name: 'backup', restartCount: 0, state: {waiting}}];
    expect(run(aJob('j'), aBackupPod('j', {status: {containerStatuses}}))).toMatchObject({
      waits: {reason: 'ImagePullFailed', message: expect.stringContaining('image "x"')},
    });
    const conditions = [{type: 'PodScheduled', status: 'False', message: '0/1 nodes are available'}];
    expect(run(aJob('j'), aBackupPod('j', {status: {conditions}}))).toMatchObject({
      waits: {reason: 'Unschedulable', message: 'Pod "j-pod": 0/1 nodes are available'},
    });
  });

  test.each([
    [
      'what the program says',
      aBackupPod('j', {said: said('BucketMissing', 'Bucket "b"')}),
      'BucketMissing: Bucket "b"',
    ],
    [
      'an eviction, more than what the program said of its end',
      aBackupPod('j', {
        said: said('Interrupted', 'told to end'),
        status: {reason: 'Evicted', message: 'low on memory'},
      }),
      'Evicted: Pod "j-pod" was evicted from its node: low on memory',
    ],
    [
      'the container that had no memory left, more than what the other made of it',
      aBackupPod('j', {
        said: said('DumpFailed', 'killed'),
        ended: {mysqldump: {reason: 'OOMKilled', exitCode: 137}},
      }),
      'OutOfMemory: Container mysqldump of pod "j-pod" reached its memory limit',
    ],
    [
      'how its containers ended, where the program said nothing',
      aBackupPod('j', {ended: {script: {reason: 'Error', exitCode: 2}}}),
      'RunFailed: Pod "j-pod" ended without saying why: script Error (exit code 2)',
    ],
    [
      'the same where its words are cut off',
      aBackupPod('j', {said: '{"outcome":"Succ'}),
      'RunFailed: Pod "j-pod" ended without saying why: backup Completed (exit code 0)',
    ],
    [
      'and where they are of no known form: never a success',
      aBackupPod('j', {said: {outcome: 'Succeeded', manifestKey: 'x'}}),
      'RunFailed: Pod "j-pod" ended without saying why: backup Completed (exit code 0)',
    ],
  ])('failed because of %s', (_what, pod, expected) => {
    expect(failure(pod)).toBe(expected);
  });

  test('failed because of the deadline, which takes the pods away, or because nothing is left', () => {
    const late = run(aJob('j', {end: 'Failed', reason: 'DeadlineExceeded', message: 'active too long'}));
    expect(late).toMatchObject({kind: 'Failed', failure: {reason: 'DeadlineExceeded'}});
    expect(failure()).toBe('RunLost: No pod of Job "j" is left that could say what happened');
  });

  test('tells of its newest pod', () => {
    const old = aBackupPod('j', {name: 'a', said: said('SchemaLocked', 'held')});
    const pod = aBackupPod('j', {name: 'b', said: said('StorageFull', 'no room')});
    pod.metadata.creationTimestamp = '2026-03-02T03:00:00Z';
    expect(failure(old, pod)).toBe('StorageFull: no room');
    expect(failure(pod, old)).toBe('StorageFull: no room');
  });
});
