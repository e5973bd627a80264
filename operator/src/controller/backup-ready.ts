import type {ConditionStatus, MaintenanceApi, Reason} from '../api/v1alpha1/index.ts';
import {requestAnnotations} from '../api/v1alpha1/index.ts';
import type {BackupsStatus} from './backup-plan.ts';
import type {BackupRun} from './backup-runs.ts';
import {lastScheduled} from './schedule.ts';

/** What BackupReady says. */
export interface BackupAnswer {
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
}

export interface BackupReadyInput {
  readonly api: MaintenanceApi;
  readonly now: number;
  readonly runs: readonly BackupRun[];
  readonly status: BackupsStatus | undefined;
  /** Since when the CronJob is as it is, milliseconds; undefined: there is none. */
  readonly scheduledSince: number | undefined;
  readonly imageKnown: boolean;
  /** A Secret that is missing or can't be used. */
  readonly problem: string | undefined;
  /** Why the API server refused the CronJob. */
  readonly refused: string | undefined;
}

/** A run that doesn't begin within an hour never begins. */
const GRACE_MS = 2 * 3_600_000;

const no = (reason: Reason, message: string): BackupAnswer => ({status: 'False', reason, message});

/** Whether there is a backup as new as the schedule asks for, and if not, why; the cause that must be mended first wins. */
export function backupReady(input: BackupReadyInput): BackupAnswer {
  const {api, status} = input;
  const {backup} = api.spec;
  if (backup === undefined)
    return no('NoBackups', 'spec.backup is not set: when the volume of the database is lost, so is its data');
  return (
    cannotRun(input) ??
    lastRunFailed(input) ??
    missedRun(input) ??
    (backup.suspend ? no('BackupsSuspended', 'spec.backup.suspend is set') : undefined) ??
    keyInCluster(input) ??
    (status?.last === undefined
      ? {
          status: 'Unknown',
          reason: 'Observing',
          message: `No backup was made so far; the next is due ${status?.next ?? ''}`,
        }
      : {
          status: 'True',
          reason: 'BackupReady',
          message: `Backup "${status.last.name}" has everything that was written until ${status.last.startedAt}`,
        })
  );
}

function cannotRun({imageKnown, problem, refused, runs}: BackupReadyInput): BackupAnswer | undefined {
  if (!imageKnown)
    return no(
      'ImageUnknown',
      'The operator runs outside of a cluster and does not know the image in which backups are made: set OPERATOR_IMAGE',
    );
  if (problem !== undefined) return no('ReferenceMissing', problem);
  if (refused !== undefined) return no('ApplyRefused', refused);
  for (const {end} of runs)
    if (end.kind === 'Running' && end.waits !== undefined) return no(end.waits.reason, end.waits.message);
  return undefined;
}

function lastRunFailed({status}: BackupReadyInput): BackupAnswer | undefined {
  const {last, lastFailure} = status ?? {};
  if (lastFailure === undefined) return undefined;
  if (last !== undefined && Date.parse(last.completedAt) > Date.parse(lastFailure.time)) return undefined;
  const older = last === undefined ? 'There is no backup' : `The newest backup is of ${last.startedAt}`;
  return no(
    lastFailure.reason,
    `Job "${lastFailure.job}" made no backup: ${lastFailure.message.replace(/\.$/, '')}. ${older}`,
  );
}

/**
 * When the schedule last asked for a backup by `time`, milliseconds; undefined where it didn't since it is as it is, and while
 * it is suspended.
 */
export function lastAsked(
  {api, scheduledSince}: Pick<BackupReadyInput, 'api' | 'scheduledSince'>,
  time: number,
): number | undefined {
  const {backup} = api.spec;
  if (backup === undefined || backup.suspend || scheduledSince === undefined) return undefined;
  const asked = lastScheduled(backup.schedule, backup.timeZone, time);
  return asked === undefined || asked < scheduledSince ? undefined : asked;
}

/** The schedule asked for a run, and none began. */
function missedRun(input: BackupReadyInput): BackupAnswer | undefined {
  const due = lastAsked(input, input.now - GRACE_MS);
  if (due === undefined || begun(input).some((time) => time >= due)) return undefined;
  const last = input.status?.last;
  const asked = `The schedule asked for a backup at ${new Date(due).toISOString()}, and no run began`;
  return last === undefined
    ? no('NeverRan', `${asked}; there is no backup`)
    : no('TooOld', `${asked}; the newest backup is of ${last.startedAt}`);
}

/** When runs are known to have begun, or to have been going on. */
function begun({runs, status}: Pick<BackupReadyInput, 'runs' | 'status'>): readonly number[] {
  const {last, lastFailure} = status ?? {};
  const told = [last?.startedAt, lastFailure?.time].map((time) => Date.parse(time ?? ''));
  return [...runs.map(({startedAt}) => startedAt), ...told];
}

function keyInCluster({api, status}: BackupReadyInput): BackupAnswer | undefined {
  if (api.spec.backup?.encryption !== undefined || status?.keyId === undefined) return undefined;
  if (status.keySaved === status.keyId) return undefined;
  return no(
    'KeyOnlyInCluster',
    `Backups are encrypted with key "${status.keyId}", which exists in this cluster alone: keep a copy elsewhere, then set the annotation ${requestAnnotations.keySaved}=${status.keyId}`,
  );
}
