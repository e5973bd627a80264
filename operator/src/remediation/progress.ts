import type {ActionRecord} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import {isRestart, isRollback, isScaleUp, type End} from './records.ts';
import * as restart from './restart.ts';
import * as rollback from './rollback.ts';
import * as scaleUp from './scale-up.ts';
import type {Observation, RevisionFacts} from './types.ts';
import type {Judgement} from './verdict.ts';

type Revisions = ReadonlyMap<string, RevisionFacts>;

/**
 * Why an action can't go on; undefined: it does.
 *
 * @param o the observation
 * @param action the action under way
 * @param revisions by hash
 */
export function interruption(o: Observation, action: ActionRecord, revisions: Revisions): string | undefined {
  if (isRollback(action)) return rollback.interruption(o, action, revisions.get(action.fromRevision));
  if (isRestart(action)) return restart.interruption(o, action);
  if (isScaleUp(action)) return scaleUp.interruption(o, action);
  return 'its record lacks what it is about';
}

/**
 * The record of an action after what is seen now.
 *
 * @param o the observation
 * @param action the action under way
 * @param revisions by hash
 */
export function advanced(o: Observation, action: ActionRecord, revisions: Revisions): ActionRecord {
  if (isRollback(action)) return rollback.advanced(o, action, revisions.get(action.fromRevision));
  if (isScaleUp(action)) return scaleUp.advanced(o, action);
  return isRestart(action) ? restart.advanced(o, action) : action;
}

/**
 * How an action ended, once that can be said.
 *
 * @param a the assessment
 * @param action the action under way
 * @param judgement the verdict on what serves now
 */
export function outcome(a: Assessment, action: ActionRecord, judgement: Judgement): End | undefined {
  if (isRollback(action)) return rollback.outcome(a, action, judgement);
  if (isScaleUp(action)) return scaleUp.outcome(a, action);
  return isRestart(action) ? restart.outcome(a, action, judgement) : undefined;
}
