import type {CheckpointPod, PodSample} from './types.ts';

/** Responses of one pod between two readings. Times are wall clock, milliseconds. */
export interface Delta {
  readonly podUid: string;
  readonly revision: string;
  readonly from: number;
  readonly to: number;
  readonly valid: number;
  readonly bad: number;
  readonly total: number;
  readonly slow: number;
}

interface Pod {
  readonly revision: string;
  readonly firstReadyAt: number | undefined;
  last: PodSample | undefined;
}

/** The pods that were not heard of for longest are forgotten. */
const MOST_PODS = 2_000;

/** A first reading so long after the first Ready is only a base: the pod may have been forgotten meanwhile. */
const FIRST_READING_WITHIN_MS = 6 * 3_600_000;

/** Later than this after its creation a Ready isn't taken for the first: the pod's counters are older than it. */
const FIRST_READY_WITHIN_MS = 600_000;

/** A checkpoint's size has a bound; what the pods left out counted before it is lost to the successor. */
const PODS_IN_CHECKPOINT = 300;

const ZERO = {valid: 0, bad: 0, total: 0, fast: 0};

/** Turns the cumulative counters of pods into responses between readings. */
export class PodCounters {
  /** The one that was heard of last is the last. */
  readonly #pods = new Map<string, Pod>();
  /** Pods that were Ready before it may have been counted by a former process. */
  readonly #countedUntil: number;

  /**
   * @param countedUntil when the former process stopped counting, milliseconds; undefined: there was none
   * @param pods the counters that it saw last
   */
  constructor(countedUntil: number | undefined, pods: readonly CheckpointPod[]) {
    this.#countedUntil = countedUntil ?? Number.NEGATIVE_INFINITY;
    for (const pod of pods) {
      const [valid, bad, total, fast] = pod.counters;
      const {revision, time, latencyThresholdMs} = pod;
      const last = {podUid: pod.uid, revision, time, valid, bad, total, fast, latencyThresholdMs};
      this.#pods.set(pod.uid, {revision, firstReadyAt: undefined, last});
    }
  }

  /** A pod is Ready since `at`; only the first call for a pod that was never read counts. */
  ready(podUid: string, revision: string, at: number, createdAt: number): void {
    if (this.#pods.has(podUid)) return;
    const first = at > this.#countedUntil && at - createdAt <= FIRST_READY_WITHIN_MS;
    this.#remember(podUid, {revision, firstReadyAt: first ? at : undefined, last: undefined});
  }

  /**
   * @param sample one reading
   * @returns what came since the reading before; undefined for a reading that is only a base, or out of order
   */
  take(sample: PodSample): Delta | undefined {
    if (![sample.time, sample.valid, sample.bad, sample.total, sample.fast].every(Number.isFinite)) return undefined;
    const pod = this.#pods.get(sample.podUid) ?? {revision: sample.revision, firstReadyAt: undefined, last: undefined};
    this.#remember(sample.podUid, pod);
    const last = pod.last;
    if (last !== undefined && sample.time <= last.time) return undefined;
    pod.last = sample;
    if (last === undefined) {
      if (pod.firstReadyAt === undefined || sample.time - pod.firstReadyAt > FIRST_READING_WITHIN_MS) return undefined;
      // The kubelet's clock need not be ours, and it tells whole seconds.
      return difference(sample, ZERO, Math.min(pod.firstReadyAt, sample.time - 1));
    }
    const restarted = fell(sample, last);
    // Two that tell of one pod differ by seconds in when they read it: a lower count of the other one may be an older
    // reading, and counting it from 0 would count everything twice.
    if (restarted && sample.toldBy !== last.toldBy) return undefined;
    return difference(sample, restarted ? ZERO : last, last.time, !restarted && !sameThreshold(sample, last));
  }

  /** The last counters of the pods that were read last, for a successor. */
  checkpoint(): CheckpointPod[] {
    return [...this.#pods.values()]
      .flatMap(({last}) => (last === undefined ? [] : [last]))
      .sort((a, b) => b.time - a.time || (a.podUid < b.podUid ? -1 : 1))
      .slice(0, PODS_IN_CHECKPOINT)
      .map(({podUid, revision, time, valid, bad, total, fast, latencyThresholdMs}) => ({
        uid: podUid,
        revision,
        time,
        counters: [valid, bad, total, fast],
        latencyThresholdMs,
      }));
  }

  #remember(uid: string, pod: Pod): void {
    this.#pods.delete(uid);
    this.#pods.set(uid, pod);
    for (const longestUnheard of this.#pods.keys()) {
      if (this.#pods.size <= MOST_PODS) break;
      this.#pods.delete(longestUnheard);
    }
  }
}

function fell(sample: PodSample, last: PodSample): boolean {
  return sample.total < last.total || sample.valid < last.valid || sample.bad < last.bad;
}

function sameThreshold(a: PodSample, b: PodSample): boolean {
  return a.latencyThresholdMs === b.latencyThresholdMs;
}

function difference(
  sample: PodSample,
  base: {readonly valid: number; readonly bad: number; readonly total: number; readonly fast: number},
  from: number,
  withoutLatency = false,
): Delta {
  const valid = Math.round(sample.valid - base.valid);
  const fast = Math.round(sample.fast - base.fast);
  return {
    podUid: sample.podUid,
    revision: sample.revision,
    from,
    to: sample.time,
    valid,
    bad: Math.min(valid, Math.round(sample.bad - base.bad)),
    total: Math.round(sample.total - base.total),
    slow: withoutLatency ? 0 : Math.min(valid, Math.max(0, valid - fast)),
  };
}
