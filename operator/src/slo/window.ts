import type {Delta} from './pod-counters.ts';
import type {Overlap, PodWindow, RevisionWindow, WindowCounts} from './types.ts';

/** Each revision's pods are judged by at most so much. */
export const REVISION_WINDOW_MS = 60_000;
/** The service as a whole is judged by so much. */
const SERVICE_WINDOW_MS = 300_000;

/** Pods are read one beside the other: readings of one look differ by less than this. */
const ONE_LOOK_MS = 2_000;
/** Of many pods' readings in one look only the sum is kept for the longer window. */
const MERGE_MS = 5_000;

type Counts = Pick<Delta, 'from' | 'to' | 'valid' | 'bad' | 'total' | 'slow'>;
type Merged = Counts & {readonly revision: string};

/**
 * The responses of the last minutes. A window is made of whole differences between readings that lie in it, so that
 * nothing from before its begin is ever counted; it can be shorter than asked for by one reading interval.
 */
export class RecentResponses {
  #byPod: Delta[] = [];
  #merged: Merged[] = [];
  #prunedAt = Number.NEGATIVE_INFINITY;

  add(delta: Delta): void {
    if (delta.to - this.#prunedAt >= MERGE_MS) {
      this.#prunedAt = delta.to;
      this.#byPod = this.#byPod.filter(({from}) => from >= delta.to - REVISION_WINDOW_MS);
      this.#merged = this.#merged.filter(({from}) => from >= delta.to - SERVICE_WINDOW_MS);
    }
    this.#byPod.push(delta);
    const same = this.#merged.findIndex((m) => m.revision === delta.revision && cell(m) === cell(delta));
    const merged = this.#merged[same];
    if (merged === undefined) this.#merged.push({...delta});
    else this.#merged[same] = {...add(merged, delta), revision: delta.revision};
  }

  /** Each revision apart, with its pods, from `since` on and within the last 60 s; ordered by name. */
  byRevision(now: number, since: number): RevisionWindow[] {
    const deltas = this.#within(Math.max(now - REVISION_WINDOW_MS, since), now);
    return [...group(deltas, ({revision}) => revision)].map(([revision, own]) => ({
      revision,
      ...sum(own),
      pods: [...group(own, ({podUid}) => podUid)].map(([podUid, of]): PodWindow => ({podUid, ...sum(of)})),
    }));
  }

  /**
   * One revision and all others over the same time: from the first boundary of readings that both have, to the last.
   * An outage that hits both is in both, also one that begins while the old pods are leaving.
   */
  overlap(now: number, revision: string): Overlap | undefined {
    const deltas = this.#within(now - REVISION_WINDOW_MS, now);
    const isYoung = (delta: Delta): boolean => delta.revision === revision;
    const split = (all: readonly Delta[]) => [all.filter(isYoung), all.filter((delta) => !isYoung(delta))] as const;

    const [young, all] = split(deltas);
    // A pod that drains is still read but gets no requests: what only the young ones met then is no contrast.
    const old = all.filter(({total}) => total > 0);
    if (young.length === 0 || old.length === 0) return undefined;
    const youngFrom = earliest(young);
    const oldFrom = earliest(old.filter(({from}) => from >= youngFrom - ONE_LOOK_MS));
    const from = Math.max(youngFrom, oldFrom) - ONE_LOOK_MS;
    const to = Math.min(latest(young), latest(old)) + ONE_LOOK_MS;
    const [youngShared, oldShared] = split(deltas.filter((delta) => delta.from >= from && delta.to <= to));
    if (youngShared.length === 0 || oldShared.length === 0) return undefined;
    return {revision, young: sum(youngShared), old: sum(oldShared)};
  }

  /** All pods together, from `since` on and within the last `length`; undefined where nothing was read. */
  total(now: number, since: number, length = SERVICE_WINDOW_MS): WindowCounts | undefined {
    return this.#sumOfMerged(now, Math.max(now - length, since), () => true);
  }

  /** One revision's pods, from `since` on; undefined where `since` lies before what is kept. */
  ofRevision(revision: string, now: number, since: number): WindowCounts | undefined {
    if (since < now - SERVICE_WINDOW_MS) return undefined;
    return this.#sumOfMerged(now, since, (merged) => merged.revision === revision) ?? nothing(since, now);
  }

  #within(from: number, now: number): Delta[] {
    return this.#byPod.filter((delta) => delta.from >= from && delta.to <= now);
  }

  #sumOfMerged(now: number, from: number, which: (merged: Merged) => boolean): WindowCounts | undefined {
    const deltas = this.#merged.filter((merged) => merged.from >= from && merged.to <= now && which(merged));
    return deltas.length === 0 ? undefined : sum(deltas);
  }
}

/** A window in which nothing came. */
export function nothing(from: number, to: number): WindowCounts {
  return {from, to, valid: 0, bad: 0, total: 0, slow: 0};
}

function cell({from, to}: Counts): string {
  return `${Math.floor(from / MERGE_MS)}/${Math.floor(to / MERGE_MS)}`;
}

function earliest(deltas: readonly Counts[]): number {
  return deltas.reduce((least, {from}) => Math.min(least, from), Number.POSITIVE_INFINITY);
}

function latest(deltas: readonly Counts[]): number {
  return deltas.reduce((most, {to}) => Math.max(most, to), Number.NEGATIVE_INFINITY);
}

function add(a: Counts, b: Counts): WindowCounts {
  return {
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
    valid: a.valid + b.valid,
    bad: a.bad + b.bad,
    total: a.total + b.total,
    slow: a.slow + b.slow,
  };
}

function sum(deltas: readonly Counts[]): WindowCounts {
  return deltas.reduce<WindowCounts>(add, nothing(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
}

function group<T extends Delta>(deltas: readonly T[], by: (delta: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const delta of deltas) {
    const members = groups.get(by(delta));
    if (members === undefined) groups.set(by(delta), [delta]);
    else members.push(delta);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}
