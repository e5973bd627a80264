import {autoscalingOf, type ActionRecord} from '../api/v1alpha1/index.ts';
import {breachesOf, clear} from '../slo/index.ts';
import {describeBreach, type Assessment} from './assessment.ts';
import {isScaleUp, STABILIZATION_BOUND_MS, STABILIZATION_MS, type End, type ScaleUpRecord} from './records.ts';
import {at, iso, seconds} from './text.ts';
import type {Decision, Observation} from './types.ts';

/** The floor is raised to this multiple of the wanted pods. */
const STEP = 1.5;
/** And holds for so long: shorter than the hour for which the guards keep every record. */
const HOLDS_MS = 30 * 60_000;
/** Pods that were asked for must be Ready within this. */
const PODS_MS = 300_000;

/** The least number of pods that a ScaleUp would ask for now, at most the autoscaler's maximum. */
export function raisedFloor(o: Observation): number {
  const wanted = o.deployment?.wantedReplicas ?? 0;
  return Math.min(autoscalingOf(o.spec)?.maxReplicas ?? wanted, Math.max(wanted + 1, Math.ceil(wanted * STEP)));
}

/** What a ScaleUp that begins now asks for. Its end is absolute, and holds whoever reads it. */
export function scaleUpOf(o: Observation): Pick<ScaleUpRecord, 'targetUid' | 'minReplicas' | 'expiresAt'> | undefined {
  if (o.autoscaler === undefined) return undefined;
  return {targetUid: o.autoscaler.uid, minReplicas: raisedFloor(o), expiresAt: iso(o.now + HOLDS_MS)};
}

/**
 * The floor that holds by the records: so it survives any process, and ends by itself.
 *
 * @param o the observation
 * @param records the action under way, and those that ended
 */
export function floorOf(o: Observation, records: readonly (ActionRecord | undefined)[]): Decision['floor'] {
  const autoscaling = autoscalingOf(o.spec);
  const held = records
    .filter(isScaleUp)
    .filter(({outcome, expiresAt}) => outcome !== 'Interrupted' && (at(expiresAt) ?? 0) > o.now)
    .sort((x, y) => y.minReplicas - x.minReplicas || (x.expiresAt < y.expiresAt ? 1 : -1))[0];
  if (autoscaling === undefined || held === undefined) return undefined;
  const minReplicas = Math.min(held.minReplicas, autoscaling.maxReplicas);
  if (minReplicas <= autoscaling.minReplicas) return undefined;
  return {minReplicas, expiresAt: at(held.expiresAt) ?? o.now};
}

/**
 * Why a ScaleUp can't go on.
 *
 * @param o the observation
 * @param action the action under way
 */
export function interruption(o: Observation, action: ScaleUpRecord): string | undefined {
  const autoscaling = autoscalingOf(o.spec);
  if (autoscaling === undefined) return 'the number of pods was fixed';
  if (autoscaling.maxReplicas < action.minReplicas) return `maxReplicas is ${autoscaling.maxReplicas} now`;
  return undefined;
}

/**
 * The record of a ScaleUp after what is seen now: Applied when the autoscaler has it, Verifying when so many are Ready.
 *
 * @param o the observation
 * @param action the action under way
 */
export function advanced(o: Observation, action: ScaleUpRecord): ScaleUpRecord {
  if (action.appliedAt === undefined && (o.autoscaler?.minReplicas ?? 0) < action.minReplicas) return action;
  const appliedAt = action.appliedAt ?? iso(o.now);
  const there = (o.deployment?.readyReplicas ?? 0) >= action.minReplicas;
  if (action.rolledOutAt === undefined && !there) return {...action, state: 'Applied', appliedAt};
  return {...action, state: 'Verifying', appliedAt, rolledOutAt: action.rolledOutAt ?? iso(o.now)};
}

/**
 * How a ScaleUp ended, once that can be said:
 * - NotHelped: the pods weren't Ready within 5 minutes; or responses since they were breach an objective; or after 10
 *   minutes too little came;
 * - Helped: responses since show, beyond chance, that no threshold is exceeded; after 10 minutes: no breach.
 *
 * @param a the assessment
 * @param action the action
 */
export function outcome(a: Assessment, action: ScaleUpRecord): End | undefined {
  if (action.state === 'Applied') return notThere(a, action);
  const since = at(action.rolledOutAt);
  if (action.state !== 'Verifying' || since === undefined || a.now - since < STABILIZATION_MS) return undefined;
  const window = a.o.serviceWindow;
  if (window !== undefined && window.from >= since) {
    const [breach] = breachesOf(window, a.o.spec.slo);
    if (breach !== undefined) {
      return {outcome: 'NotHelped', message: `With ${action.minReplicas} pods ${describeBreach(breach, window)}.`};
    }
    if (clear(window, a.o.spec.slo)) {
      return {outcome: 'Helped', message: `The breach ended with ${action.minReplicas} pods.`};
    }
  }
  if (a.now - since < STABILIZATION_BOUND_MS) return undefined;
  return {outcome: 'NotHelped', message: 'Too few responses came in the 10 minutes after it to judge it.'};
}

function notThere(a: Assessment, action: ScaleUpRecord): End | undefined {
  const since = at(action.appliedAt);
  if (since === undefined || a.now - since <= PODS_MS) return undefined;
  return {outcome: 'NotHelped', message: `${action.minReplicas} pods were not Ready within ${seconds(PODS_MS)}.`};
}
