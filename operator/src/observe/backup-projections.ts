import {labels, type MaintenanceApiBackupStatus} from '../api/v1alpha1/index.ts';
import type {KubeObject} from '../runtime/index.ts';

/** What is kept of the objects that backups are made by. */

/** An ended container. */
export interface EndedContainer {
  readonly name: string;
  readonly reason: string;
  readonly exitCode: number;
}

export interface BackupPodProjection {
  /** Name of its Job. */
  readonly job: string;
  /** Termination message of the program's container. */
  readonly message: string | undefined;
  readonly ended: readonly EndedContainer[];
  /** Why the kubelet ended the pod. */
  readonly evicted: string | undefined;
}

export interface JobProjection {
  readonly owner: string | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  /** Where its backup goes. */
  readonly bucket: string | undefined;
  /** undefined while it runs. */
  readonly finished:
    {readonly at: number; readonly complete: boolean; readonly reason: string; readonly message: string} | undefined;
}

export interface BackupProjection {
  /** The MaintenanceApi that its spec names. */
  readonly owner: string | undefined;
  /** Job whose result it has, where the operator made it. */
  readonly run: string | undefined;
  readonly createdAt: number;
  readonly deleting: boolean;
  readonly status: MaintenanceApiBackupStatus;
}

interface RawContainerStatus {
  readonly name: string;
  readonly state?: {readonly terminated?: {reason?: string; exitCode: number; message?: string}};
}
interface RawPod extends KubeObject {
  status?: {
    reason?: string;
    message?: string;
    initContainerStatuses?: readonly RawContainerStatus[];
    containerStatuses?: readonly RawContainerStatus[];
  };
}
interface RawContainer {
  readonly name: string;
  readonly env?: readonly {readonly name: string; readonly value?: string}[];
}
interface RawCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}
interface RawJob extends KubeObject {
  spec?: {template?: {spec?: {containers?: readonly RawContainer[]}}};
  status?: {
    startTime?: string;
    conditions?: readonly RawCondition[];
  };
}
interface RawBackup extends KubeObject {
  spec?: {maintenanceApi?: string};
  status?: MaintenanceApiBackupStatus;
}

/** Label that the Job controller gives its pods. */
const JOB_NAME = 'batch.kubernetes.io/job-name';
/** Container of the program that stores the backup. */
const PROGRAM = 'backup';
/** Its variable that names the bucket. */
const BUCKET = 'S3_BUCKET';
/** Conditions of a Job that has ended. */
const ENDS = ['Complete', 'Failed'];
/** Where the kubelet doesn't say. */
const EVICTED = 'The node was short of something';
/** The kubelet's own bound for a termination message. */
const MAX_MESSAGE = 4096;

const millis = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time));

/** Keeps what a backup's pod came to; undefined for any other pod. */
export function projectBackupPod({metadata: {labels: own = {}}, status = {}}: RawPod): BackupPodProjection | undefined {
  const job = own[JOB_NAME];
  if (own[labels.component] !== 'backup' || job === undefined) return undefined;
  const {containerStatuses = [], initContainerStatuses = [], reason, message = EVICTED} = status;
  return {
    job,
    message: wordsOf(containerStatuses)?.slice(0, MAX_MESSAGE),
    ended: [...initContainerStatuses, ...containerStatuses].flatMap(endedOf),
    evicted: reason === 'Evicted' ? message : undefined,
  };
}

/** What the program itself says. */
function wordsOf(all: readonly RawContainerStatus[]): string | undefined {
  return all.find(({name}) => name === PROGRAM)?.state?.terminated?.message;
}

function endedOf({name, state}: RawContainerStatus): EndedContainer[] {
  const end = state?.terminated;
  return end === undefined ? [] : [{name, reason: end.reason ?? '', exitCode: end.exitCode}];
}

/** Keeps how a backup's Job ended. */
export function projectJob({metadata, spec, status}: RawJob): JobProjection {
  const end = status?.conditions?.find((item) => ENDS.includes(item.type) && item.status === 'True');
  return {
    owner: metadata.labels?.[labels.owner],
    createdAt: millis(metadata.creationTimestamp) ?? 0,
    startedAt: millis(status?.startTime),
    bucket: bucketOf(spec?.template?.spec?.containers),
    finished: end && finishedOf(end),
  };
}

function bucketOf(containers: readonly RawContainer[] = []): string | undefined {
  const program = containers.find(({name}) => name === PROGRAM);
  return program?.env?.find(({name}) => name === BUCKET)?.value;
}

function finishedOf({type, reason = '', message = '', lastTransitionTime}: RawCondition): JobProjection['finished'] {
  return {at: millis(lastTransitionTime) ?? 0, complete: type === 'Complete', reason, message};
}

/** Keeps a backup's facts. */
export function projectBackup({metadata, spec, status}: RawBackup): BackupProjection {
  return {
    owner: spec?.maintenanceApi,
    run: metadata.labels?.[labels.run],
    createdAt: millis(metadata.creationTimestamp) ?? 0,
    deleting: metadata.deletionTimestamp !== undefined,
    status: status ?? {},
  };
}
