/**
 * 99 % one-sided: the true share is above the lower bound (or below the upper one) with a confidence of 99 % each.
 * The 0.99 quantile of the standard normal distribution.
 */
const Z = 2.3263478740408408;

/** Fewer bad responses than this never count as a breach, whatever their share. */
export const MIN_BAD = 10;

/** Between which shares the true one lies. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Wilson's score interval for a share, each bound at 99 % one-sided. It keeps its confidence for small samples and
 * shares near 0, where the normal approximation doesn't (E. B. Wilson, Probable inference, the law of succession, and
 * statistical inference, JASA 22, 1927; L. D. Brown, T. T. Cai, A. DasGupta, Interval estimation for a binomial
 * proportion, Statistical Science 16, 2001).
 *
 * @param bad how many of them were bad
 * @param of how many there were
 * @returns 0 to 1 where nothing (or no number) was measured: nothing is known then
 */
export function wilson(bad: number, of: number): Interval {
  if (!Number.isFinite(bad) || !Number.isFinite(of) || of <= 0 || bad < 0 || bad > of) return {lower: 0, upper: 1};
  const share = bad / of;
  const z2 = Z * Z;
  const centre = share + z2 / (2 * of);
  const spread = Z * Math.sqrt((share * (1 - share)) / of + z2 / (4 * of * of));
  const scale = 1 + z2 / of;
  return {lower: Math.max(0, (centre - spread) / scale), upper: Math.min(1, (centre + spread) / scale)};
}

/**
 * The share of bad responses above which an *action* is considered, for availability and errors: the page threshold of
 * the SRE workbook (14.4 times the allowed share), yet between 1 % and 10 %, and at least twice what is allowed.
 *
 * @param allowed share of bad responses that the objective allows
 */
export function actThreshold(allowed: number): number {
  return Math.max(Math.min(0.1, Math.max(14.4 * allowed, 0.01)), 2 * allowed);
}

/**
 * Whether more than `threshold` were bad, beyond chance.
 *
 * @param bad how many were bad
 * @param of of how many
 * @param threshold share
 */
export function exceeds(bad: number, of: number, threshold: number): boolean {
  return bad >= MIN_BAD && wilson(bad, of).lower > threshold;
}

/** How one group's share of bad responses compares with another's. */
export type Comparison = 'Worse' | 'Alike' | 'Undetermined';

/**
 * Compares two groups by intervals that don't meet, which is stricter than a test of the difference.
 *
 * @param group the one that is suspected
 * @param other the one that it is held against
 * @returns Undetermined where even a faultless other group would have been too small to tell
 */
export function compare(
  group: {readonly bad: number; readonly of: number},
  other: {readonly bad: number; readonly of: number},
): Comparison {
  const {lower} = wilson(group.bad, group.of);
  if (lower > wilson(other.bad, other.of).upper) return 'Worse';
  return lower > wilson(0, other.of).upper ? 'Alike' : 'Undetermined';
}
