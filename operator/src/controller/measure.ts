import type {DatabaseTarget, MaintenanceApi} from '../api/v1alpha1/index.ts';
import {databasePodHost, databasePodName, ports} from '../desired/index.ts';
import type {Cache} from '../observe/cache.ts';
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
  const account = state.secrets?.accounts[role];
  if (pod?.value.ip === undefined || account === undefined || state.secrets === undefined) return undefined;
  return {
    namespace,
    pod: podName,
    host: pod.value.ip,
    port: ports.mysqlAdmin,
    serverName: databasePodHost(name, namespace, 0),
    ca: state.secrets.authorityCertificate,
    user: account.user,
    password: account.password,
  };
}

/** Feeds the last readings of the pods into the service levels, and what they have in use. */
export function recordMeasurements(
  {levels, memory}: Pick<ResourceState, 'levels' | 'memory'>,
  results: readonly ScrapeResult[],
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
  for (const {uid, revision, reading, readAt} of results) {
    if (reading === undefined || readAt === undefined) continue;
    const {valid, bad, total, fast, latencyThresholdMs, residentBytes} = reading;
    if (residentBytes !== undefined) memory.record(uid, readAt, residentBytes);
    levels.record({podUid: uid, revision, time: readAt, valid, bad, total, fast, latencyThresholdMs});
  }
}
