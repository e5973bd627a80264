import {randomUUID} from 'node:crypto';
import {isNamespaceTerminating, isRefusal} from '../act/attempts.ts';
import type {ChildResult} from '../act/children.ts';
import {
  API_VERSION,
  events,
  requestAnnotations,
  resources,
  type MaintenanceApi,
  type MaintenanceApiStatus,
} from '../api/v1alpha1/index.ts';
import {databasePodName, maxConnections, revisionData, revisionHash, volumeClaimName} from '../desired/index.ts';
import {decide, measuredSince, sharedBreach, type Decision} from '../remediation/index.ts';
import {
  ApiError,
  done,
  isApiError,
  LeaseTooOldError,
  retry,
  wait,
  type Outcome,
  type ReconcileContext,
} from '../runtime/index.ts';
import {Backups, type BackupsView} from './backups.ts';
import {Checkpoints} from './checkpoints.ts';
import {conditionsOf} from './conditions.ts';
import {keepDatabase, rememberServer} from './database-care.ts';
import {databaseView} from './database-view.ts';
import {toldByPods, wordsOf} from './external-database.ts';
import {Failures} from './failures.ts';
import {databaseTarget, measurementsOf, recordMeasurements, scrapeTargets} from './measure.ts';
import {hashOf, observe} from './observation.ts';
import {touchOf, type ResourceState} from './resource-state.ts';
import type {MaintenanceApiControllerOptions, Scope} from './scope.ts';
import {ServedChildren} from './served-children.ts';
import {statusOf} from './status.ts';
import {transitionsBetween} from './transitions.ts';

/** The database is asked this often; sooner while something is suspected. */
const DATABASE_INTERVAL_MS = 15_000;
const DATABASE_INTERVAL_SUSPECTED_MS = 5_000;
const CONFLICT_MS = 500;

/** Reconciles one MaintenanceApi: observe, decide, act, and its status once at the end. */
export class MaintenanceApiController {
  readonly #o: MaintenanceApiControllerOptions;
  readonly #checkpoints: Checkpoints;
  readonly #children: ServedChildren;
  readonly #backups: Backups;
  readonly #failures: Failures;
  /** What was said of resources that can't be used, so that it is said once. */
  readonly #unusable = new Map<string, string>();

  constructor(options: MaintenanceApiControllerOptions) {
    this.#o = options;
    this.#checkpoints = new Checkpoints(options);
    this.#children = new ServedChildren(options);
    this.#backups = new Backups(options);
    this.#failures = new Failures(options.clock);
  }

  /** Saves what a successor should go on from; at most so long, in milliseconds. */
  async stop(withinMs: number): Promise<void> {
    await this.#checkpoints.saveAll(withinMs);
  }

  /** Whether the cache has seen our last writes to this resource and its children. */
  fresh(key: string): boolean {
    return this.#o.cache.fresh(key);
  }

  async reconcile(key: string, context: ReconcileContext): Promise<Outcome> {
    const reading = this.#o.cache.apis.get(key)?.value;
    if (reading === undefined || (reading.valid && reading.api.metadata.deletionTimestamp !== undefined)) {
      this.#forget(key);
      const [namespace, name = ''] = key.split('/');
      this.#o.recorder.forget({...(namespace && {namespace}), name});
      return this.#withoutResource(key);
    }
    if (!reading.valid) {
      const {problem} = reading;
      const said = this.#unusable.get(key) === problem;
      this.#forget(key);
      this.#unusable.set(key, problem);
      if (!said)
        context.logger.error({key, problem}, 'Leaving the resource alone: its spec is not one of this version');
      return done;
    }
    const touch = touchOf(reading.api);
    const restMs = this.#failures.restMs(key, touch);
    if (restMs > 0) return wait(restMs, 'it failed a moment ago');
    try {
      const outcome = await this.#reconcile(key, reading.api);
      this.#failures.forget(key);
      return outcome;
    } catch (error) {
      return this.#failed(key, touch, error);
    }
  }

  async #withoutResource(key: string): Promise<Outcome> {
    try {
      await this.#backups.lookWithoutResource(key);
      return done;
    } catch (error) {
      return isNamespaceTerminating(error) ? done : retry(error, CONFLICT_MS);
    }
  }

  #failed(key: string, touch: string, error: unknown): Outcome {
    // The resource goes with its namespace: there is nothing left to do.
    if (isNamespaceTerminating(error)) return done;
    if (isApiError(error, 'Conflict')) return retry(error, CONFLICT_MS);
    const passes = (error instanceof ApiError && !isRefusal(error)) || error instanceof LeaseTooOldError;
    if (passes) return retry(error);
    this.#failures.add(key, touch);
    return retry(error, this.#failures.restMs(key, touch));
  }

  async #reconcile(key: string, api: MaintenanceApi): Promise<Outcome> {
    const state = await this.#o.states.refresh(key, api);
    const asked = this.#wantedRevision(api, state);
    const kept =
      asked === undefined ? undefined : await this.#children.ensureRevision(key, api, {...asked, touch: state.touch});
    if (typeof kept === 'number') return wait(kept, 'the revision was created; waiting to see it');
    const scope = this.#decide(key, api, state, kept === undefined ? asked : undefined);
    const {decision} = scope;

    const recorded = await this.#recordAction(scope);
    if (recorded) return wait(50, 'the action was recorded; waiting to see it');
    await this.#writeRevisionFacts(scope);
    const results = [
      ...(kept === undefined ? [] : [kept]),
      ...(api.spec.paused ? [] : await this.#evict(scope)),
      ...(api.spec.paused ? [] : await this.#children.apply(scope)),
      ...(api.spec.paused ? [] : await this.#children.prune(scope)),
      ...(api.spec.paused ? [] : await this.#ownVolume(scope)),
    ];
    const backups = await this.#backups.look(scope, results);
    await this.#writeStatus(scope, [...results, ...backups.results], backups);
    this.#watch(scope);
    await rememberServer(this.#o, scope);
    await this.#answerRetry(scope);
    await this.#checkpoints.saveIfDue(scope);
    const next = Math.min(decision.lookAgainMs, this.#o.states.nextRefreshMs(key));
    return wait(next, 'looking again');
  }

  #forget(key: string): void {
    this.#o.scraper.forget(key);
    this.#o.sources.forget(key);
    this.#o.probes.forget(key);
    this.#o.states.forget(key);
    this.#o.keeper.forget(key);
    this.#o.status.forget(key);
    this.#o.resourceMetrics.forget(key);
    this.#o.attempts.forget(key);
    this.#failures.forget(key);
    this.#unusable.delete(key);
  }

  /** undefined while it isn't known what the spec refers to: then what serves is left as it is. */
  #wantedRevision(api: MaintenanceApi, state: ResourceState): Scope['wanted'] {
    const known = state.readFor === api.metadata.generation && state.references.missing.length === 0;
    if (!known || state.secrets === undefined) return undefined;
    const data = revisionData(api, state.references.hashes);
    return {hash: revisionHash(data), data};
  }

  #decide(key: string, api: MaintenanceApi, state: ResourceState, wanted: Scope['wanted']): Scope {
    const {cache, scraper, sources, probes, clock} = this.#o;
    const now = clock.now();
    const source = sources.reading(key);
    const scrapes = measurementsOf(scraper.results(key), source);
    recordMeasurements(state, scrapes, {cache, key, now});
    this.#hearPods(key, api, state, now);
    const reading = state.told?.reading ?? probes.reading(key);
    const observation = observe({
      key,
      api,
      desired: wanted?.hash,
      cache,
      levels: state.levels,
      memory: state.memory,
      scrapes,
      source,
      database: reading,
      now,
      freshId: randomUUID(),
      fleet: this.#o.states.fleet(key, api.metadata.namespace),
    });
    const decision = decide(observation);
    state.breachedSince = sharedBreach(decision) ? (state.breachedSince ?? now) : undefined;
    const database = databaseView(cache, api, {
      ...{reading, told: state.told, desired: wanted?.hash},
      initialised: state.secrets?.server?.serverUuids['0'] !== undefined,
    });
    const secrets = state.secretsProblem === undefined ? [] : [{message: state.secretsProblem, lasting: true}];
    const problems = [...secrets, ...keepDatabase(this.#o, key, api, state)];
    return {key, api, state, wanted, observation, decision, database, problems};
  }

  /** Notes what the API's pods say of a database that isn't asked itself. */
  #hearPods(key: string, api: MaintenanceApi, state: ResourceState, now: number): void {
    const {external} = api.spec.database;
    if (external === undefined) return;
    const words = wordsOf(this.#o.cache.pods.ownedBy(key), this.#o.scraper.results(key), now);
    state.told = toldByPods(state.told, words, external);
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

  /** What a recorded restart is: the eviction of one pod, until it is seen to leave. */
  async #evict({api, decision: {action}, state}: Scope): Promise<readonly ChildResult[]> {
    if (action?.kind !== 'Restart' || action.state !== 'Recorded' || action.targetName === undefined) return [];
    return this.#o.evictions.evict(api, {uid: action.targetUid, name: action.targetName}, state.touch);
  }

  async #ownVolume({api, state}: Scope): Promise<readonly ChildResult[]> {
    const {namespace, name} = api.metadata;
    const claim = volumeClaimName(name, 0);
    const seen = this.#o.cache.claims.get(`${namespace}/${claim}`);
    return seen === undefined ? [] : this.#o.volumeOwner.apply(api, {name: claim, ...seen.value}, state.touch);
  }

  async #writeRevisionFacts({key, api, decision}: Scope): Promise<void> {
    const known = this.#children.revisions(key, api);
    for (const {hash, annotations} of decision.revisionPatches) {
      const revision = known.find((item) => hashOf(item) === hash);
      if (revision === undefined) continue;
      const have = revision.value.projection?.annotations ?? {};
      const changed = Object.entries(annotations).some(([name, value]) => (have[name] ?? null) !== value);
      if (changed) await this.#o.revisions.annotate(api, revision, annotations);
    }
  }

  async #writeStatus(scope: Scope, children: readonly ChildResult[], backups: BackupsView): Promise<void> {
    const {api, observation, decision, database, state, problems, wanted} = scope;
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
      problems,
      accessMissing: state.accessMissing,
      unread: wanted === undefined ? state.unread : undefined,
      database,
      presence: this.#o.cache.presence(),
      backup: backups.answer,
      objectives,
    });
    const status = statusOf({
      api,
      observation,
      decision,
      conditions,
      objectives,
      database,
      serverUuid: state.secrets?.server?.serverUuids['0'],
      maxConnections: api.spec.database.external?.maxConnections ?? maxConnections(api.spec),
      backup: backups.status,
    });
    this.#tellMetrics(scope, status, backups.due);
    const written = await this.#o.status.write(api, status);
    if (written !== undefined) this.#emit(api, api.status, status);
  }

  #tellMetrics(
    {key, state: {secrets}, database}: Scope,
    status: MaintenanceApiStatus,
    backupDue: number | undefined,
  ): void {
    const server = secrets?.server;
    const certificates = server && {server: server.serverCertificate, authority: server.authorityCertificate};
    this.#o.resourceMetrics.tell(key, {status, database, certificates, backupDue});
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
  async #answerRetry({key, api, observation}: Scope): Promise<void> {
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
    const answer = await this.#o.client.patch(
      resources.maintenanceApi,
      namespace,
      name,
      [
        {op: 'test', path, value: hash},
        {op: 'remove', path},
      ],
      {type: 'json', beforeSend: this.#o.guard},
    );
    const version = answer.metadata.resourceVersion;
    if (version !== undefined) this.#o.cache.noteWrite(key, resources.maintenanceApi.kind, key, version);
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

  /** Where Prometheus tells, the pods are read only while it would tell too late. */
  #measure(key: string, api: MaintenanceApi, decision: Decision): void {
    const {cache, scraper, sources} = this.#o;
    const {thresholdMilliseconds} = api.spec.slo.latency;
    const targets = scrapeTargets(cache, key);
    const server = api.spec.slo.source?.prometheusRef?.name;
    if (server === undefined) sources.forget(key);
    else sources.watch(key, {server, targets, thresholdMilliseconds});
    // Only the pods themselves say whether they refuse writes.
    if (server === undefined || decision.looksClosely || decision.maintenance?.readOnly === true) {
      scraper.watch(key, targets, {thresholdMilliseconds, intervalMs: decision.lookAgainMs});
    } else scraper.forget(key);
  }

  /** What is to be read from now on, and how often. */
  #watch({key, api, state, decision}: Scope): void {
    const {cache, probes} = this.#o;
    this.#measure(key, api, decision);
    // No URL that a spec names is fetched from here (invariant 15).
    if (api.spec.database.external !== undefined) {
      probes.forget(key);
      return;
    }
    const pod = cache.pods.get(`${api.metadata.namespace}/${databasePodName(api.metadata.name, 0)}`);
    if (state.secrets?.server?.serverUuids['0'] !== undefined && pod?.value.ip === undefined) {
      probes.absent(key);
      return;
    }
    const suspected = decision.breached || probes.server(key)?.reachable !== true;
    const interval = suspected ? DATABASE_INTERVAL_SUSPECTED_MS : DATABASE_INTERVAL_MS;
    probes.watch(key, databaseTarget(cache, api, state, 'monitor'), interval);
    if (decision.asksDatabase) probes.ask(key);
  }
}
