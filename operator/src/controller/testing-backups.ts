import type {MaintenanceApi, MaintenanceApiBackupStatus, RunResult} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi, minimalBackup} from '../desired/testing/scenarios.ts';
import {projectBackup, projectJob, type BackupProjection, type JobProjection} from '../observe/backup-projections.ts';
import {projectPod, type PodProjection} from '../observe/projections.ts';
import {controllerOf, type Cached, type KubeObject} from '../runtime/index.ts';
import {anObject} from './testing.ts';

export const UID = aMaintenanceApi().metadata.uid;

/** A resource with backups, and what else is said of it. */
export function backedUp(
  metadata: Partial<MaintenanceApi['metadata']> = {},
  status?: MaintenanceApi['status'],
  backup: object = minimalBackup,
): MaintenanceApi {
  const api = aMaintenanceApi({backup: {...minimalBackup, ...backup}});
  return {...api, metadata: {...api.metadata, ...metadata}, ...(status && {status})};
}

/** What the program tells of a run that began at a time. */
export function success(startedAt: string, uid = UID): Extract<RunResult, {outcome: 'Succeeded'}> {
  return {
    ...{outcome: 'Succeeded', id: 'pod-uid', keyId: 'generated-1', bytes: 1000, dumpBytes: 9000, tables: 3, rows: 77},
    ...{startedAt, finishedAt: new Date(Date.parse(startedAt) + 60_000).toISOString()},
    manifestKey: `apis/shop/${uid}/pod-uid/manifest.json.encrypted`,
  };
}

/** A Job of the schedule, or of the MaintenanceApiBackup with this uid. */
export function aJob(
  name: string,
  {backup, end, message = '', reason = ''}: {backup?: string; end?: string; message?: string; reason?: string} = {},
): KubeObject {
  const kind = backup === undefined ? 'CronJob' : 'MaintenanceApiBackup';
  const owner = {apiVersion: 'any/v1', kind, name: 'owner', uid: backup ?? 'cron-job-uid', controller: true};
  const condition = {type: end ?? '', status: 'True', reason, message, lastTransitionTime: '2026-03-02T02:05:00Z'};
  const status = {startTime: '2026-03-02T02:00:00Z', ...(end !== undefined && {conditions: [condition]})};
  const env = [{name: 'S3_BUCKET', value: 'backups'}];
  const spec = {template: {spec: {containers: [{name: 'mysqldump'}, {name: 'backup', env}]}}};
  return anObject(name, {spec, status}, {ownerReferences: [owner]});
}

/** A pod of a Job; what its program said, and how its containers ended. */
export function aBackupPod(
  job: string,
  {
    said,
    status = {},
    ended = {},
    name = `${job}-pod`,
  }: {
    said?: object | string;
    status?: object;
    ended?: Readonly<Record<string, object>>;
    name?: string;
  } = {},
): KubeObject {
  const message = typeof said === 'object' ? `${JSON.stringify(said)}\n` : said;
  const all: Record<string, object> = {
    ...(message !== undefined && {backup: {reason: 'Completed', exitCode: 0, message}}),
    ...ended,
  };
  const containerStatuses = Object.entries(all).map(([container, terminated]) => ({
    ...{name: container, restartCount: 0},
    state: {terminated},
  }));
  const labels = {
    ...{'maintenance-api.io/owner': 'shop', 'app.kubernetes.io/component': 'backup'},
    'batch.kubernetes.io/job-name': job,
  };
  return anObject(name, {status: {containerStatuses, ...status}}, {labels});
}

/** A MaintenanceApiBackup of `shop`. */
export function aBackup(
  name: string,
  status?: MaintenanceApiBackupStatus,
  metadata: Partial<KubeObject['metadata']> = {},
): KubeObject {
  return anObject(name, {spec: {maintenanceApi: 'shop'}, ...(status && {status})}, {labels: {}, ...metadata});
}

function cached<T>(object: KubeObject, project: (object: KubeObject) => T): Cached<T> {
  const {name, uid = '', resourceVersion = ''} = object.metadata;
  return {
    ...{key: `apis/${name}`, namespace: 'apis', name, uid, resourceVersion, owner: controllerOf(object)},
    value: project(object),
  };
}

export const cachedJob = (object: KubeObject): Cached<JobProjection> => cached(object, projectJob);
export const cachedPod = (object: KubeObject): Cached<PodProjection> => cached(object, projectPod);
export const cachedBackup = (object: KubeObject): Cached<BackupProjection> => cached(object, projectBackup);
