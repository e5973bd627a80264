import {maintenanceApiSpec, revisionAnnotations, type MaintenanceApiSpecInput} from '../api/v1alpha1/index.ts';
import {MemoryTrends, ServiceLevels} from '../slo/index.ts';
import {random, SimulatedPod} from '../slo/testing.ts';
import {decide, measuredSince} from './decide.ts';
import {at, iso} from './text.ts';
import type {Decision, Observation, PodFacts, RevisionFacts} from './types.ts';

const SECOND = 1_000;
const START_SECONDS = 10;
/** minReadySeconds of the Deployment. */
const MIN_READY_SECONDS = 15;
const LOOK_SECONDS = 5;
const MEMORY_LIMIT = 1e8;
/** For so long Kubernetes leaves pods on a node that is silent. */
const TOLERATED_SECONDS = 300;
const REPLICAS = 3;

type Status = NonNullable<Observation['status']>;

/** How a revision's pods answer: shares of bad and slow responses, at a time. */
export type Behaviour = (time: number) => {
  readonly bad: number;
  readonly slow?: number;
  readonly crash?: boolean;
  /** What a pod has in use, as a share of its limit, so many milliseconds after it was created. */
  readonly memory?: (age: number) => number;
};

/** Where the controller dies: before the record, after it, after the facts, an eviction, the Deployment, never. */
export type Crash = 'beforeRecord' | 'afterRecord' | 'afterFacts' | 'afterEviction' | 'afterApply' | 'no';

/** How one look of the operator goes. */
export interface Fate {
  readonly crash?: Crash | ((decision: Decision) => Crash);
  /** It reads a status that is older than the last write. */
  readonly stale?: boolean;
}

interface Pod {
  readonly uid: string;
  readonly revision: string;
  readonly createdAt: number;
  readonly simulated: SimulatedPod;
}

/** What makes a world. */
export interface WorldOptions {
  readonly seed: number;
  /** Requests per second. */
  readonly load?: number;
  readonly spec?: Partial<MaintenanceApiSpecInput>;
  readonly behaviour: Readonly<Record<string, Behaviour>>;
  /** The database doesn't answer between these times, and all responses fail. */
  readonly outage?: {readonly from: number; readonly to: number};
  /** Runs of backups that are known at a time. */
  readonly backups?: (time: number) => Observation['backups'];
}

/**
 * A cluster in small, with the operator around `decide` as the controller has it: the record by compare-and-swap, then
 * the facts, then the Deployment, then the status. Rolling updates, requests and readings follow a seeded generator.
 */
export class World {
  static readonly START = Date.parse('2026-03-02T12:00:00Z');

  readonly #options: WorldOptions;
  readonly #chance: () => number;
  #spec: Observation['spec'];
  #levels = new ServiceLevels();
  #memory = new MemoryTrends();
  #now = World.START;
  #ids = 0;
  #pods: Pod[] = [];
  #template: {readonly revision: string; readonly since: number} = {revision: 'a', since: World.START};
  readonly #revisions = new Map<string, RevisionFacts>();
  #statuses: Status[] = [{}];
  #desired = 'a';
  retry: string | undefined;
  /** Since when a pod hangs, by its uid. */
  readonly #hung = new Map<string, number>();
  /** Since when a pod's node is silent, by its uid. */
  readonly #lost = new Map<string, number>();
  /** Pods whose eviction was asked for while they were there. */
  readonly evictions: string[] = [];
  /** uids of every record that was written, and every template that was applied. */
  readonly records: string[] = [];
  readonly templates: string[] = ['a'];
  /** What was decided last. */
  last: Decision | undefined;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#chance = random(options.seed);
    this.#spec = maintenanceApiSpec.parse({image: 'example.com/api:1', ...options.spec});
    this.release('a');
  }

  get now(): number {
    return this.#now;
  }

  get status(): Status {
    return this.#statuses.at(-1) ?? {};
  }

  facts(hash: string): RevisionFacts | undefined {
    return this.#revisions.get(hash);
  }

  /** Ready pods of a revision. */
  ready(hash: string): number {
    return this.#pods.filter((pod) => pod.revision === hash && this.#isReady(pod)).length;
  }

  /** How old its pods are, milliseconds by uid. */
  podAges(): ReadonlyMap<string, number> {
    return new Map(this.#pods.map(({uid, createdAt}) => [uid, this.#now - createdAt]));
  }

  /** The spec asks for a revision. */
  release(hash: string): void {
    this.#desired = hash;
    if (!this.#revisions.has(hash)) {
      this.#revisions.set(hash, {hash, image: `example.com/api:${hash}`, createdAt: this.#now, renderVersion: 1});
    }
  }

  /** Somebody switches read-only mode, which pods follow at once. */
  readOnly(on: boolean): void {
    this.#spec = {...this.#spec, maintenance: {readOnly: on}};
  }

  /** A pod of a revision is not Ready from now on, though it lives. @returns its uid */
  hang(hash: string): string {
    return this.#lose(hash, this.#hung);
  }

  /** The node of a revision's pod is silent from now on. @returns the pod's uid */
  loseNode(hash: string): string {
    return this.#lose(hash, this.#lost);
  }

  #lose(hash: string, since: Map<string, number>): string {
    const pod = this.#pods.find((each) => each.revision === hash && this.#isReady(each));
    if (pod === undefined) throw new Error(`no pod of ${hash} is Ready`);
    since.set(pod.uid, this.#now);
    return pod.uid;
  }

  /** Lets so many looks pass; `each` says how each of them goes. */
  looks(times: number, each: (look: number) => Fate = () => ({})): this {
    for (let look = 0; look < times; look++) {
      this.#passTime();
      this.#operate(each(look));
    }
    return this;
  }

  /** A new process: what was only in memory is lost. */
  restart(): void {
    this.#levels = new ServiceLevels(this.#levels.checkpoint(this.#now));
    this.#memory = new MemoryTrends();
  }

  #passTime(): void {
    for (let second = 0; second < LOOK_SECONDS; second++) {
      this.#now += SECOND;
      this.#takeFromLostNodes();
      this.#roll();
      for (let request = 0; request < (this.#options.load ?? 50); request++) this.#request();
    }
    for (const pod of this.#pods) {
      if (!this.#isReady(pod)) continue;
      this.#levels.podReady(pod.uid, pod.revision, pod.simulated.readyAt, pod.createdAt);
      this.#levels.record(pod.simulated.sample(this.#now));
      this.#memory.record(pod.uid, this.#now, this.#inUse(pod) ?? 0);
    }
    this.#levels.recordReadiness(
      this.#pods.some((pod) => this.#isReady(pod)),
      this.#now,
    );
  }

  /** As Kubernetes does: what its pods tolerate is five minutes. */
  #takeFromLostNodes(): void {
    this.#pods = this.#pods.filter(
      ({uid}) => this.#now - (this.#lost.get(uid) ?? this.#now) < TOLERATED_SECONDS * SECOND,
    );
  }

  /** maxSurge 1, maxUnavailable 0. */
  #roll(): void {
    const {revision} = this.#template;
    const isNew = (pod: Pod): boolean => pod.revision === revision;
    const starting = this.#pods.some((pod) => isNew(pod) && !this.#isAvailable(pod));
    const available = this.#pods.filter((pod) => this.#isAvailable(pod)).length;
    if (available > REPLICAS) {
      const leaves = this.#pods.find((pod) => !isNew(pod)) ?? this.#pods.at(-1);
      this.#pods = this.#pods.filter((pod) => pod !== leaves);
    } else if (!starting && this.#pods.filter(isNew).length < REPLICAS) {
      const uid = `${revision}-${this.#ids++}`;
      const simulated = new SimulatedPod(uid, revision, this.#now + START_SECONDS * SECOND);
      this.#pods.push({uid, revision, createdAt: this.#now, simulated});
    }
    // Pods of a revision that is no longer wanted and never became Ready go at once.
    this.#pods = this.#pods.filter((pod) => isNew(pod) || this.#isReady(pod));
  }

  #behaviour(revision: string): ReturnType<Behaviour> {
    return this.#options.behaviour[revision]?.(this.#now) ?? {bad: 0};
  }

  #inUse({revision, createdAt}: Pod): number | undefined {
    const share = this.#behaviour(revision).memory?.(this.#now - createdAt);
    return share === undefined ? undefined : share * MEMORY_LIMIT;
  }

  #isReady(pod: Pod): boolean {
    if (this.#hung.has(pod.uid) || this.#lost.has(pod.uid)) return false;
    return this.#now >= pod.simulated.readyAt && this.#behaviour(pod.revision).crash !== true;
  }

  #isAvailable(pod: Pod): boolean {
    return this.#isReady(pod) && this.#now >= pod.simulated.readyAt + MIN_READY_SECONDS * SECOND;
  }

  #databaseIsDown(): boolean {
    const {outage} = this.#options;
    return outage !== undefined && this.#now >= outage.from && this.#now < outage.to;
  }

  #request(): void {
    const ready = this.#pods.filter((pod) => this.#isReady(pod));
    const pod = ready[Math.floor(this.#chance() * ready.length)];
    if (pod === undefined) return;
    const {bad, slow = 0} = this.#behaviour(pod.revision);
    pod.simulated.answer({bad: this.#databaseIsDown() || this.#chance() < bad, slow: this.#chance() < slow});
  }

  /** One look of the operator: its status may be older than the last write, and it may die anywhere. */
  #operate({crash: fate = 'no', stale = false}: Fate): void {
    const version = Math.max(0, this.#statuses.length - (stale ? 2 : 1));
    const status = this.#statuses[version] ?? {};
    const decision = decide(this.#observe(status));
    this.last = decision;
    const crash = typeof fate === 'function' ? fate(decision) : fate;
    for (const [step, point] of this.#steps(status, version, decision)) {
      if (crash === point) return this.restart();
      if (step()) continue;
      if (crash !== 'no') this.restart();
      return;
    }
  }

  /** What the controller does, in its order, each with the point before it; a step says whether it goes on. */
  #steps(status: Status, version: number, decision: Decision): [step: () => boolean, before: Crash][] {
    return [
      [() => this.#record(status, version, decision), 'beforeRecord'],
      [() => this.#writeFacts(decision), 'afterRecord'],
      [() => this.#evict(decision), 'afterFacts'],
      [() => this.#apply(decision.serve), 'afterEviction'],
      [() => this.#finish(version, decision), 'afterApply'],
    ];
  }

  #writeFacts({revisionPatches}: Decision): boolean {
    for (const {hash, annotations} of revisionPatches) this.#annotate(hash, annotations);
    return true;
  }

  /** By its uid: a pod that has left can't be evicted again. */
  #evict({action}: Decision): boolean {
    if (action?.kind !== 'Restart' || action.state !== 'Recorded') return true;
    if (!this.#pods.some(({uid}) => uid === action.targetUid)) return true;
    this.evictions.push(action.targetUid);
    this.#pods = this.#pods.filter(({uid}) => uid !== action.targetUid);
    return true;
  }

  #finish(version: number, decision: Decision): boolean {
    if (this.#write(version, this.#next(decision))) this.retry = undefined;
    return false;
  }

  /** @returns whether the operator goes on */
  #record(status: Status, version: number, {action, explanation, recentActions}: Decision): boolean {
    if (action === undefined || action.id === status.remediation?.action?.id) return true;
    const remediation = {mode: 'Auto' as const, ...status.remediation, action, lastDecision: explanation};
    if (this.#write(version, {...status, remediation: {...remediation, recentActions: [...recentActions]}})) {
      this.records.push(action.id);
    }
    return false;
  }

  #next(decision: Decision): Status {
    const {serve, lastKnownGood, rolledOutAt, action, explanation, recentActions, breaker} = decision;
    return {
      revisions: {
        desired: this.#desired,
        ...(serve === undefined ? {} : {serving: serve}),
        ...(lastKnownGood === undefined ? {} : {lastKnownGood}),
        ...(rolledOutAt === undefined ? {} : {rolledOutAt: iso(rolledOutAt)}),
      },
      remediation: {
        mode: 'Auto',
        ...(action === undefined ? {} : {action}),
        ...{lastDecision: explanation, recentActions: [...recentActions]},
        breaker: {state: breaker.state, ...(breaker.openedAt === undefined ? {} : {openedAt: iso(breaker.openedAt)})},
      },
      ...(decision.maintenance && {maintenance: decision.maintenance}),
    };
  }

  /** Compare-and-swap: a write on an older status is refused. */
  #write(version: number, status: Status): boolean {
    if (version !== this.#statuses.length - 1) return false;
    if (JSON.stringify(status) !== JSON.stringify(this.status)) this.#statuses.push(status);
    return true;
  }

  #apply(revision: string | undefined): boolean {
    if (revision === undefined || revision === this.#template.revision) return true;
    this.#template = {revision, since: this.#now};
    this.templates.push(revision);
    return true;
  }

  #annotate(hash: string, annotations: Readonly<Record<string, string | null>>): void {
    const facts: Record<string, unknown> = {...this.#revisions.get(hash)};
    const put = (name: string, fact: string, read: (text: string) => unknown): void => {
      const value = annotations[name];
      if (value === null) Reflect.deleteProperty(facts, fact);
      else if (value !== undefined) facts[fact] = read(value);
    };
    put(revisionAnnotations.good, 'goodAt', at);
    put(revisionAnnotations.suspended, 'suspendedAt', at);
    put(revisionAnnotations.rejected, 'rejectedAt', at);
    put(revisionAnnotations.breached, 'breachedAt', at);
    put(revisionAnnotations.schemaVersion, 'schemaVersion', Number);
    put(revisionAnnotations.imageId, 'imageId', String);
    this.#revisions.set(hash, facts as unknown as RevisionFacts);
  }

  #observe(status: Status): Observation {
    const [{revision, since}, levels] = [this.#template, this.#levels];
    const rolledOutAt = at(status.revisions?.rolledOutAt);
    const ready = this.#pods.filter((pod) => this.#isReady(pod));
    const mine = ready.filter((pod) => pod.revision === revision);
    const {outage, backups = () => []} = this.#options;
    const over = outage !== undefined && this.#now >= outage.to;
    return {
      now: this.#now,
      spec: this.#spec,
      status,
      desired: this.#desired,
      revisions: [...this.#revisions.values()],
      deployment: {
        ...{uid: 'deployment-uid', revision, renderVersion: 1},
        wantedReplicas: REPLICAS,
        readyReplicas: ready.length,
        updatedReplicas: this.#pods.filter((pod) => pod.revision === revision).length,
        rolloutComplete: mine.filter((pod) => this.#isAvailable(pod)).length === this.#pods.length,
        rolloutStartedAt: since,
        readyByRevision: Object.fromEntries([...this.#revisions.keys()].map((hash) => [hash, this.ready(hash)])),
      },
      pods: this.#pods.map((pod) => this.#podFacts(pod)),
      templates: {newest: 1, database: 1, mayReplace: false},
      ...{nodeEvictions: [], fleet: {size: 1, others: []}, backups: backups(this.#now)},
      revisionWindows: levels.revisionWindows(this.#now),
      ...{overlap: levels.overlap(this.#now, revision), autoscaler: undefined, load: levels.load(this.#now, since)},
      serviceWindow: levels.serviceWindow(this.#now, measuredSince(status)),
      bakeRequests:
        rolledOutAt === undefined ? {} : {[revision]: levels.bakeRequests(revision, rolledOutAt, this.#now)},
      database: {
        ...{reachable: !this.#databaseIsDown(), migrations: [{version: 1, previousCanRead: true}]},
        ...(over ? {lastOutage: outage} : {}),
      },
      ...{retry: this.retry, restart: undefined, pause: undefined, freshId: `id-${this.#ids++}`},
    };
  }

  #podFacts(pod: Pod): PodFacts {
    const ready = this.#isReady(pod);
    const bytes = this.#inUse(pod);
    const memory = bytes && {bytes, limit: MEMORY_LIMIT, trends: this.#memory.trends(pod.uid)};
    const lost = this.#lost.has(pod.uid);
    const hungSince = this.#hung.get(pod.uid) ?? this.#lost.get(pod.uid);
    const crashes = this.#behaviour(pod.revision).crash === true && this.#now - pod.createdAt > 30 * SECOND;
    return {
      ...{uid: pod.uid, name: `api-${pod.uid}`, revision: pod.revision, createdAt: pod.createdAt},
      ...{ready, terminating: false, restarts: crashes ? 3 : 0, imageId: `sha256:${pod.revision}`, failedReads: 0},
      ...this.#spec.maintenance,
      ...(ready ? {readySince: pod.simulated.readyAt} : {}),
      ...(memory ? {memory} : {}),
      ...(hungSince === undefined ? {} : {notReadySince: hungSince, runningSince: pod.createdAt}),
      ...(lost ? {nodeLost: true, node: `node of ${pod.uid}`} : {}),
      ...(crashes ? {waiting: {container: 'api', reason: 'CrashLoopBackOff', message: 'back-off'}} : {}),
    };
  }
}
