import {allowedShares, type MaintenanceApiSpec, type ObjectiveStatus} from '../api/v1alpha1/index.ts';
import {actThreshold, exceeds, wilson} from './statistics.ts';
import type {WindowCounts} from './types.ts';

/** `spec.slo` of a MaintenanceApi. */
export type SloSpec = MaintenanceApiSpec['slo'];

/** One promise of `spec.slo`, as a share of responses that may be bad. */
export interface Objective {
  readonly name: ObjectiveStatus['name'];
  /** As status shows it. */
  readonly text: string;
  /** Share of responses that may be bad over the whole window. */
  readonly allowed: number;
  /** Share of bad responses in an act window above which an action is considered. */
  readonly threshold: number;
  readonly count: (counts: Pick<WindowCounts, 'valid' | 'bad' | 'total' | 'slow'>) => {bad: number; of: number};
}

/** An objective whose act window is breached. */
export interface Breach {
  readonly objective: Objective;
  readonly bad: number;
  readonly of: number;
}

/**
 * The promises of a spec. ServerErrors definition: valid is every response but 4xx, bad is 5xx.
 *
 * @param slo spec.slo
 */
export function objectivesOf(slo: SloSpec): readonly Objective[] {
  const {availability: unavailable, latency: slow, errorRate: errors} = allowedShares(slo);
  return [
    {
      name: 'availability',
      text: `${slo.availability.objective}%`,
      allowed: unavailable,
      threshold: actThreshold(unavailable),
      count: (c) => ({bad: c.bad, of: c.valid}),
    },
    {
      name: 'latency',
      text: `${slo.latency.percentile}% ≤ ${slo.latency.thresholdMilliseconds}ms`,
      allowed: slow,
      threshold: slow,
      count: (c) => ({bad: c.slow, of: c.valid}),
    },
    {
      name: 'errorRate',
      text: `≤ ${slo.errorRate.maxPercent}%`,
      allowed: errors,
      threshold: actThreshold(errors),
      count: (c) => ({bad: c.bad, of: c.total}),
    },
  ];
}

/**
 * The objectives that a window breaches, beyond chance; none where too little was measured.
 *
 * @param counts an act window
 * @param slo spec.slo
 */
export function breachesOf(counts: WindowCounts, slo: SloSpec): readonly Breach[] {
  return objectivesOf(slo)
    .map((objective) => ({objective, ...objective.count(counts)}))
    .filter(({objective, bad, of}) => exceeds(bad, of, objective.threshold));
}

/**
 * Whether a window could be a breach if more were measured: its share is above a threshold, chance not ruled out.
 *
 * @param counts an act window
 * @param slo spec.slo
 */
export function suspicious(counts: WindowCounts, slo: SloSpec): boolean {
  return objectivesOf(slo).some((objective) => {
    const {bad, of} = objective.count(counts);
    return bad > objective.threshold * of;
  });
}

/**
 * Whether a window shows, beyond chance, that no act threshold is exceeded.
 *
 * @param counts an act window
 * @param slo spec.slo
 */
export function clear(counts: WindowCounts, slo: SloSpec): boolean {
  return objectivesOf(slo).every((objective) => {
    const {bad, of} = objective.count(counts);
    return wilson(bad, of).upper <= objective.threshold;
  });
}

/**
 * The objectives that a longer window misses beyond chance: not the act threshold but the promise itself.
 *
 * @param counts for instance all responses of a bake
 * @param slo spec.slo
 */
export function missedObjectives(counts: WindowCounts, slo: SloSpec): readonly Breach[] {
  return objectivesOf(slo)
    .map((objective) => ({objective, ...objective.count(counts)}))
    .filter(({objective, bad, of}) => exceeds(bad, of, objective.allowed));
}
