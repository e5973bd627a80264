import {isDeepStrictEqual} from 'node:util';
import {
  labels,
  requestAnnotations,
  type BackupSpec,
  type MaintenanceApi,
  type MaintenanceApiBackupStatus,
  type MaintenanceApiStatus,
} from '../api/v1alpha1/index.ts';
import {requestedBackupName} from '../desired/index.ts';
import type {BackupProjection} from '../observe/backup-projections.ts';
import type {Cached} from '../runtime/index.ts';
import type {BackupRun} from './backup-runs.ts';
import {nextScheduled} from './schedule.ts';

export type BackupsStatus = NonNullable<MaintenanceApiStatus['backup']>;
type Backup = Cached<BackupProjection>;

/** What is known of a resource's backups at one moment. */
export interface BackupsInput {
  readonly api: MaintenanceApi;
  readonly now: number;
  readonly runs: readonly BackupRun[];
  /** Those that name this resource. */
  readonly backups: readonly Backup[];
  /** Why no run can be started; undefined: one can. */
  readonly hindrance: string | undefined;
  /** Of new backups; undefined while it isn't known. */
  readonly keyId: string | undefined;
}

/** A status of a MaintenanceApiBackup that is to be written. */
export interface BackupStatusPatch {
  readonly backup: Pick<Backup, 'name' | 'uid' | 'resourceVersion'>;
  readonly status: MaintenanceApiBackupStatus;
}

/** What is to be written about backups. Repeating it is a no-op: every name follows from what asked for it. */
export interface BackupsPlan {
  /** MaintenanceApiBackups that are to be made, with their labels. */
  readonly create: readonly {readonly name: string; readonly labels: Readonly<Record<string, string>>}[];
  /** The MaintenanceApiBackup whose Job is to be started. */
  readonly start: Pick<Backup, 'name' | 'uid'> | undefined;
  readonly patches: readonly BackupStatusPatch[];
  /** What the MaintenanceApi's own status says; undefined: there is nothing to say. */
  readonly status: BackupsStatus | undefined;
}

const DAY_MS = 86_400_000;
const MOST_NAMED = 50;
/** As restart requests: so much tells one from another. */
const REQUEST_LENGTH = 63;

const iso = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;
const isOver = ({status}: BackupProjection): boolean => status.phase === 'Succeeded' || status.phase === 'Failed';

/** Decides what follows for backups from what is known; pure. */
export function planBackups(input: BackupsInput): BackupsPlan {
  const {api, backups, runs} = input;
  const request = requestOf(input);
  const active = runs.find(({end}) => end.kind === 'Running');
  const waiting = backups
    .filter(
      (backup) =>
        !backup.value.deleting && !isOver(backup.value) && runOf(backup, runs) === undefined && !isLost(backup.value),
    )
    .sort((a, b) => a.value.createdAt - b.value.createdAt || (a.name < b.name ? -1 : 1));
  const hindrance = input.hindrance ?? (active === undefined ? undefined : `Job "${active.job}" runs`);
  return {
    create: [
      ...runs.filter((run) => isUnlisted(run, input)).map(({job}) => ({name: job, labels: {[labels.run]: job}})),
      ...(request?.isNew === true ? [{name: request.backup, labels: {}}] : []),
    ],
    start: hindrance === undefined ? waiting[0] : undefined,
    patches: planPatches({...input, hindrance}),
    status: backupsStatus(input, api.spec.backup, request),
  };
}

/** What MaintenanceApiBackups should say and don't. */
export function planPatches(
  input: Pick<BackupsInput, 'backups' | 'hindrance' | 'now' | 'runs'>,
): readonly BackupStatusPatch[] {
  return input.backups.flatMap((backup): BackupStatusPatch[] => {
    const status = statusOf(backup, input);
    return status === undefined || isDeepStrictEqual(status, backup.value.status) ? [] : [{backup, status}];
  });
}

/** A backup that the schedule made and that no MaintenanceApiBackup tells of. */
function isUnlisted({backup, end, job}: BackupRun, {api, backups}: BackupsInput): boolean {
  if (backup !== undefined || end.kind !== 'Succeeded' || !isOwn(api, end.result.manifestKey)) return false;
  return !backups.some(({name}) => name === job);
}

/** Not of a deleted resource of the same name: keys have the resource's uid. */
function isOwn({metadata}: MaintenanceApi, manifestKey: string): boolean {
  return manifestKey.split('/').includes(metadata.uid);
}

function runOf({uid, value}: Backup, runs: readonly BackupRun[]): BackupRun | undefined {
  return runs.find(({backup, job}) => (value.run === undefined ? backup === uid : job === value.run));
}

/** Its Job was there, and is gone. */
function isLost({run, status}: BackupProjection): boolean {
  return run !== undefined || status.phase === 'Running';
}

/** What a MaintenanceApiBackup should say; undefined: what it says stays. */
function statusOf(
  backup: Backup,
  {hindrance, now, runs}: Pick<BackupsInput, 'hindrance' | 'now' | 'runs'>,
): MaintenanceApiBackupStatus | undefined {
  const {value} = backup;
  if (isOver(value) || value.deleting) return undefined;
  const run = runOf(backup, runs);
  if (run !== undefined) return runStatus(run);
  if (isLost(value)) {
    const job = value.run ?? value.status.job ?? '';
    const message = `Job "${job}" is gone, and its result was not read`;
    return {...value.status, phase: 'Failed', job, reason: 'RunLost', message, completedAt: iso(now)};
  }
  return {phase: 'Pending', ...(hindrance !== undefined && {message: hindrance})};
}

function runStatus({bucket, end, job, startedAt}: BackupRun): MaintenanceApiBackupStatus {
  switch (end.kind) {
    case 'Running':
      return {phase: 'Running', job, startedAt: iso(startedAt)};
    case 'Failed':
      return {phase: 'Failed', job, startedAt: iso(startedAt), completedAt: iso(end.at), ...end.failure};
    case 'Succeeded': {
      const {finishedAt, outcome: _outcome, ...facts} = end.result;
      return {phase: 'Succeeded', job, ...(bucket !== undefined && {bucket}), ...facts, completedAt: finishedAt};
    }
  }
}

interface Request {
  readonly value: string;
  readonly backup: string;
  readonly isNew: boolean;
}

/** The backup-now annotation; it waits for a spec that says where to. */
function requestOf({api}: BackupsInput): Request | undefined {
  const value = api.metadata.annotations?.[requestAnnotations.backupNow]?.slice(0, REQUEST_LENGTH);
  if (value === undefined || value === '' || api.spec.backup === undefined) return undefined;
  const isNew = api.status?.backup?.request?.value !== value;
  return {value, backup: requestedBackupName(api.metadata, value), isNew};
}

function backupsStatus(
  {api, now, keyId, ...input}: BackupsInput,
  spec: BackupSpec | undefined,
  request: Request | undefined,
): BackupsStatus | undefined {
  const before = api.status?.backup;
  const made = input.backups
    .filter(({value: {status}}) => status.phase === 'Succeeded' && isOwn(api, status.manifestKey ?? ''))
    .sort((a, b) => startOf(b) - startOf(a));
  const last = lastOf(made[0]);
  const lastFailure = lastFailureOf(input, before?.lastFailure);
  const status: BackupsStatus = {
    ...(last && {last}),
    ...(lastFailure && {lastFailure}),
    ...answered(request, before, now),
    ...(spec && {...nextOf(spec, now), ...keyOf(api, spec, keyId), ...expiredOf(made, spec, now)}),
  };
  return Object.keys(status).length === 0 ? undefined : status;
}

function nextOf({schedule, suspend, timeZone}: BackupSpec, now: number): Pick<BackupsStatus, 'next'> {
  const next = suspend ? undefined : nextScheduled(schedule, timeZone, now);
  return next === undefined ? {} : {next: iso(next)};
}

/** Which key new backups have, and whether a generated one is said to be kept elsewhere. */
function keyOf(
  {metadata}: MaintenanceApi,
  {encryption}: BackupSpec,
  keyId: string | undefined,
): Pick<BackupsStatus, 'keyId' | 'keySaved'> {
  if (keyId === undefined) return {};
  const isSaved = encryption === undefined && metadata.annotations?.[requestAnnotations.keySaved] === keyId;
  return {keyId, ...(isSaved && {keySaved: keyId})};
}

const startOf = ({value}: Backup): number => Date.parse(value.status.startedAt ?? '');

function lastOf(backup: Backup | undefined): BackupsStatus['last'] {
  const {startedAt, completedAt, manifestKey, keyId} = backup?.value.status ?? {};
  if (backup === undefined || startedAt === undefined || completedAt === undefined) return undefined;
  return {name: backup.name, startedAt, completedAt, manifestKey: manifestKey ?? '', keyId: keyId ?? ''};
}

/** The newest failure, also one whose Job and MaintenanceApiBackup are gone. */
function lastFailureOf(
  {runs, backups}: Pick<BackupsInput, 'runs' | 'backups'>,
  before: BackupsStatus['lastFailure'],
): BackupsStatus['lastFailure'] {
  const failures = [
    ...(before === undefined ? [] : [before]),
    ...runs.flatMap(({job, end}) => (end.kind === 'Failed' ? [{job, time: iso(end.at), ...end.failure}] : [])),
    ...backups.flatMap(({name, value: {status}}) => {
      const {phase, job = name, completedAt: time, reason, message = ''} = status;
      return phase === 'Failed' && time !== undefined && reason !== undefined ? [{job, time, reason, message}] : [];
    }),
  ];
  return failures.sort((a, b) => Date.parse(b.time) - Date.parse(a.time))[0];
}

function answered(
  request: Request | undefined,
  before: BackupsStatus | undefined,
  now: number,
): Pick<BackupsStatus, 'request'> {
  if (request?.isNew === true) return {request: {value: request.value, backup: request.backup, time: iso(now)}};
  return before?.request === undefined ? {} : {request: before.request};
}

/** What retention doesn't ask for any more, the oldest first (invariant 9: it is only said). */
function expiredOf(
  made: readonly Backup[],
  {retention}: BackupSpec,
  now: number,
): Pick<BackupsStatus, 'expired' | 'expiredCount'> {
  const old = made
    .slice(retention.keepAtLeast)
    .filter((backup) => now - startOf(backup) > retention.days * DAY_MS)
    .toReversed();
  if (old.length === 0) return {};
  return {expired: old.slice(0, MOST_NAMED).map(({name}) => name), expiredCount: old.length};
}
