import {randomUUID} from 'node:crypto';
import type {ChildResult, ChildWriter} from '../act/children.ts';
import {CHECKPOINT_INTERVAL_MS, writeCheckpoint} from '../act/checkpoint.ts';
import type {DatabaseKeeper} from '../act/database-keeper.ts';
import type {OwnedSecretKeeper} from '../act/owned-secrets.ts';
import type {RevisionWriter} from '../act/revisions.ts';
import type {StatusWriter} from '../act/status-writer.ts';
import {
  API_VERSION,
  events,
  requestAnnotations,
  resources,
  type MaintenanceApi,
  type MaintenanceApiStatus,
  type RevisionData,
} from '../api/v1alpha1/index.ts';
import {
  controllerRevision,
  desiredObjects,
  maxConnections,
  ports,
  replicasHandover,
  revisionData,
  revisionHash,
} from '../desired/index.ts';
import type {Cache} from '../observe/cache.ts';
import type {DatabaseProbes} from '../observe/database-probe.ts';
import type {Scraper} from '../observe/scraper.ts';
import {decide, measuredSince, type Decision, type Observation} from '../remediation/index.ts';
import {
  done,
  isApiError,
  retry,
  wait,
  type Clock,
  type EventRecorder,
  type KubeClient,
  type Outcome,
  type ReconcileContext,
} from '../runtime/index.ts';
import {conditionsOf, type DatabaseView} from './conditions.ts';
import {databaseView} from './database-view.ts';
import {databaseTarget, recordMeasurements, scrapeTargets} from './measure.ts';
import {hashOf, observe} from './observation.ts';
import type {ResourceState, ResourceStates} from './resource-state.ts';
import {statusOf} from './status.ts';
import {transitionsBetween} from './transitions.ts';

export interface MaintenanceApiControllerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly cache: Cache;
  readonly scraper: Scraper;
  readonly probes: DatabaseProbes;
  readonly states: ResourceStates;
  readonly secrets: OwnedSecretKeeper;
  readonly keeper: DatabaseKeeper;
  readonly children: ChildWriter;
  readonly revisions: RevisionWriter;
  readonly status: StatusWriter;
  readonly recorder: EventRecorder;
  /** Throws when the lease is too old to write (invariant 14). */
  readonly guard: () => void;
}

/** One resource at one reconcile; each field says who fills it. */
interface Scope {
  readonly key: string;
  readonly api: MaintenanceApi;
  /** refresh() */
  readonly state: ResourceState;
  /** wantedRevision() */
  readonly wanted: {readonly hash: string; readonly data: RevisionData} | undefined;
  /** observe() */
  readonly observation: Observation;
  /** decide() */
  readonly decision: Decision;
  readonly database: DatabaseView;
  readonly problem: string | undefined;
}

/** The database is asked this often; sooner while something is suspected. */
const DATABASE_INTERVAL_MS = 15_000;
const DATABASE_INTERVAL_SUSPECTED_MS = 5_000;

/** Reconciles one MaintenanceApi: observe, decide, act, and its status once at the end. */
export class MaintenanceApiController {
  readonly #o: MaintenanceApiControllerOptions;

  constructor(options: MaintenanceApiControllerOptions) {
    this.#o = options;
  }

  /** Whether the cache has seen our last writes to this resource and its children. */
  fresh(key: string): boolean {
    return this.#o.cache.fresh(key);
  }

  async reconcile(key: string, context: ReconcileContext): Promise<Outcome> {
    const reading = this.#o.cache.apis.get(key)?.value;
    if (reading === undefined || (reading.valid && reading.api.metadata.deletionTimestamp !== undefined)) {
      this.#forget(key);
      return done;
    }
    if (!reading.valid) {
      context.logger.error(
        {problem: reading.problem},
        'Leaving the resource alone: its spec is not one of this version',
      );
      return done;
    }
    try {
      return await this.#reconcile(key, reading.api);
    } catch (error) {
      if (isNamespaceTerminating(error)) return done;
      return retry(error, isApiError(error, 'Conflict') ? 500 : undefined);
    }
  }

  async #reconcile(key: string, api: MaintenanceApi): Promise<Outcome> {
    const state = await this.#o.states.refresh(key, api);
    const wanted = this.#wantedRevision(api, state);
    if (wanted !== undefined && (await this.#ensureRevision(key, api, wanted))) {
      return wait(50, 'the revision was created; waiting to see it');
    }
    const scope = await this.#decide(key, api, state, wanted);
    const {decision} = scope;

    const recorded = await this.#recordAction(scope);
    if (recorded) return wait(50, 'the action was recorded; waiting to see it');
    await this.#writeRevisionFacts(scope);
    const children = api.spec.paused ? [] : await this.#applyChildren(scope);
    await this.#prune(scope);
    await this.#writeStatus(scope, children);
    await this.#answerRetry(scope);
    await this.#saveCheckpoint(scope);
    this.#watch(scope);
    const next = Math.min(decision.lookAgainMs, this.#o.states.nextRefreshMs(key));
    return wait(next, 'looking again');
  }

  #forget(key: string): void {
    this.#o.scraper.forget(key);
    this.#o.probes.forget(key);
    this.#o.states.forget(key);
    this.#o.keeper.forget(key);
    this.#o.status.forget(key);
  }

  #wantedRevision(api: MaintenanceApi, state: ResourceState): Scope['wanted'] {
    if (state.references.missing.length > 0 || state.secrets === undefined) return undefined;
    const data = revisionData(api, state.references.hashes);
    return {hash: revisionHash(data), data};
  }

  /** @returns whether it had to be created */
  async #ensureRevision(key: string, api: MaintenanceApi, wanted: NonNullable<Scope['wanted']>): Promise<boolean> {
    const known = this.#o.cache.revisions.ownedBy(key).filter((item) => item.owner?.uid === api.metadata.uid);
    if (known.some((item) => hashOf(item) === wanted.hash)) return false;
    const highest = Math.max(0, ...known.map((item) => item.value.projection?.revision ?? 0));
    await this.#o.revisions.create(api, controllerRevision(api, {...wanted, revision: highest + 1}));
    return true;
  }

  async #decide(key: string, api: MaintenanceApi, state: ResourceState, wanted: Scope['wanted']): Promise<Scope> {
    const {cache, scraper, probes, clock} = this.#o;
    const now = clock.now();
    const scrapes = scraper.results(key);
    const latencyThresholdMs = api.spec.slo.latency.thresholdMilliseconds;
    recordMeasurements(state.levels, scrapes, {cache, key, now, latencyThresholdMs});
    const reading = probes.reading(key);
    const observation = observe({
      key,
      api,
      desired: wanted?.hash,
      cache,
      levels: state.levels,
      scrapes,
      database: reading,
      retry: api.metadata.annotations?.[requestAnnotations.retry],
      now,
      freshId: randomUUID(),
    });
    const database = databaseView(cache, api, {reading, initialised: state.secrets?.serverUuids['0'] !== undefined});
    const problem = state.secretsProblem ?? (await this.#keepDatabase(key, api, state));
    return {key, api, state, wanted, observation, decision: decide(observation), database, problem};
  }

  /** Brings accounts, limits and certificate of a reachable server to what Secrets and spec say, once a start. */
  async #keepDatabase(key: string, api: MaintenanceApi, state: ResourceState): Promise<string | undefined> {
    const reading = this.#o.probes.reading(key);
    const {secrets} = state;
    const admin = databaseTarget(this.#o.cache, api, state, 'admin');
    if (reading?.reachable !== true || secrets === undefined || admin === undefined || api.spec.paused)
      return undefined;
    const uuid = secrets.serverUuids['0'];
    if (uuid === undefined && reading.serverUuid !== undefined) {
      await this.#o.secrets.rememberServerUuid(api, {0: reading.serverUuid});
      state.secrets = {...secrets, serverUuids: {...secrets.serverUuids, 0: reading.serverUuid}};
    }
    if (uuid !== undefined && reading.serverUuid !== undefined && uuid !== reading.serverUuid) {
      return `The database's volume holds server ${reading.serverUuid}, but this resource's data is of server ${uuid}: attach the right volume`;
    }
    const connections = maxConnections(api.spec);
    const fingerprint = `${admin.host}/${String(Math.round((reading.startedAt ?? 0) / 60_000))}/${secrets.version}/${String(connections)}`;
    return this.#o.keeper.keep(key, fingerprint, () => ({
      admin,
      port: ports.mysql,
      accounts: Object.entries(secrets.accounts).map(([role, account]) => ({role, ...account})),
      maxConnections: connections,
      certificate: secrets.serverCertificate,
    }));
  }

  /**
   * Writes a new or ended action into the status before anything else is done about it (invariant 6). The rest of the
   * status is written with it as it was.
   */
  async #recordAction({api, decision}: Scope): Promise<boolean> {
    const {action} = decision;
    if (action === undefined || action.id === api.status?.remediation?.action?.id) return false;
    const status: MaintenanceApiStatus = {
      ...api.status,
      remediation: {
        mode: 'Auto',
        ...api.status?.remediation,
        action,
        lastDecision: decision.explanation,
        recentActions: [...decision.recentActions],
      },
    };
    await this.#o.status.write(api, status);
    this.#emit(api, api.status, status);
    return true;
  }

  async #writeRevisionFacts({key, api, decision}: Scope): Promise<void> {
    const known = this.#o.cache.revisions.ownedBy(key);
    for (const {hash, annotations} of decision.revisionPatches) {
      const revision = known.find((item) => hashOf(item) === hash);
      if (revision === undefined) continue;
      const have = revision.value.projection?.annotations ?? {};
      const changed = Object.entries(annotations).some(([name, value]) => (have[name] ?? null) !== value);
      if (changed) await this.#o.revisions.annotate(api, revision, annotations);
    }
  }

  async #applyChildren(scope: Scope): Promise<readonly ChildResult[]> {
    const {api, key, decision, state} = scope;
    const served = this.#revisionToServe(scope, decision.serve);
    if (served === undefined || state.secrets === undefined) return [];
    const wanted = desiredObjects({api, revision: served});
    await this.#handOverReplicas(key, api);
    const results = await this.#o.children.apply(api, wanted);
    await this.#o.children.removeUnwanted(api, wanted);
    return results;
  }

  #revisionToServe({key, wanted}: Scope, hash: string | undefined): Scope['wanted'] {
    if (hash === undefined) return undefined;
    if (wanted?.hash === hash) {
      const stored = this.#o.cache.revisions.ownedBy(key).find((item) => hashOf(item) === hash);
      return {hash, data: stored?.value.projection?.data ?? wanted.data};
    }
    const stored = this.#o.cache.revisions.ownedBy(key).find((item) => hashOf(item) === hash)?.value.projection;
    return stored === undefined ? undefined : {hash, data: stored.data};
  }

  /** Before replicas are left to the autoscaler, another manager takes over what we own: dropping it would reset it. */
  async #handOverReplicas(key: string, api: MaintenanceApi): Promise<void> {
    const deployment = this.#o.cache.deployments.get(key)?.value;
    if (api.spec.replicas !== undefined || deployment?.ownsReplicas !== true) return;
    const {namespace, name} = api.metadata;
    await this.#o.client.patch(resources.deployment, namespace, name, replicasHandover(api, deployment.wanted), {
      type: 'apply',
      fieldManager: 'maintenance-api-operator-replicas',
      force: true,
      beforeSend: this.#o.guard,
    });
  }

  async #prune({key, api, decision}: Scope): Promise<void> {
    for (const hash of decision.prune) {
      const revision = this.#o.cache.revisions.ownedBy(key).find((item) => hashOf(item) === hash);
      if (revision !== undefined) await this.#o.revisions.remove(api, revision);
    }
  }

  async #writeStatus(scope: Scope, children: readonly ChildResult[]): Promise<void> {
    const {api, observation, decision, database, state, problem} = scope;
    const objectives = state.levels.objectiveStatuses(observation.now, {
      slo: api.spec.slo,
      since: measuredSince(api.status),
      previous: api.status?.slo,
    });
    const conditions = conditionsOf({
      api,
      now: new Date(observation.now),
      observation,
      decision,
      children,
      missing: state.references.missing,
      secretsProblem: problem,
      accessMissing: state.accessMissing,
      database,
      objectives,
    });
    const status = statusOf({
      api,
      observation,
      decision,
      conditions,
      objectives,
      database,
      serverUuid: state.secrets?.serverUuids['0'],
      maxConnections: maxConnections(api.spec),
    });
    const written = await this.#o.status.write(api, status);
    if (written !== undefined) this.#emit(api, api.status, status);
  }

  #emit(api: MaintenanceApi, before: MaintenanceApiStatus | undefined, after: MaintenanceApiStatus): void {
    const {name, namespace, uid} = api.metadata;
    const regarding = {apiVersion: API_VERSION, kind: 'MaintenanceApi', name, namespace, uid};
    for (const {reason, note} of transitionsBetween(before, after)) {
      const {type, action} = events[reason];
      this.#o.recorder.record({regarding, type, reason, action, note});
    }
  }

  /** An answered request is taken away, so that it isn't answered again after the next rollback (invariant 1). */
  async #answerRetry({api, observation}: Scope): Promise<void> {
    const hash = observation.retry;
    if (hash === undefined) return;
    const pending = observation.revisions.some(
      (item) => item.hash === hash && (item.suspendedAt !== undefined || item.rejectedAt !== undefined),
    );
    const known = observation.revisions.some((item) => item.hash === hash);
    // The facts were patched in this reconcile; the annotation goes once the cache shows that they are lifted.
    if (pending) return;
    const {name, namespace, uid} = api.metadata;
    const path = `/metadata/annotations/${requestAnnotations.retry.replaceAll('/', '~1')}`;
    await this.#o.client.patch(
      resources.maintenanceApi,
      namespace,
      name,
      [
        {op: 'test', path, value: hash},
        {op: 'remove', path},
      ],
      {type: 'json', beforeSend: this.#o.guard},
    );
    const reason = known ? 'RetryAccepted' : 'RetryUnknown';
    const note = known ? `Revision ${hash} may be rolled out again` : `No revision ${hash} is in history`;
    const {type, action} = events[reason];
    this.#o.recorder.record({
      regarding: {apiVersion: API_VERSION, kind: 'MaintenanceApi', name, namespace, uid},
      type,
      reason,
      action,
      note,
    });
  }

  async #saveCheckpoint({api, state, observation}: Scope): Promise<void> {
    if (observation.now - state.checkpointAt < CHECKPOINT_INTERVAL_MS) return;
    const checkpoint = JSON.stringify(state.levels.checkpoint(observation.now));
    await writeCheckpoint(this.#o.client, api, checkpoint, this.#o.guard);
    state.checkpointAt = observation.now;
  }

  /** What is to be read from now on, and how often. */
  #watch({key, api, state, decision}: Scope): void {
    const {cache, scraper, probes} = this.#o;
    const thresholdMilliseconds = api.spec.slo.latency.thresholdMilliseconds;
    scraper.watch(key, scrapeTargets(cache, key), {thresholdMilliseconds, intervalMs: decision.lookAgainMs});
    const suspected = decision.breached || probes.reading(key)?.reachable !== true;
    const interval = suspected ? DATABASE_INTERVAL_SUSPECTED_MS : DATABASE_INTERVAL_MS;
    probes.watch(key, databaseTarget(cache, api, state, 'monitor'), interval);
  }
}

/** A namespace that is being deleted refuses new objects; the resource goes with it, so there is nothing left to do. */
function isNamespaceTerminating(error: unknown): boolean {
  return isApiError(error, 'Forbidden') && error.message.includes('being terminated');
}
