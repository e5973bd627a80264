/** Cumulative counters of one pod at one moment, since that pod's process started. */
export interface PodSample {
  readonly podUid: string;
  readonly revision: string;
  /** Wall clock, milliseconds. */
  readonly time: number;
  /** All responses but 4xx. */
  readonly valid: number;
  /** 5xx responses. 503 from shedding is bad; a rate limiter's 429 isn't valid. */
  readonly bad: number;
  /** All responses: the denominator of the error rate. */
  readonly total: number;
  /** Valid responses at or under the latency threshold, from the histogram. */
  readonly fast: number;
  /** The threshold that `fast` was counted against: after a change of the spec two counts of `fast` can't be compared. */
  readonly latencyThresholdMs: number;
  /** The Prometheus that told it; undefined: the pod itself. */
  readonly toldBy?: string;
}

/** Responses counted over a window. */
export interface WindowCounts {
  /** Wall clock, milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly valid: number;
  readonly bad: number;
  readonly total: number;
  readonly slow: number;
}

/** What was measured of one pod in a window. */
export interface PodWindow extends WindowCounts {
  readonly podUid: string;
}

/** What was measured of one revision's pods, apart from all others. */
export interface RevisionWindow extends WindowCounts {
  readonly revision: string;
  readonly pods: readonly PodWindow[];
}

/** A revision and the others, measured over the same time, at most the last 60 s: whatever hit both shows in both. */
export interface Overlap {
  readonly revision: string;
  /** Responses of that revision's pods. */
  readonly young: WindowCounts;
  /** Responses of all other pods. */
  readonly old: WindowCounts;
}

/** What a process needs to go on counting where another ended: small JSON, at most 100 kB. */
export interface Checkpoint {
  readonly version: 1;
  /** Wall clock, milliseconds. */
  readonly time: number;
  /** Up to when the service was observed, milliseconds. */
  readonly coveredUntil: number;
  /** Hour since the epoch, valid, bad, total, slow, seconds without a ready pod, seconds observed. */
  readonly hours: readonly (readonly number[])[];
  /** The last counters of each pod, so that nothing is counted twice. */
  readonly pods: readonly CheckpointPod[];
}

/** The last known counters of one pod. */
export interface CheckpointPod {
  readonly uid: string;
  readonly revision: string;
  readonly time: number;
  /** valid, bad, total, fast */
  readonly counters: readonly [number, number, number, number];
  readonly latencyThresholdMs: number;
}
