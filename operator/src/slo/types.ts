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
