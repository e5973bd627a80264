import {revisionAnnotations, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {
  measuredSince,
  type DatabaseFacts,
  type DeploymentFacts,
  type Observation,
  type PodFacts,
  type RevisionFacts,
} from '../remediation/index.ts';
import type {Cached} from '../runtime/index.ts';
import type {ServiceLevels} from '../slo/index.ts';
import type {Cache} from '../observe/cache.ts';
import type {DatabaseReading} from '../observe/database-probe.ts';
import type {ControllerRevisionProjection, PodProjection} from '../observe/projections.ts';
import type {ScrapeResult} from '../observe/scraper.ts';

/** Everything that an observation is put together from; nothing here is read over the network any more. */
export interface ObservationInput {
  readonly key: string;
  readonly api: MaintenanceApi;
  /** undefined while something that the spec refers to is missing. */
  readonly desired: string | undefined;
  readonly cache: Cache;
  readonly levels: ServiceLevels;
  readonly scrapes: readonly ScrapeResult[];
  readonly database: DatabaseReading | undefined;
  readonly retry: string | undefined;
  readonly now: number;
  readonly freshId: string;
}

const timeOf = (annotations: Readonly<Record<string, string>>, name: string): number | undefined => {
  const value = annotations[name];
  const time = value === undefined ? NaN : Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
};

function revisionFacts(hash: string, projection: ControllerRevisionProjection): RevisionFacts {
  const {annotations} = projection;
  const goodAt = timeOf(annotations, revisionAnnotations.good);
  const suspendedAt = timeOf(annotations, revisionAnnotations.suspended);
  const rejectedAt = timeOf(annotations, revisionAnnotations.rejected);
  const breachedAt = timeOf(annotations, revisionAnnotations.breached);
  const schemaVersion = annotations[revisionAnnotations.schemaVersion];
  const imageId = annotations[revisionAnnotations.imageId];
  return {
    hash,
    image: projection.data.spec.image,
    createdAt: projection.createdAt,
    ...(goodAt === undefined ? {} : {goodAt}),
    ...(suspendedAt === undefined ? {} : {suspendedAt}),
    ...(rejectedAt === undefined ? {} : {rejectedAt}),
    ...(breachedAt === undefined ? {} : {breachedAt}),
    ...(schemaVersion === undefined ? {} : {schemaVersion: Number(schemaVersion)}),
    ...(imageId === undefined ? {} : {imageId}),
  };
}

/** A ControllerRevision's hash is the end of its name (`<name>-<hash>`). */
export function hashOf(revision: {readonly name: string}): string {
  return revision.name.slice(revision.name.lastIndexOf('-') + 1);
}

function podFacts(pod: Cached<PodProjection>, scrape: ScrapeResult | undefined): PodFacts {
  const {value} = pod;
  return {
    uid: pod.uid,
    name: pod.name,
    revision: value.revision ?? '',
    createdAt: value.createdAt,
    ...(value.node === undefined ? {} : {node: value.node}),
    ready: value.ready,
    ...(value.readySince === undefined ? {} : {readySince: value.readySince}),
    terminating: value.terminating,
    restarts: value.restarts,
    ...(value.waiting === undefined ? {} : {waiting: value.waiting}),
    ...(value.lastTermination === undefined ? {} : {lastTermination: value.lastTermination}),
    ...(value.unschedulable === undefined ? {} : {unschedulable: value.unschedulable}),
    ...(value.imageId === undefined ? {} : {imageId: value.imageId}),
    ...(scrape === undefined ? {} : {failedReads: scrape.failures}),
  };
}

function deploymentFacts(input: ObservationInput): DeploymentFacts | undefined {
  const {cache, key} = input;
  const deployment = cache.deployments.get(key);
  if (deployment?.value.revision === undefined) return undefined;
  const {value} = deployment;
  const readyByRevision: Record<string, number> = {};
  let replicaFailure = value.replicaFailure;
  for (const replicaSet of cache.replicaSets.ownedBy(key)) {
    const {revision, ready} = replicaSet.value;
    if (revision !== undefined && ready > 0) readyByRevision[revision] = (readyByRevision[revision] ?? 0) + ready;
    replicaFailure ??= replicaSet.value.replicaFailure;
  }
  const current = value.observedGeneration >= value.generation;
  return {
    uid: deployment.uid,
    revision: value.revision ?? '',
    wantedReplicas: value.wanted,
    readyReplicas: value.ready,
    updatedReplicas: value.updated,
    rolloutComplete:
      current && value.updated >= value.wanted && value.total === value.updated && value.available >= value.wanted,
    rolloutStartedAt: value.appliedAt ?? input.now,
    ...(replicaFailure === undefined ? {} : {replicaFailure}),
    readyByRevision,
  };
}

const defined = <T extends object>(value: T): {[K in keyof T]: Exclude<T[K], undefined>} =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

function databaseFacts(input: ObservationInput, pods: readonly Cached<PodProjection>[]): DatabaseFacts {
  const reading = input.database;
  const databasePod = input.cache.pods.ownedBy(input.key).find((pod) => pod.value.component === 'database');
  const scraped = input.scrapes.filter((scrape) => scrape.failures === 0);
  const migrations = scraped.find((scrape) => scrape.reading?.migrations !== undefined)?.reading?.migrations;
  const waits = scraped.map((scrape) => scrape.reading?.poolWaiting).filter((wait) => wait !== undefined);
  const byAddress = reading?.connectionsByAddress ?? new Map<string, number>();
  const connections = [...byAddress.values()].reduce((sum, count) => sum + count, 0);
  const newest = input.cache.deployments.get(input.key)?.value.revision;
  const fromNew = pods
    .filter((pod) => pod.value.revision === newest)
    .reduce((sum, pod) => sum + (byAddress.get(pod.value.ip ?? '') ?? 0), 0);
  return defined({
    reachable: reading?.reachable,
    unreachableSince: reading?.unreachableSince,
    reason: reading?.reason,
    recovering:
      databasePod === undefined ? undefined : databasePod.value.phase === 'Running' && !databasePod.value.ready,
    threadsConnected: reading?.threadsConnected,
    threadsRunning: reading?.threadsRunning,
    maxConnections: reading?.maxConnections,
    connectionErrorsMax: reading?.connectionErrorsMax,
    slowQueries: reading?.slowQueries,
    poolWaits: waits.length === 0 ? undefined : waits.reduce((sum, wait) => sum + wait, 0),
    shareFromNewPods: connections === 0 ? undefined : fromNew / connections,
    migrations,
  });
}

/** Puts one moment's observation together; IO-free, so that it is of one moment. */
export function observe(input: ObservationInput): Observation {
  const {api, cache, key, levels, now} = input;
  const scrapes = new Map(input.scrapes.map((scrape) => [scrape.uid, scrape]));
  const pods = cache.pods.ownedBy(key).filter((pod) => pod.value.component === 'api');
  const revisions = cache.revisions
    .ownedBy(key)
    .filter((revision) => revision.owner?.uid === api.metadata.uid)
    .flatMap((revision) =>
      revision.value.projection === undefined ? [] : [{hash: hashOf(revision), projection: revision.value.projection}],
    )
    .sort((a, b) => a.projection.revision - b.projection.revision);
  const rolledOut = api.status?.revisions?.rolledOutAt;
  const rolledOutAt = rolledOut === undefined ? undefined : Date.parse(rolledOut);
  const deployment = deploymentFacts(input);
  return {
    now,
    spec: api.spec,
    status: api.status,
    desired: input.desired,
    revisions: revisions.map(({hash, projection}) => revisionFacts(hash, projection)),
    deployment,
    pods: pods.map((pod) => podFacts(pod, scrapes.get(pod.uid))),
    revisionWindows: levels.revisionWindows(now),
    overlap: deployment === undefined ? undefined : levels.overlap(now, deployment.revision),
    serviceWindow: levels.serviceWindow(now, measuredSince(api.status)),
    bakeRequests:
      rolledOutAt === undefined
        ? {}
        : Object.fromEntries(revisions.map(({hash}) => [hash, levels.bakeRequests(hash, rolledOutAt, now)])),
    load: levels.load(now, rolledOutAt ?? deployment?.rolloutStartedAt),
    database: databaseFacts(input, pods),
    retry: input.retry,
    freshId: input.freshId,
  };
}
