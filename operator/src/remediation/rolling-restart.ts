import {revisionAnnotations, type ActionRecord, type MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import {iso} from './text.ts';

/**
 * The restart request that was answered last: a new one as soon as no rollout and no action is under way. It is answered
 * once, whatever is released after it.
 *
 * @param a the assessment
 * @param action the action under way
 */
export function restartOf(a: Assessment, action: ActionRecord | undefined): MaintenanceApiStatus['restart'] {
  const {o, serve} = a;
  const answered = o.status?.restart;
  const known = serve !== undefined && a.revisions.has(serve);
  if (o.restart === undefined || o.restart === answered?.value || !known || !mayReplacePods(a, action)) return answered;
  return {value: o.restart, revision: serve, time: iso(a.now)};
}

/**
 * The fact by which the serving revision's pod template changes: it is the revision's own, so that going back to another
 * one gives the bytes of that one's pods (invariant 8). It is written before the answer.
 *
 * @param a the assessment
 * @param action the action under way
 */
export function restarted(
  a: Assessment,
  action: ActionRecord | undefined,
): readonly (readonly [hash: string, annotations: Record<string, string>])[] {
  const asked = restartOf(a, action);
  if (asked === undefined || asked === a.o.status?.restart) return [];
  return [[asked.revision, {[revisionAnnotations.restarted]: asked.value}]];
}

/** No rollout and no action is under way, so that pods may be replaced for another reason. */
export function mayReplacePods(a: Assessment, action: ActionRecord | undefined): boolean {
  return a.rolledOutAt !== undefined && a.deployed && action === undefined && !a.o.spec.paused;
}
