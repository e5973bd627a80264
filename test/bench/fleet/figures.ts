/** A counter as it stood at a moment. */
export interface Counted {
  /** Milliseconds. */
  readonly at: number;
  readonly count: number;
}

/** The moments at which a counter was first seen to have risen. */
export function rises(samples: readonly Counted[]): readonly Counted[] {
  return samples.filter(({count}, index) => index > 0 && count > (samples[index - 1]?.count ?? 0));
}

/**
 * How often a counter that rises at intervals does, from the first time to the last: what lies before and after those may
 * be any part of an interval.
 *
 * @param samples - in order of time
 * @returns by how much a minute
 * @throws RangeError when it rose less than twice
 */
export function perMinute(samples: readonly Counted[]): number {
  const [first, last] = [rises(samples)[0], rises(samples).at(-1)];
  if (first === undefined || last === undefined || first === last) throw new RangeError('it did not rise twice');
  return ((last.count - first.count) / (last.at - first.at)) * 60_000;
}

/**
 * How long it took from one moment to the first of others.
 *
 * @param from - milliseconds
 * @param times - milliseconds, in any order
 * @returns milliseconds; Infinity: none came after it
 */
export function untilFirst(from: number, times: readonly number[]): number {
  return Math.min(...times.filter((time) => time > from)) - from;
}
