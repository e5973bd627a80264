import {revisionAnnotations, type ActionRecord} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import {mayReplacePods} from './rolling-restart.ts';

/**
 * Nothing else is going on: a service that is ill must not lose pods for the sake of a template, and what a new template
 * does must not be taken for something else's doing.
 */
function calm(a: Assessment, action: ActionRecord | undefined): boolean {
  const settled = a.o.deployment?.rolloutComplete === true && a.o.database.reachable !== false;
  return a.o.templates.mayReplace && mayReplacePods(a, action) && settled && !a.breached && !a.suspected;
}

/**
 * The fact by which pods of the serving revision move to the newest templates: it is the revision's own, so that going
 * back to another one gives the bytes of that one's pods (invariant 8).
 *
 * @param a the assessment
 * @param action the action under way
 */
export function upgraded(
  a: Assessment,
  action: ActionRecord | undefined,
): readonly (readonly [hash: string, annotations: Record<string, string>])[] {
  const {newest} = a.o.templates;
  const facts = a.revisions.get(a.serve ?? '');
  if (facts === undefined || facts.renderVersion >= newest || !calm(a, action)) return [];
  return [[facts.hash, {[revisionAnnotations.renderVersion]: String(newest)}]];
}

/**
 * Whether the database's pod is replaced now. It comes after the API's pods, whose replacement interrupts nothing: what
 * is wrong with the new templates shows there first.
 *
 * @param a the assessment
 * @param action the action under way
 */
export function upgradesDatabase(a: Assessment, action: ActionRecord | undefined): boolean {
  const {newest, database} = a.o.templates;
  const pending = database !== undefined && database < newest;
  return pending && a.o.deployment?.renderVersion === newest && calm(a, action);
}
