import type {DatabaseTarget, MaintenanceApi} from '../api/v1alpha1/index.ts';
import {databasePodHost, databasePodName, ports} from '../desired/index.ts';
import type {Cache} from '../observe/cache.ts';
import type {SourceReading} from '../observe/prometheus-source.ts';
import type {ScrapeResult, ScrapeTarget} from '../observe/scraper.ts';
import type {ResourceState} from './resource-state.ts';

/** The API's pods that can be read now. */
export function scrapeTargets(cache: Cache, key: string): ScrapeTarget[] {
  return cache.pods
    .ownedBy(key)
    .filter((pod) => pod.value.component === 'api' && pod.value.phase === 'Running')
    .flatMap((pod) => {
      const {ip, revision} = pod.value;
      if (ip === undefined || revision === undefined) return [];
      return [{namespace: pod.namespace ?? '', pod: pod.name, uid: pod.uid, revision, ip}];
    });
}

/** The database's admin interface, as an account; undefined while there is no pod or no Secret. */
export function databaseTarget(
  cache: Cache,
  api: MaintenanceApi,
  state: ResourceState,
  role: 'monitor' | 'admin',
): DatabaseTarget | undefined {
  const {namespace, name} = api.metadata;
  const podName = databasePodName(name, 0);
  const pod = cache.pods.get(`${namespace}/${podName}`);
  const server = state.secrets?.server;
  const account = server?.accounts[role];
  if (pod?.value.ip === undefined || account === undefined || server === undefined) return undefined;
  return {
    namespace,
    pod: podName,
    host: pod.value.ip,
    port: ports.mysqlAdmin,
    serverName: databasePodHost(name, namespace, 0),
    ca: server.authorityCertificate,
    user: account.user,
    password: account.password,
  };
}

/** A pod's last reading, and who told it: a Prometheus by its name, or the pod itself. */
export interface PodMeasurement extends ScrapeResult {
  readonly toldBy?: string;
}

/**
 * Brings together what the operator read itself and what Prometheus tells. Its own reading of a pod decides.
 *
 * @param own - the operator's readings: all of them, or those while something bakes or is suspected
 * @param source - undefined where the resource refers to no Prometheus
 */
export function measurementsOf(
  own: readonly ScrapeResult[],
  source: SourceReading | undefined,
): readonly PodMeasurement[] {
  if (source === undefined) return own;
  const read = own.filter(({readAt}) => readAt !== undefined);
  const uids = new Set(read.map(({uid}) => uid));
  const others = source.pods.filter(({uid}) => !uids.has(uid));
  return [...read, ...others.map((pod) => ({...pod, toldBy: source.server}))];
}

/** Feeds the last readings of the pods into the service levels, and what they have in use. */
export function recordMeasurements(
  {levels, memory}: Pick<ResourceState, 'levels' | 'memory'>,
  results: readonly PodMeasurement[],
  context: {cache: Cache; key: string; now: number},
): void {
  const pods = context.cache.pods.ownedBy(context.key).filter((pod) => pod.value.component === 'api');
  for (const pod of pods) {
    const {readySince, revision, createdAt} = pod.value;
    if (readySince !== undefined && revision !== undefined) levels.podReady(pod.uid, revision, readySince, createdAt);
  }
  memory.retain(new Set(pods.map(({uid}) => uid)));
  // Before the readings: whether somebody could reach the service decides over a time in which its pods could be read.
  levels.recordReadiness(
    pods.some((pod) => pod.value.ready),
    context.now,
  );
  for (const {uid, revision, reading, readAt, toldBy} of results) {
    if (reading === undefined || readAt === undefined) continue;
    const {valid, bad, total, fast, latencyThresholdMs, residentBytes} = reading;
    if (residentBytes !== undefined) memory.record(uid, readAt, residentBytes);
    const counters = {valid, bad, total, fast, latencyThresholdMs};
    levels.record({podUid: uid, revision, time: readAt, ...counters, ...(toldBy !== undefined && {toldBy})});
  }
}
