/**
 * A percentile by the nearest-rank method: the smallest value that at least this share of the values don't exceed. It is
 * always one of the values, so that few of them aren't made to look like more.
 *
 * @param values - in any order; Infinity stands for what never came
 * @param percent - above 0, at most 100
 * @throws RangeError when there are no values or the percentage is out of range
 */
export function percentile(values: readonly number[], percent: number): number {
  if (!(percent > 0 && percent <= 100)) throw new RangeError(`${percent} is no percentage above 0`);
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.ceil((percent / 100) * sorted.length) - 1];
  if (value === undefined) throw new RangeError('a percentile needs at least one value');
  return value;
}

/**
 * What a count of some time makes in an hour, if it went on like that.
 *
 * @param count - of events
 * @param minutes - in which they were counted, above 0
 */
export function perHour(count: number, minutes: number): number {
  return (count * 60) / minutes;
}
