import {runResult, type RunFailureReason, type RunResult} from '../api/v1alpha1/index.ts';
import type {BackupPodProjection, JobProjection} from '../observe/backup-projections.ts';
import type {PodProjection} from '../observe/projections.ts';
import type {Cached} from '../runtime/index.ts';

/** What a run that succeeded tells. */
export type RunSuccess = Extract<RunResult, {outcome: 'Succeeded'}>;

/** Why a run made no backup. */
export interface RunFailure {
  readonly reason: RunFailureReason;
  readonly message: string;
}

/** A Job that makes a backup, and what it came to. */
export interface BackupRun {
  readonly job: string;
  /** uid of the MaintenanceApiBackup that asked for it; undefined: the schedule did. */
  readonly backup: string | undefined;
  readonly startedAt: number;
  readonly bucket: string | undefined;
  readonly end:
    | {readonly kind: 'Running'; /** What keeps its pod from running. */ readonly waits: Waiting | undefined}
    | {readonly kind: 'Succeeded'; readonly result: RunSuccess}
    | {readonly kind: 'Failed'; readonly at: number; readonly failure: RunFailure};
}

export interface Waiting {
  readonly reason: 'ImagePullFailed' | 'Unschedulable';
  readonly message: string;
}

type Pod = Cached<PodProjection>;
const OUT_OF_MEMORY = 'OOMKilled';
const MAX_MESSAGE = 1024;

/** What each Job came to, by its own state and the last words of its pods. */
export function backupRuns(jobs: readonly Cached<JobProjection>[], pods: readonly Pod[]): BackupRun[] {
  return jobs.map(({name, owner, value}): BackupRun => {
    const own = pods
      .filter((pod) => pod.value.backup?.job === name)
      .sort((a, b) => b.value.createdAt - a.value.createdAt);
    return {
      job: name,
      backup: owner?.kind === 'MaintenanceApiBackup' ? owner.uid : undefined,
      startedAt: value.startedAt ?? value.createdAt,
      bucket: value.bucket,
      end: endOf(name, value, own),
    };
  });
}

function endOf(job: string, {finished}: JobProjection, pods: readonly Pod[]): BackupRun['end'] {
  for (const {value} of pods) {
    const result = resultOf(value.backup);
    // The manifest is in the bucket: whatever happens to the Job now, there is a backup.
    if (result?.outcome === 'Succeeded') return {kind: 'Succeeded', result};
  }
  if (finished === undefined) return {kind: 'Running', waits: waitingOf(pods[0])};
  const failure =
    finished.reason === 'DeadlineExceeded'
      ? {reason: 'DeadlineExceeded' as const, message: `Job "${job}" was ended: ${finished.message}`}
      : failureOf(job, pods[0]);
  return {kind: 'Failed', at: finished.at, failure: {...failure, message: failure.message.slice(0, MAX_MESSAGE)}};
}

function waitingOf(pod: Pod | undefined): Waiting | undefined {
  if (pod === undefined) return undefined;
  const {unschedulable, waiting} = pod.value;
  if (unschedulable !== undefined) return {reason: 'Unschedulable', message: `Pod "${pod.name}": ${unschedulable}`};
  if (waiting?.reason.includes('Image') !== true) return undefined;
  return {reason: 'ImagePullFailed', message: `Pod "${pod.name}", container ${waiting.container}: ${waiting.message}`};
}

function failureOf(job: string, pod: Pod | undefined): RunFailure {
  const end = pod?.value.backup;
  if (pod === undefined || end === undefined)
    return {reason: 'RunLost', message: `No pod of Job "${job}" is left that could say what happened`};
  if (end.evicted !== undefined)
    return {reason: 'Evicted', message: `Pod "${pod.name}" was evicted from its node: ${end.evicted}`};
  const killed = end.ended.find(({reason}) => reason === OUT_OF_MEMORY);
  if (killed !== undefined)
    return {reason: 'OutOfMemory', message: `Container ${killed.name} of pod "${pod.name}" reached its memory limit`};
  const result = resultOf(end);
  if (result?.outcome === 'Failed') return {reason: result.reason, message: result.message};
  const ended = end.ended.map(({name, reason, exitCode}) => `${name} ${reason} (exit code ${String(exitCode)})`);
  return {reason: 'RunFailed', message: `Pod "${pod.name}" ended without saying why: ${ended.join(', ')}`};
}

/** The program's own words; undefined where there are none, or none of ours. */
function resultOf(end: BackupPodProjection | undefined): RunResult | undefined {
  if (end?.message === undefined) return undefined;
  try {
    return runResult.safeParse(JSON.parse(end.message)).data;
  } catch (error) {
    // Not JSON: cut off, or of another program.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
