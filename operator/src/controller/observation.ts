import {requestAnnotations, revisionAnnotations, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {
  measuredSince,
  type BackupFacts,
  type DatabaseFacts,
  type DeploymentFacts,
  type Observation,
  type PodFacts,
  type RevisionFacts,
} from '../remediation/index.ts';
import {childNames, milliValue, quantityValue, RENDER_VERSION} from '../desired/index.ts';
import type {Cached} from '../runtime/index.ts';
import type {MemoryTrends, ServiceLevels} from '../slo/index.ts';
import type {Cache} from '../observe/cache.ts';
import type {DatabaseReading} from '../observe/database-probe.ts';
import type {ControllerRevisionProjection, DeploymentProjection, PodProjection} from '../observe/projections.ts';
import type {PodReading} from '../observe/pod-metrics.ts';
import type {SourceReading} from '../observe/prometheus-source.ts';
import type {ScrapeResult} from '../observe/scraper.ts';
import {backupRuns, type BackupRun} from './backup-runs.ts';
import {mayInterrupt} from './maintenance-window.ts';

/** Everything that an observation is put together from; nothing here is read over the network any more. */
export interface ObservationInput {
  readonly key: string;
  readonly api: MaintenanceApi;
  /** undefined while something that the spec refers to is missing. */
  readonly desired: string | undefined;
  readonly cache: Cache;
  readonly levels: ServiceLevels;
  readonly memory: Pick<MemoryTrends, 'trends'>;
  readonly scrapes: readonly ScrapeResult[];
  /** What the Prometheus told to which the spec refers. */
  readonly source: SourceReading | undefined;
  readonly database: DatabaseReading | undefined;
  readonly now: number;
  readonly freshId: string;
  /** How the other resources are. */
  readonly fleet: Observation['fleet'];
}

/** A copy without its undefined members, as exact optional properties want it. */
const defined = <T extends object>(value: T): {[K in keyof T]: Exclude<T[K], undefined>} =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const timeOf = (annotations: Readonly<Record<string, string>>, name: string): number | undefined => {
  const value = annotations[name];
  const time = value === undefined ? NaN : Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
};

function revisionFacts(hash: string, {annotations, data, createdAt}: ControllerRevisionProjection): RevisionFacts {
  const schemaVersion = annotations[revisionAnnotations.schemaVersion];
  const {external} = data.database;
  return defined({
    hash,
    image: data.spec.image,
    createdAt,
    references: data.references,
    database: external && `${external.host}:${external.port}`,
    goodAt: timeOf(annotations, revisionAnnotations.good),
    suspendedAt: timeOf(annotations, revisionAnnotations.suspended),
    rejectedAt: timeOf(annotations, revisionAnnotations.rejected),
    breachedAt: timeOf(annotations, revisionAnnotations.breached),
    schemaVersion: schemaVersion === undefined ? undefined : Number(schemaVersion),
    imageId: annotations[revisionAnnotations.imageId],
    restarted: annotations[revisionAnnotations.restarted],
    renderVersion: renderVersionOf({annotations, data}),
  });
}

/** The generation of templates that a revision's pods are rendered by. */
export function renderVersionOf({
  annotations,
  data,
}: Pick<ControllerRevisionProjection, 'annotations' | 'data'>): number {
  return Number(annotations[revisionAnnotations.renderVersion] ?? data.renderVersion);
}

/** A ControllerRevision's hash is the end of its name (`<name>-<hash>`). */
export function hashOf(revision: {readonly name: string}): string {
  return revision.name.slice(revision.name.lastIndexOf('-') + 1);
}

/** What each of the API's containers requests, in cores (0: nothing), and how the memory of each moved. */
interface Own {
  readonly cpuRequested: number;
  readonly memory: ObservationInput['memory'];
  /** Rounds in a row in which the Prometheus to which the spec refers told nothing; 0 where it refers to none. */
  readonly blindRounds: number;
}

const blindRoundsOf = ({source}: ObservationInput): number => source?.blindRounds ?? 0;

function memoryOf(
  scrape: ScrapeResult | undefined,
  limit: string | undefined,
  memory: Own['memory'],
): PodFacts['memory'] {
  const bytes = scrape?.failures === 0 ? scrape.reading?.residentBytes : undefined;
  if (scrape === undefined || bytes === undefined || limit === undefined) return undefined;
  return {bytes, limit: quantityValue(limit), trends: memory.trends(scrape.uid)};
}

/** What a pod says of itself, where it could be read. */
function wordOf(scrape: ScrapeResult | undefined): {failing: string | undefined; readOnly: boolean | undefined} {
  const reading = scrape?.failures === 0 ? scrape.reading : undefined;
  return {failing: reading?.failing, readOnly: reading?.readOnly};
}

/**
 * One of the API's pods, as the API server tells, with its last reading.
 *
 * @param own - what each of the API's containers requests, how the memory of each moved, and the rounds in which the
 *   Prometheus to which the spec refers told nothing: then no pod is readable, since what was chosen to go by is gone
 *   (invariant 5), though the operator's own readings tell other things
 */
function podFacts(
  {uid, name, value}: Cached<PodProjection>,
  scrape: ScrapeResult | undefined,
  {cpuRequested, memory, blindRounds}: Own,
): PodFacts {
  const {createdAt, ready, terminating, restarts} = value;
  return {
    uid,
    name,
    revision: value.revision ?? '',
    createdAt,
    ready,
    terminating,
    restarts,
    ...defined({
      node: value.node,
      readySince: value.readySince,
      notReadySince: value.notReadySince,
      nodeLost: value.nodeLost ? true : undefined,
      runningSince: value.runningSince,
      waiting: value.waiting,
      lastTermination: value.lastTermination,
      unschedulable: value.unschedulable,
      imageId: value.imageId,
      failedReads: scrape && Math.max(scrape.failures, blindRounds),
      ...wordOf(scrape),
      memory: memoryOf(scrape, value.memoryLimit, memory),
      cpuShare: cpuRequested > 0 && scrape?.cpuCores !== undefined ? scrape.cpuCores / cpuRequested : undefined,
    }),
  };
}

/** Ready pods by revision, and why a ReplicaSet can't create pods. */
function replicaSetFacts({cache, key}: ObservationInput): Pick<DeploymentFacts, 'readyByRevision' | 'replicaFailure'> {
  const readyByRevision: Record<string, number> = {};
  const sets = cache.replicaSets.ownedBy(key).map((set) => set.value);
  for (const {revision, ready} of sets) {
    if (revision !== undefined && ready > 0) readyByRevision[revision] = (readyByRevision[revision] ?? 0) + ready;
  }
  const replicaFailure = sets.find((set) => set.replicaFailure !== undefined)?.replicaFailure;
  return defined({readyByRevision, replicaFailure});
}

function isComplete(deployment: DeploymentProjection): boolean {
  const {generation, observedGeneration, updated, wanted, total, available} = deployment;
  const current = observedGeneration >= generation;
  return current && updated >= wanted && total === updated && available >= wanted;
}

function deploymentFacts(input: ObservationInput): DeploymentFacts | undefined {
  const deployment = input.cache.deployments.get(input.key);
  if (deployment?.value.revision === undefined) return undefined;
  const {value} = deployment;
  return {
    uid: deployment.uid,
    revision: deployment.value.revision,
    renderVersion: value.renderVersion,
    wantedReplicas: value.wanted,
    readyReplicas: value.ready,
    updatedReplicas: value.updated,
    rolloutComplete: isComplete(value),
    rolloutStartedAt: value.appliedAt ?? input.now,
    ...defined({replicaFailure: value.replicaFailure}),
    ...replicaSetFacts(input),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Share of the database's connections that comes from pods of the revision that is being rolled out. */
function shareFromNewPods(input: ObservationInput, pods: readonly Cached<PodProjection>[]): number | undefined {
  const byAddress = input.database?.connectionsByAddress ?? new Map<string, number>();
  const all = sum([...byAddress.values()]);
  const newest = input.cache.deployments.get(input.key)?.value.revision;
  const fromNew = pods
    .filter((pod) => pod.value.revision === newest)
    .map((pod) => byAddress.get(pod.value.ip ?? '') ?? 0);
  return all === 0 ? undefined : sum(fromNew) / all;
}

/**
 * What any pod says was applied: an older pod may not have looked since, and one that says that the revision before can't
 * read a migration is believed.
 */
function migrationsOf(pages: readonly (PodReading | undefined)[]): DatabaseFacts['migrations'] {
  const told = pages.flatMap((page) => page?.migrations ?? []);
  if (told.length === 0) return undefined;
  const versions = [...new Set(told.map(({version}) => version))].sort((a, b) => a - b);
  return versions.map((version) => ({
    version,
    previousCanRead: told.every((migration) => migration.version !== version || migration.previousCanRead),
  }));
}

function databaseFacts(input: ObservationInput, pods: readonly Cached<PodProjection>[]): DatabaseFacts {
  const reading: Partial<DatabaseReading> = input.database ?? {};
  const databasePod = input.cache.pods.ownedBy(input.key).find((pod) => pod.value.component === 'database')?.value;
  const pages = input.scrapes.filter((scrape) => scrape.failures === 0).map((scrape) => scrape.reading);
  const waits = pages.flatMap((page) => page?.poolWaiting ?? []);
  return defined({
    reachable: reading.reachable,
    askedAt: reading.readAt,
    toldByPods: input.api.spec.database.external === undefined ? undefined : true,
    unreachableSince: reading.unreachableSince,
    reason: reading.reason,
    lastOutage: reading.lastOutage,
    recovering: databasePod === undefined ? undefined : databasePod.phase === 'Running' && !databasePod.ready,
    threadsConnected: reading.threadsConnected,
    threadsRunning: reading.threadsRunning,
    maxConnections: reading.maxConnections,
    connectionErrorsMax: reading.connectionErrorsMax,
    slowQueries: reading.slowQueries,
    poolWaits: waits.length === 0 ? undefined : sum(waits),
    shareFromNewPods: shareFromNewPods(input, pods),
    migrations: migrationsOf(pages),
  });
}

/** One whose pod can't start reads nothing. */
function backupFacts({job, startedAt, end}: BackupRun): BackupFacts[] {
  switch (end.kind) {
    case 'Running':
      return end.waits === undefined ? [{job, startedAt}] : [];
    case 'Succeeded':
      return [{job, startedAt, endedAt: Date.parse(end.result.finishedAt)}];
    case 'Failed':
      return [{job, startedAt, endedAt: end.at}];
  }
}

/** So much of a restart request's value tells it from another, and fits a pod template and status. */
const REQUEST_LENGTH = 63;
const REASON_LENGTH = 1024;

/** What a person asks for by annotation. */
function requestsOf({metadata: {annotations = {}}}: MaintenanceApi): Pick<Observation, 'retry' | 'restart' | 'pause'> {
  const restart = annotations[requestAnnotations.restart]?.slice(0, REQUEST_LENGTH);
  const pause = annotations[requestAnnotations.pauseRemediation];
  return {
    retry: annotations[requestAnnotations.retry],
    restart: restart === '' ? undefined : restart,
    pause: pause === '' ? 'true' : pause?.slice(0, REASON_LENGTH),
  };
}

/** Puts one moment's observation together; IO-free, so that it is of one moment. */
export function observe(input: ObservationInput): Observation {
  const {api, cache, key, levels, now} = input;
  const scrapes = new Map(input.scrapes.map((scrape) => [scrape.uid, scrape]));
  const all = cache.pods.ownedBy(key).filter(({value}) => value.component === 'api');
  // An evicted pod stays as an object for days; it serves nothing, and all that it tells is what its node did.
  const pods = all.filter(({value}) => value.phase !== 'Failed' && value.phase !== 'Succeeded');
  const revisions = cache.revisions
    .ownedBy(key)
    .filter((revision) => revision.owner?.uid === api.metadata.uid)
    .flatMap((revision) =>
      revision.value.projection === undefined ? [] : [{hash: hashOf(revision), projection: revision.value.projection}],
    )
    .sort((a, b) => a.projection.revision - b.projection.revision);
  const cpuRequested = milliValue(api.spec.resources.requests?.cpu ?? 0) / 1000;
  const own: Own = {cpuRequested, memory: input.memory, blindRounds: blindRoundsOf(input)};
  const autoscaler = cache.autoscalers.get(key);
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
    templates: {
      newest: RENDER_VERSION,
      database: cache.statefulSets.get(`${api.metadata.namespace}/${childNames(api.metadata.name).database}`)?.value
        .renderVersion,
      mayReplace: mayInterrupt(api, now),
    },
    pods: pods.map((pod) => podFacts(pod, scrapes.get(pod.uid), own)),
    nodeEvictions: all.flatMap(({name, value: {node, nodeEviction}}) =>
      nodeEviction === undefined ? [] : [{pod: name, ...nodeEviction, ...defined({node})}],
    ),
    fleet: input.fleet,
    backups: backupRuns(cache.jobs.ownedBy(key), cache.pods.ownedBy(key)).flatMap(backupFacts),
    revisionWindows: levels.revisionWindows(now),
    overlap: deployment === undefined ? undefined : levels.overlap(now, deployment.revision),
    serviceWindow: levels.serviceWindow(now, measuredSince(api.status)),
    bakeRequests:
      rolledOutAt === undefined
        ? {}
        : Object.fromEntries(revisions.map(({hash}) => [hash, levels.bakeRequests(hash, rolledOutAt, now)])),
    autoscaler: autoscaler && {uid: autoscaler.uid, minReplicas: autoscaler.value.minReplicas},
    load: levels.load(now, deployment?.rolloutStartedAt),
    database: databaseFacts(input, pods),
    ...(input.source && {source: {prometheus: input.source.server, problem: input.source.problem}}),
    ...requestsOf(api),
    freshId: input.freshId,
  };
}
