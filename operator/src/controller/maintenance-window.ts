import {requestAnnotations, type MaintenanceApi, type MaintenanceWindow} from '../api/v1alpha1/index.ts';
import {lastScheduled, nextScheduled} from './schedule.ts';

/**
 * Whether what interrupts may be done now: a window is open, or a person asked for it.
 *
 * @param now - milliseconds
 */
export function mayInterrupt({metadata, spec}: MaintenanceApi, now: number): boolean {
  const {maintenanceWindows = []} = spec;
  return metadata.annotations?.[requestAnnotations.upgrade] !== undefined || maintenanceWindows.some(isOpen(now));
}

const isOpen =
  (now: number) =>
  ({schedule, timeZone, durationSeconds}: MaintenanceWindow): boolean => {
    const opened = lastScheduled(schedule, timeZone, now);
    return opened !== undefined && now < opened + durationSeconds * 1000;
  };

/**
 * When the next window opens, milliseconds; undefined where none ever does.
 *
 * @param now - milliseconds
 */
export function nextWindow({spec}: MaintenanceApi, now: number): number | undefined {
  const opens = (spec.maintenanceWindows ?? []).flatMap(
    ({schedule, timeZone}) => nextScheduled(schedule, timeZone, now) ?? [],
  );
  return opens.length === 0 ? undefined : Math.min(...opens);
}

/** Why a window never opens, as a sentence; undefined where every one does. */
export function windowProblem({spec}: MaintenanceApi, now: number): string | undefined {
  const all = spec.maintenanceWindows ?? [];
  const index = all.findIndex(({schedule, timeZone}) => nextScheduled(schedule, timeZone, now) === undefined);
  const wrong = all[index];
  if (wrong === undefined) return undefined;
  return `spec.maintenanceWindows[${String(index)}] never opens: "${wrong.schedule}" in time zone "${wrong.timeZone}" is no moment`;
}
