import {serverOf, type MaintenanceApi, type ManagedDatabase, type Reason} from '../api/v1alpha1/index.ts';
import {DATA_MISSING_PREFIX, databasePodName, volumeClaimName} from '../desired/index.ts';
import type {Cache} from '../observe/cache.ts';
import type {DatabaseReading} from '../observe/database-probe.ts';
import type {PodProjection} from '../observe/projections.ts';
import type {DatabaseView} from './conditions.ts';
import {externalDatabaseView, type ToldByPods} from './external-database.ts';

const IMAGE_REASONS = new Set(['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull']);

function volumeView(cache: Cache, api: MaintenanceApi, {storage}: ManagedDatabase): DatabaseView | undefined {
  const {namespace, name} = api.metadata;
  const claimName = volumeClaimName(name, 0);
  const claim = cache.claims.get(`${namespace}/${claimName}`);
  if (claim === undefined || claim.value.phase === 'Bound') return undefined;
  const className = storage.className ?? claim.value.storageClass;
  const storageClass =
    className === undefined ? 'no StorageClass (the cluster has no default)' : `StorageClass "${className}"`;
  return {
    state: 'Starting',
    reason: 'VolumePending',
    message: `PersistentVolumeClaim "${claimName}" is ${claim.value.phase}; it asks for ${storageClass}`,
    stalled: false,
  };
}

function podView(name: string, pod: PodProjection, image: string): DatabaseView | undefined {
  const starting = (reason: Reason, message: string): DatabaseView => ({
    ...{state: 'Starting', reason, stalled: false},
    message: `Pod "${name}": ${message}`,
  });
  if (pod.initFailure?.startsWith(DATA_MISSING_PREFIX) === true)
    return {state: 'DataMissing', message: pod.initFailure};
  if (pod.initFailure !== undefined) return starting('DatabaseStarting', pod.initFailure);
  if (pod.waiting !== undefined) {
    const {container, reason, message} = pod.waiting;
    // The kubelet's words go back and forth between a try and the wait for the next, and count the seconds.
    if (IMAGE_REASONS.has(reason)) return starting('ImagePullFailed', `image ${image} can not be pulled`);
    const detail = reason === 'CrashLoopBackOff' ? 'it ends again and again' : message;
    return starting('DatabaseStarting', `container ${container} waits: ${reason}: ${detail}`);
  }
  if (pod.unschedulable !== undefined) {
    return {state: 'Starting', reason: 'Unschedulable', message: `Pod "${name}": ${pod.unschedulable}`, stalled: false};
  }
  return undefined;
}

function probeView(reading: DatabaseReading, initialised: boolean): DatabaseView {
  if (reading.reachable) return {state: 'Ready'};
  return initialised
    ? {state: 'Unreachable', message: `The database does not answer (${reading.reason ?? 'unknown'})`}
    : {state: 'Starting', reason: 'DatabaseStarting', message: 'The database is being initialised', stalled: false};
}

/** What is known of a database besides its objects. */
export interface DatabaseTold {
  readonly reading: DatabaseReading | undefined;
  /** Of an external one: what the API's pods say. */
  readonly told: ToldByPods | undefined;
  /** The revision that the spec asks for, as far as that is known. */
  readonly desired: string | undefined;
  readonly initialised: boolean;
}

/** How the database is, by what can be known of it. */
export function databaseView(cache: Cache, api: MaintenanceApi, known: DatabaseTold): DatabaseView {
  const server = serverOf(api.spec);
  switch (server.kind) {
    case 'Managed':
      return managedDatabaseView(cache, api, server.managed, known);
    case 'External': {
      const pods = cache.pods.ownedBy(`${api.metadata.namespace}/${api.metadata.name}`);
      return externalDatabaseView(api, server.external, {...known, pods});
    }
  }
}

/**
 * How a database of our own is: its volume first, then its pod, then its own answer over the admin interface. Where that can't
 * be asked (no reading) the pod's readiness is what is known.
 */
function managedDatabaseView(
  cache: Cache,
  api: MaintenanceApi,
  managed: ManagedDatabase,
  told: Pick<DatabaseTold, 'reading' | 'initialised'>,
): DatabaseView {
  const {namespace, name} = api.metadata;
  const podName = databasePodName(name, 0);
  const pod = cache.pods.get(`${namespace}/${podName}`);
  if (pod === undefined) {
    return told.initialised
      ? {state: 'Unreachable', message: `Pod "${podName}" does not exist`}
      : {state: 'Starting', reason: 'DatabaseStarting', message: `Pod "${podName}" is being created`, stalled: false};
  }
  const {reading, initialised} = told;
  const obstacle = volumeView(cache, api, managed) ?? podView(podName, pod.value, managed.image);
  if (obstacle !== undefined && reading?.reachable !== true) {
    // What once answered is lost, not starting.
    const lost = initialised && obstacle.state === 'Starting';
    return lost ? {state: 'Unreachable', message: obstacle.message} : obstacle;
  }
  if (reading !== undefined) return probeView(reading, initialised);
  if (pod.value.ready) return {state: 'Ready'};
  return initialised
    ? {state: 'Unreachable', message: `Pod "${podName}" is not ready`}
    : {state: 'Starting', reason: 'DatabaseStarting', message: `Pod "${podName}" is starting`, stalled: false};
}
