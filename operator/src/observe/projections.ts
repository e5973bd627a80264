import {
  FIELD_MANAGER,
  labels,
  REPLICAS_HANDOVER_MANAGER,
  templateAnnotations,
  type RevisionData,
} from '../api/v1alpha1/index.ts';
import {ownedHash, type KubeObject, type OwnerReference} from '../runtime/index.ts';
import {projectBackupPod, type BackupPodProjection} from './backup-projections.ts';

/**
 * What is kept of each watched object: only what a decision reads (0.2 kB instead of 8 kB). The raw objects are the
 * API server's JSON; their shapes are Kubernetes' published types, read defensively.
 */

/** What is kept of every child, whatever its kind. */
export interface ChildProjection {
  /** Name of the MaintenanceApi by label. */
  readonly owner: string | undefined;
  /** Hash of the fields that our manager owns; undefined when it owns none. */
  readonly owned: string | undefined;
  readonly deleting: boolean;
}

export interface AutoscalerProjection extends ChildProjection {
  readonly minReplicas: number;
}

export interface CronJobProjection extends ChildProjection {
  /** When our manager's fields last changed, milliseconds. */
  readonly appliedAt: number | undefined;
}

/** What a child with a pod template says of it. */
export interface RenderedProjection extends ChildProjection {
  /** The generation of templates that it was rendered by. */
  readonly renderVersion: number;
  readonly templateHash: string | undefined;
}

export interface DeploymentProjection extends RenderedProjection {
  readonly revision: string | undefined;
  /** Image of the API's container, as its pod template has it. */
  readonly image: string | undefined;
  readonly generation: number;
  readonly observedGeneration: number;
  /** When our manager's fields last changed, milliseconds. */
  readonly appliedAt: number | undefined;
  readonly wanted: number;
  readonly total: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  readonly replicaFailure: string | undefined;
  /** Whether our manager owns spec.replicas: dropping the field then would reset it to 1 (measured). */
  readonly ownsReplicas: boolean;
  /** Whether the manager that takes them over owns them too. */
  readonly replicasHeld: boolean;
}

export interface ReplicaSetProjection {
  readonly owner: string | undefined;
  readonly revision: string | undefined;
  /** Image of the API's container, as its pod template has it. */
  readonly image: string | undefined;
  readonly ready: number;
  readonly total: number;
  readonly replicaFailure: string | undefined;
}

export interface ClaimProjection {
  readonly owner: string | undefined;
  readonly uid: string;
  /** What it goes with when that is deleted. */
  readonly ownerReferences: readonly OwnerReference[];
  readonly phase: string;
  readonly storageClass: string | undefined;
}

export interface ControllerRevisionProjection {
  readonly owner: string | undefined;
  readonly data: RevisionData;
  readonly revision: number;
  readonly createdAt: number;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PodProjection {
  readonly owner: string | undefined;
  readonly component: string | undefined;
  readonly revision: string | undefined;
  readonly createdAt: number;
  readonly ip: string | undefined;
  readonly node: string | undefined;
  readonly phase: string;
  readonly ready: boolean;
  readonly readySince: number | undefined;
  readonly notReadySince: number | undefined;
  /** Not Ready by the word of the node's controller: the kubelet is no longer heard of. */
  readonly nodeLost: boolean;
  /** Taken away by its node, which had too little of something or shuts down. */
  readonly nodeEviction: {readonly reason: string; readonly at: number} | undefined;
  /** Since when the pod's own container runs. */
  readonly runningSince: number | undefined;
  readonly terminating: boolean;
  /** Of the pod's own container, a quantity. */
  readonly memoryLimit: string | undefined;
  readonly restarts: number;
  readonly waiting: {readonly container: string; readonly reason: string; readonly message: string} | undefined;
  readonly lastTermination: {readonly reason: string; readonly exitCode: number; readonly at: number} | undefined;
  readonly unschedulable: string | undefined;
  readonly imageId: string | undefined;
  /** Message that an init container left when it failed. */
  readonly initFailure: string | undefined;
  /** Of a backup's pod: what it came to. */
  readonly backup: BackupPodProjection | undefined;
}

interface RawCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}
interface RawContainerState {
  waiting?: {reason?: string; message?: string};
  running?: {startedAt?: string};
  terminated?: {reason?: string; exitCode: number; finishedAt?: string; message?: string};
}
interface RawContainerStatus {
  name: string;
  restartCount: number;
  imageID?: string;
  state?: RawContainerState;
  lastState?: RawContainerState;
}
interface RawPod extends KubeObject {
  spec?: {nodeName?: string; containers?: {name: string; resources?: {limits?: {memory?: string}}}[]};
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    startTime?: string;
    podIP?: string;
    conditions?: RawCondition[];
    initContainerStatuses?: RawContainerStatus[];
    containerStatuses?: RawContainerStatus[];
  };
}
interface RawWorkload extends KubeObject {
  spec?: {
    replicas?: number;
    template?: {
      metadata?: {labels?: Record<string, string>};
      spec?: {containers?: {name: string; image?: string}[]};
    };
    storageClassName?: string;
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    phase?: string;
    conditions?: RawCondition[];
  };
}

const millis = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time));
const ownerOf = (object: KubeObject): string | undefined => object.metadata.labels?.[labels.owner];
const condition = (list: readonly RawCondition[] | undefined, type: string): RawCondition | undefined =>
  list?.find((item) => item.type === type);

function replicaFailureOf(object: RawWorkload): string | undefined {
  const failure = condition(object.status?.conditions, 'ReplicaFailure');
  return failure?.status === 'True' ? (failure.message ?? failure.reason ?? 'pods can not be created') : undefined;
}

/** Keeps what every child needs: whose it is and what we own of it. */
export function projectChild(object: KubeObject): ChildProjection {
  return {
    owner: ownerOf(object),
    owned: ownedHash(object, FIELD_MANAGER),
    deleting: object.metadata.deletionTimestamp !== undefined,
  };
}

/** Keeps which templates a child was rendered by; the first generation of operators didn't note it. */
export function projectRendered(object: KubeObject): RenderedProjection {
  const annotations = object.metadata.annotations ?? {};
  return {
    ...projectChild(object),
    renderVersion: Number(annotations[templateAnnotations.renderVersion] ?? 1),
    templateHash: annotations[templateAnnotations.templateHash],
  };
}

/** Keeps since when a CronJob is as it is. */
export function projectCronJob(object: KubeObject): CronJobProjection {
  return {...projectChild(object), appliedAt: appliedBy(object, FIELD_MANAGER).at};
}

/** Keeps the least number of pods that an autoscaler keeps. */
export function projectAutoscaler(object: KubeObject & {spec?: {minReplicas?: number}}): AutoscalerProjection {
  return {...projectChild(object), minReplicas: object.spec?.minReplicas ?? 1};
}

const NO_STATUS: NonNullable<RawWorkload['status']> = {};

/** When a manager's fields last changed, and whether spec.replicas is one of them. */
function appliedBy(object: KubeObject, by: string): {at: number | undefined; replicas: boolean} {
  const entry = object.metadata.managedFields?.find(
    ({manager, operation, subresource}) => manager === by && operation === 'Apply' && (subresource ?? '') === '',
  );
  return {at: millis(entry?.time), replicas: entry?.fieldsV1?.['f:spec']?.['f:replicas'] !== undefined};
}

/** Of an object's containers, or their statuses, ours: sidecars that others inject may come first. It is named as its component. */
function ownOf<T extends {readonly name: string}>(object: KubeObject, all: readonly T[] | undefined): T | undefined {
  const component = object.metadata.labels?.[labels.component];
  return all?.find(({name}) => name === component);
}

/** Keeps the rollout of a Deployment. */
export function projectDeployment(object: RawWorkload): DeploymentProjection {
  const status = object.status ?? NO_STATUS;
  const count = (value: number | undefined): number => value ?? 0;
  const applied = appliedBy(object, FIELD_MANAGER);
  return {
    ...projectRendered(object),
    revision: object.spec?.template?.metadata?.labels?.[labels.revision],
    image: ownOf(object, object.spec?.template?.spec?.containers)?.image,
    generation: count(object.metadata.generation),
    observedGeneration: count(status.observedGeneration),
    appliedAt: applied.at,
    wanted: count(object.spec?.replicas),
    total: count(status.replicas),
    updated: count(status.updatedReplicas),
    ready: count(status.readyReplicas),
    available: count(status.availableReplicas),
    replicaFailure: replicaFailureOf(object),
    ownsReplicas: applied.replicas,
    replicasHeld: appliedBy(object, REPLICAS_HANDOVER_MANAGER).replicas,
  };
}

/** Keeps how many pods of which revision a ReplicaSet has. */
export function projectReplicaSet(object: RawWorkload): ReplicaSetProjection {
  return {
    owner: ownerOf(object),
    revision: object.metadata.labels?.[labels.revision],
    image: ownOf(object, object.spec?.template?.spec?.containers)?.image,
    ready: object.status?.readyReplicas ?? 0,
    total: object.status?.replicas ?? 0,
    replicaFailure: replicaFailureOf(object),
  };
}

/** Keeps whether a volume is bound. */
export function projectClaim(object: RawWorkload): ClaimProjection {
  return {
    owner: ownerOf(object),
    uid: object.metadata.uid ?? '',
    ownerReferences: object.metadata.ownerReferences ?? [],
    phase: object.status?.phase ?? 'Pending',
    storageClass: object.spec?.storageClassName,
  };
}

/** Keeps a revision's data and facts; undefined when it has none. */
export function projectControllerRevision(
  object: KubeObject & {data?: RevisionData; revision?: number},
): ControllerRevisionProjection | undefined {
  if (object.data === undefined) return undefined;
  return {
    owner: ownerOf(object),
    data: object.data,
    revision: object.revision ?? 0,
    createdAt: millis(object.metadata.creationTimestamp) ?? 0,
    annotations: object.metadata.annotations ?? {},
  };
}

const STARTING = new Set(['ContainerCreating', 'PodInitializing']);

function waitingOf(statuses: readonly RawContainerStatus[]): PodProjection['waiting'] {
  for (const status of statuses) {
    const waiting = status.state?.waiting;
    if (waiting?.reason === undefined || STARTING.has(waiting.reason)) continue;
    return {container: status.name, reason: waiting.reason, message: (waiting.message ?? '').slice(0, 512)};
  }
  return undefined;
}

function lastTerminationOf(statuses: readonly RawContainerStatus[]): PodProjection['lastTermination'] {
  for (const status of statuses) {
    const ended = status.state?.terminated ?? status.lastState?.terminated;
    if (ended === undefined) continue;
    return {reason: ended.reason ?? 'Error', exitCode: ended.exitCode, at: millis(ended.finishedAt) ?? 0};
  }
  return undefined;
}

function initFailureOf(statuses: readonly RawContainerStatus[]): string | undefined {
  for (const status of statuses) {
    const ended = status.state?.terminated ?? status.lastState?.terminated;
    if (ended !== undefined && ended.exitCode !== 0)
      return (ended.message ?? `exit code ${String(ended.exitCode)}`).trim().slice(0, 512);
  }
  return undefined;
}

function memoryLimitOf(object: RawPod): string | undefined {
  return ownOf(object, object.spec?.containers)?.resources?.limits?.memory;
}

/** Keeps how a pod is, and why it is not if it is not. */
export function projectPod(object: RawPod): PodProjection {
  const {
    phase = 'Pending',
    podIP,
    conditions,
    initContainerStatuses = [],
    containerStatuses = [],
  } = object.status ?? {};
  const all = [...initContainerStatuses, ...containerStatuses];
  return {
    owner: ownerOf(object),
    component: object.metadata.labels?.[labels.component],
    revision: object.metadata.labels?.[labels.revision],
    createdAt: millis(object.metadata.creationTimestamp) ?? 0,
    ip: podIP,
    node: object.spec?.nodeName,
    phase,
    ...readinessOf(conditions),
    nodeEviction: nodeEvictionOf(object.status),
    memoryLimit: memoryLimitOf(object),
    terminating: object.metadata.deletionTimestamp !== undefined,
    restarts: all.reduce((total, container) => total + container.restartCount, 0),
    waiting: waitingOf(all),
    lastTermination: lastTerminationOf(containerStatuses),
    runningSince: millis(ownOf(object, containerStatuses)?.state?.running?.startedAt),
    imageId: imageIdOf(ownOf(object, containerStatuses)),
    initFailure: initFailureOf(initContainerStatuses),
    backup: projectBackupPod(object),
  };
}

/**
 * The kubelet also evicts a pod that used more of its own disk than it may: that is no fault of the node (messages of
 * pkg/kubelet/eviction and pkg/kubelet/nodeshutdown).
 */
function nodeEvictionOf(status: RawPod['status']): PodProjection['nodeEviction'] {
  const {phase, reason, message = '', startTime, conditions} = status ?? {};
  if (phase !== 'Failed') return undefined;
  const forced = (reason === 'Evicted' && message.startsWith('The node ')) || reason === 'Terminated';
  const at = millis(condition(conditions, 'DisruptionTarget')?.lastTransitionTime ?? startTime);
  return forced && at !== undefined ? {reason: message.slice(0, 256), at} : undefined;
}

/** Empty while the container hasn't started. */
function imageIdOf(status: RawContainerStatus | undefined): string | undefined {
  return status?.imageID === '' ? undefined : status?.imageID;
}

/** A node's controller turns this one condition and gives no reason; a kubelet has one, and turns the other too. */
function isNodeLost(ready: RawCondition | undefined, containers: RawCondition | undefined): boolean {
  return ready?.status === 'False' && (ready.reason ?? '') === '' && containers?.status === 'True';
}

function readinessOf(
  conditions: readonly RawCondition[] | undefined,
): Pick<PodProjection, 'ready' | 'readySince' | 'notReadySince' | 'nodeLost' | 'unschedulable'> {
  const ready = condition(conditions, 'Ready');
  const scheduled = condition(conditions, 'PodScheduled');
  const isReady = ready?.status === 'True';
  return {
    ready: isReady,
    readySince: isReady ? millis(ready.lastTransitionTime) : undefined,
    notReadySince: ready?.status === 'False' ? millis(ready.lastTransitionTime) : undefined,
    nodeLost: isNodeLost(ready, condition(conditions, 'ContainersReady')),
    unschedulable: scheduled?.status === 'False' ? (scheduled.message ?? scheduled.reason) : undefined,
  };
}
