import type {MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {at, iso} from './text.ts';
import type {Observation} from './types.ts';

/** The longest act window: what is measured after the end has nothing of before in it any more. */
const CLEAN_MS = 300_000;

/** Whether writes are refused, or are about to be: by the spec, or still by a pod that hasn't followed it yet. */
function isReadOnly({spec, pods}: Observation): boolean {
  return spec.maintenance.readOnly || pods.some(({readOnly}) => readOnly === true);
}

/** Read-only mode as status has to say it; undefined where it never was on. */
export function maintenanceOf(o: Observation): MaintenanceApiStatus['maintenance'] {
  const before = o.status?.maintenance;
  const readOnly = isReadOnly(o);
  if (before?.readOnly === readOnly || (before === undefined && !readOnly)) return before;
  return {readOnly, since: iso(o.now)};
}

/**
 * Why actions are held for read-only mode: while it is on, and until no measurement reaches back into it.
 *
 * @returns until: when they are let pass if nothing changes, milliseconds; undefined as long as it is on
 */
export function readOnlyHold(o: Observation): {readonly reason: string; readonly until?: number} | undefined {
  const mode = maintenanceOf(o);
  if (mode === undefined) return undefined;
  if (mode.readOnly) return {reason: 'read-only mode is on'};
  const until = (at(mode.since) ?? 0) + CLEAN_MS;
  return o.now < until
    ? {reason: `read-only mode ended at ${mode.since}, and measurements reach back into it`, until}
    : undefined;
}
