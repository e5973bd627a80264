import {Cells} from './cells.ts';
import {objectivesOf, type Objective, type SloSpec} from './objectives.ts';
import type {Delta} from './pod-counters.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The longest window that a spec can ask for, and the hour that runs. */
const HOURS_KEPT = 30 * 24 + 1;
/** Readiness is looked at every 30 s at least: over a longer silence nothing is known. */
const LONGEST_SILENCE_MS = 90_000;

/** What is left of an objective's error budget. */
export interface Budget {
  /** 1: untouched, 0: spent, below 0: overspent. */
  readonly remaining: number;
  /** Share (0–1) of the window that was observed. */
  readonly coverage: number;
}

/** Error budgets by counting: hourly cells over the whole window, never an average of ratios. */
export class BudgetLedger {
  readonly #hours = new Cells(HOUR_MS, 6, HOURS_KEPT);
  #coveredUntil: number;
  #everReady: boolean;
  #readiness: {readonly anyReady: boolean; readonly at: number} | undefined;

  /**
   * @param coveredUntil up to when a former process observed the service, milliseconds
   * @param hours what {@link rows} gave it
   */
  constructor(coveredUntil: number | undefined, hours: readonly (readonly number[])[]) {
    this.#coveredUntil = coveredUntil ?? Number.NEGATIVE_INFINITY;
    this.#hours.restore(
      hours.map(([hour = 0, valid = 0, bad = 0, total = 0, slow = 0, down = 0, covered = 0]) => [
        hour,
        valid,
        bad,
        total,
        slow,
        down * 1000,
        covered * 1000,
      ]),
    );
    this.#everReady = hours.length > 0;
  }

  get coveredUntil(): number {
    return this.#coveredUntil;
  }

  /** Whether a pod is Ready; undefined before the first pod ever was, which is no down-time. */
  get anyReady(): boolean | undefined {
    return this.#everReady ? this.#readiness?.anyReady : undefined;
  }

  /** Counts responses; their span is observed. Returns how much of it was not yet, in milliseconds. */
  count(delta: Delta): number {
    this.#hours.add(delta.from, delta.to, [delta.valid, delta.bad, delta.total, delta.slow, 0, 0]);
    return this.#cover(delta.from, delta.to, 0);
  }

  /** The state since the last call counts as down-time if no pod was Ready then. */
  readiness(anyReady: boolean, now: number): void {
    const last = this.#readiness;
    if (last !== undefined && now < last.at) return;
    const known = last !== undefined && now - last.at <= LONGEST_SILENCE_MS;
    if (known && !last.anyReady && this.#everReady) this.#cover(last.at, now, 1);
    this.#everReady ||= anyReady;
    this.#readiness = {anyReady, at: now};
  }

  /**
   * What is left of each objective's budget; down-time is charged to availability.
   *
   * @param now milliseconds
   * @param slo spec.slo
   */
  remaining(now: number, slo: SloSpec): ReadonlyMap<Objective['name'], Budget> {
    const windowMs = slo.windowDays * DAY_MS;
    // The hour that runs is in; the one that the window's begin cuts is out.
    const [valid = 0, bad = 0, total = 0, slow = 0, downMs = 0, coveredMs = 0] = this.#hours.sum(
      now - windowMs,
      now + HOUR_MS,
    );
    const coverage = Math.min(1, coveredMs / windowMs);
    return new Map(
      objectivesOf(slo).map((objective) => {
        const counted = objective.count({valid, bad, total, slow});
        const spent = counted.of === 0 ? 0 : counted.bad / (counted.of * objective.allowed);
        const down = objective.name === 'availability' ? downMs / (windowMs * objective.allowed) : 0;
        return [objective.name, {remaining: 1 - spent - down, coverage}];
      }),
    );
  }

  /** Valid responses of this hour and the one before. */
  recentlyValid(now: number): number {
    return this.#hours.sum(now - 2 * HOUR_MS, now + HOUR_MS)[0] ?? 0;
  }

  /** One row an hour: the hour, valid, bad, total, slow, seconds down, seconds observed. */
  rows(now: number): number[][] {
    const oldest = Math.floor(now / HOUR_MS) - HOURS_KEPT;
    return this.#hours
      .rows()
      .filter(([hour = 0]) => hour > oldest)
      .map(([hour = 0, valid = 0, bad = 0, total = 0, slow = 0, down = 0, covered = 0]) => [
        hour,
        valid,
        bad,
        total,
        slow,
        Math.round(down / 1000),
        Math.round(covered / 1000),
      ]);
  }

  #cover(from: number, to: number, down: 0 | 1): number {
    const begin = Math.max(from, this.#coveredUntil);
    if (begin >= to) return 0;
    this.#hours.add(begin, to, [0, 0, 0, 0, down * (to - begin), to - begin]);
    this.#coveredUntil = to;
    return to - begin;
  }
}
