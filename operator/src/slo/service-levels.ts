import type {ObjectiveStatus} from '../api/v1alpha1/index.ts';
import {BudgetLedger} from './budget.ts';
import {Cells} from './cells.ts';
import {objectiveStatus, type Inherited, type ObjectiveOptions} from './objective-status.ts';
import {breachesOf, objectivesOf} from './objectives.ts';
import {PodCounters} from './pod-counters.ts';
import type {Checkpoint, Overlap, PodSample, RevisionWindow, WindowCounts} from './types.ts';
import {nothing, RecentResponses, REVISION_WINDOW_MS} from './window.ts';

const MINUTE_MS = 60_000;
const BUCKET_MS = 5 * MINUTE_MS;
/** The load before a rollout is known for so many minutes after it. */
const MINUTES_KEPT = 6 * 60;
/** A bake may last a day; its last hour is known by the minute. */
const BUCKETS_KEPT = (24 * 60) / 5 + 1;
const FINE_KEPT = 60;
/** Revisions whose buckets are kept: what serves, what is rolled out, what is rolled back to, and one more. */
const REVISIONS_KEPT = 4;
const LOAD_BEFORE_MS = 10 * MINUTE_MS;
/** Where no whole minute was observed before a rollout, so much of one tells the load too: one reading in a bake. */
const SHORTEST_LOAD_MS = 5_000;
/** What came since is what is compared with the load before. */
const BASELINE_LAG_MS = 2 * MINUTE_MS;

/**
 * The measurements of one resource, in memory that has a bound. No clock: all times are wall clock in milliseconds and
 * passed in; the same calls give the same answers.
 */
export class ServiceLevels {
  readonly #counters: PodCounters;
  readonly #budget: BudgetLedger;
  readonly #recent = new RecentResponses();
  /** Responses, and milliseconds observed. */
  readonly #minutes = new Cells(MINUTE_MS, 2, MINUTES_KEPT);
  /** By revision: valid, bad, total, slow. The revision that was measured last is the last. */
  readonly #buckets = new Map<string, {readonly fine: Cells; readonly coarse: Cells}>();
  /** The load of the last moments before a rollout, from readings that are forgotten minutes later. */
  #justBefore: {readonly rolloutStartedAt: number; readonly load: number | undefined} | undefined;
  #lastReadAt: number | undefined;
  #inherited: Inherited | undefined;

  /** @param checkpoint what a former process had counted */
  constructor(checkpoint?: Checkpoint) {
    this.#counters = new PodCounters(checkpoint?.time, checkpoint?.pods ?? []);
    this.#budget = new BudgetLedger(checkpoint?.coveredUntil, checkpoint?.hours ?? []);
  }

  /**
   * Says that a pod is Ready. Call it for every Ready pod at every look, before {@link record}: a new pod's counters
   * start at 0 at its first Ready.
   *
   * @param podUid uid
   * @param revision the pod's revision
   * @param at since when it is Ready
   * @param createdAt when the pod was created: a Ready long after it is not the first
   */
  podReady(podUid: string, revision: string, at: number, createdAt: number): void {
    this.#counters.ready(podUid, revision, at, createdAt);
  }

  /**
   * Takes one reading of one pod. One that isn't newer than the last of that pod is ignored; counters that fell have
   * started again at 0; what a vanished pod had counted stays.
   *
   * @param sample the pod's cumulative counters
   */
  record(sample: PodSample): void {
    const delta = this.#counters.take(sample);
    this.#lastReadAt = Math.max(this.#lastReadAt ?? sample.time, sample.time);
    if (delta === undefined) return;
    const observed = this.#budget.count(delta);
    this.#recent.add(delta);
    this.#minutes.add(delta.from, delta.to, [delta.total, 0]);
    if (observed > 0) this.#minutes.add(delta.to - observed, delta.to, [0, observed]);
    const {fine, coarse} = this.#bucketsOf(delta.revision);
    for (const cells of [fine, coarse]) {
      cells.add(delta.from, delta.to, [delta.valid, delta.bad, delta.total, delta.slow]);
    }
  }

  /**
   * Call at every look, before {@link record}: the service is down while no pod is Ready, though pods that nobody
   * reaches can be read.
   *
   * @param anyReady whether a pod is Ready now
   * @param now milliseconds
   */
  recordReadiness(anyReady: boolean, now: number): void {
    this.#budget.readiness(anyReady, now);
  }

  /**
   * Each revision's pods apart, from their first Ready, at most the last 60 s.
   *
   * @param now milliseconds
   */
  revisionWindows(now: number): RevisionWindow[] {
    return this.#recent.byRevision(now, Number.NEGATIVE_INFINITY);
  }

  /**
   * A revision and all others over the same time, at most the last 60 s; undefined where there was no such time.
   *
   * @param now milliseconds
   * @param revision the young one
   */
  overlap(now: number, revision: string): Overlap | undefined {
    return this.#recent.overlap(now, revision);
  }

  /**
   * The last 5 minutes over all pods; undefined where nothing was read.
   *
   * @param now milliseconds
   * @param since nothing before it counts
   */
  serviceWindow(now: number, since = Number.NEGATIVE_INFINITY): WindowCounts | undefined {
    return this.#recent.total(now, since);
  }

  /**
   * Responses of a revision's own pods. After 5 minutes whole minutes are counted, after an hour whole 5 minutes: what
   * came between `since` and the first of them is left out.
   *
   * @param revision hash
   * @param since when its rollout was complete
   * @param now milliseconds
   */
  bakeRequests(revision: string, since: number, now: number): WindowCounts {
    const recent = this.#recent.ofRevision(revision, now, since);
    if (recent !== undefined) return recent;
    const buckets = this.#buckets.get(revision);
    if (buckets === undefined) return nothing(since, now);
    const cells = now - since < FINE_KEPT * MINUTE_MS ? buckets.fine : buckets.coarse;
    const [valid = 0, bad = 0, total = 0, slow = 0] = cells.sum(since, now + BUCKET_MS);
    return {from: since, to: now, valid, bad, total, slow};
  }

  /**
   * Requests per second in the last minute; in the ten minutes before a rollout as far as those were observed (in whole
   * minutes, or, of a service that is younger, in its last seconds: those are known if this was asked within five minutes of
   * the rollout's start, and are kept for the rollout that was asked about last); and in the last hours up to a moment
   * ago, where at least a minute of them was.
   *
   * @param now milliseconds
   * @param rolloutStartedAt milliseconds
   */
  load(now: number, rolloutStartedAt?: number): {current?: number; beforeRollout?: number; baseline?: number} {
    const last = this.#recent.total(now, Number.NEGATIVE_INFINITY, REVISION_WINDOW_MS);
    const before = rolloutStartedAt === undefined ? undefined : this.#loadBefore(rolloutStartedAt);
    const until = now - BASELINE_LAG_MS;
    const baseline = this.#load(until - MINUTES_KEPT * MINUTE_MS, until, MINUTE_MS);
    return {
      ...(last === undefined ? {} : {current: (last.total / (last.to - last.from)) * 1000}),
      ...(before === undefined ? {} : {beforeRollout: before}),
      ...(baseline === undefined ? {} : {baseline}),
    };
  }

  /**
   * status.slo: rounded strings that noise doesn't move. What status shows at the first call is what a former process
   * knew, and holds until enough was read.
   *
   * @param now milliseconds
   * @param options what is promised, and what status shows now
   */
  objectiveStatuses(now: number, options: ObjectiveOptions): ObjectiveStatus[] {
    const {previous = [], slo, since = Number.NEGATIVE_INFINITY} = options;
    this.#inherited ??= {at: now, states: new Map(previous.map(({name, state}) => [name, state]))};
    const service = this.serviceWindow(now, since);
    const windows = [...this.#recent.byRevision(now, since), ...(service === undefined ? [] : [service])];
    const breached = new Set(windows.flatMap((w) => breachesOf(w, slo)).map(({objective}) => objective.name));
    const budgets = this.#budget.remaining(now, slo);
    const measured = {
      breached,
      service,
      down: this.#budget.anyReady === false,
      lastReadAt: this.#lastReadAt,
      recentlyValid: this.#budget.recentlyValid(now),
      inherited: this.#inherited,
    };
    return objectivesOf(slo).map((objective) => {
      const budget = budgets.get(objective.name) ?? {remaining: 1, coverage: 0};
      const shown = previous.find(({name}) => name === objective.name);
      return objectiveStatus(now, objective, {...measured, budget}, shown);
    });
  }

  /**
   * What a successor needs to go on counting; JSON.stringify it (at most 100 kB).
   *
   * @param now milliseconds
   */
  checkpoint(now: number): Checkpoint {
    return {
      version: 1,
      time: now,
      coveredUntil: Math.max(0, this.#budget.coveredUntil),
      hours: this.#budget.rows(now),
      pods: this.#counters.checkpoint(),
    };
  }

  #loadBefore(rolloutStartedAt: number): number | undefined {
    if (this.#justBefore?.rolloutStartedAt !== rolloutStartedAt) {
      const last = this.#recent.total(rolloutStartedAt, Number.NEGATIVE_INFINITY);
      const known = last !== undefined && last.to - last.from >= SHORTEST_LOAD_MS;
      const load = known ? (last.total / (last.to - last.from)) * 1000 : undefined;
      this.#justBefore = {rolloutStartedAt, load};
    }
    return this.#load(rolloutStartedAt - LOAD_BEFORE_MS, rolloutStartedAt) ?? this.#justBefore.load;
  }

  #load(from: number, to: number, atLeastMs = 1): number | undefined {
    const [total = 0, observed = 0] = this.#minutes.sum(from, to);
    return observed < atLeastMs ? undefined : (total / observed) * 1000;
  }

  #bucketsOf(revision: string): {readonly fine: Cells; readonly coarse: Cells} {
    const cells = this.#buckets.get(revision) ?? {
      fine: new Cells(MINUTE_MS, 4, FINE_KEPT + 1),
      coarse: new Cells(BUCKET_MS, 4, BUCKETS_KEPT),
    };
    this.#buckets.delete(revision);
    this.#buckets.set(revision, cells);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= REVISIONS_KEPT) break;
      this.#buckets.delete(oldest);
    }
    return cells;
  }
}
