import type {MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import type {Decision, Observation} from './types.ts';

/**
 * What to do about one resource. Pure: the same observation gives the same decision.
 *
 * @param o all that is known at one moment
 */
export function decide(o: Observation): Decision {
  throw new Error(`not yet: ${o.now}`);
}

/**
 * Responses before this time say nothing about what serves now: give it to ServiceLevels.serviceWindow and
 * objectiveStatuses.
 *
 * @param status the resource's status as it was read
 * @returns wall clock, milliseconds
 */
export function measuredSince(status: MaintenanceApiStatus | undefined): number | undefined {
  throw new Error(`not yet: ${status?.observedGeneration}`);
}
