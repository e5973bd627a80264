import {breachesOf, clear, type WindowCounts} from '../slo/index.ts';
import {blockage} from './blocked.ts';
import {CRASHES_SIGNAL, describeBreach, type Assessment} from './assessment.ts';
import {STABILIZATION_BOUND_MS, STABILIZATION_MS, type End, type RollbackRecord} from './records.ts';
import {at, iso} from './text.ts';
import type {Observation, RevisionFacts} from './types.ts';
import type {Judgement} from './verdict.ts';

/** Fewer valid responses than this say nothing, even then. */
const MIN_RESPONSES = 10;

/**
 * Why a rollback can't go on: a person released something else or retries the revision, or its Deployment is another.
 *
 * @param o the observation
 * @param action the action under way
 * @param from the revision that is rolled back from, undefined if its ControllerRevision is gone
 */
export function interruption(
  o: Observation,
  action: RollbackRecord,
  from: RevisionFacts | undefined,
): string | undefined {
  if (o.retry === action.fromRevision) return `revision ${action.fromRevision} is retried`;
  if (o.desired !== undefined && o.desired !== action.fromRevision && o.desired !== action.toRevision) {
    return `revision ${o.desired} was released meanwhile`;
  }
  // The suspension comes first: without it the new Deployment would get the bad revision.
  const suspended = from === undefined || from.suspendedAt !== undefined;
  if (suspended && o.deployment !== undefined && o.deployment.uid !== action.targetUid) {
    return 'the Deployment was replaced';
  }
  return undefined;
}

/**
 * The record of a rollback after what is seen now. It goes on only once the suspension is on the revision: from then on
 * not even a lost record lets it serve again.
 *
 * @param o the observation
 * @param action the action under way
 * @param from the revision that is rolled back from, undefined if its ControllerRevision is gone
 */
export function advanced(o: Observation, action: RollbackRecord, from: RevisionFacts | undefined): RollbackRecord {
  if (from !== undefined && from.suspendedAt === undefined) return action;
  if (o.deployment?.revision !== action.toRevision) return action;
  const appliedAt = action.appliedAt ?? iso(o.now);
  if (action.rolledOutAt === undefined && !o.deployment.rolloutComplete) {
    return {...action, state: 'Applied', appliedAt};
  }
  return {...action, state: 'Verifying', appliedAt, rolledOutAt: action.rolledOutAt ?? iso(o.now)};
}

/**
 * How a rollback ended, once that can be said:
 * - TargetChanged: a pod that was started for it runs another image than the one that had become good;
 * - Worse: after the stabilization window no pod is Ready;
 * - NotHelped: its pods don't become available in the time that a rollout may take; or responses since its rollout breach an objective; or after 10 minutes too few came, or they could not be
 *   judged (database, telemetry);
 * - Helped: responses since its rollout show, beyond chance, that no threshold is exceeded; after 10 minutes: at least
 *   ten came and no breach. Where crashes were the reason no responses are needed: those pods have left.
 *
 * @param a the assessment
 * @param action the action, Verifying
 * @param judgement the verdict on what serves now
 */
export function outcome(a: Assessment, action: RollbackRecord, judgement: Judgement): End | undefined {
  const changed = changedImage(a, action);
  if (changed !== undefined) return {outcome: 'TargetChanged', message: changed};
  const stuck = notRolledOut(a, action);
  if (stuck !== undefined) return {outcome: 'NotHelped', message: stuck};
  const since = at(action.rolledOutAt);
  if (action.state !== 'Verifying' || since === undefined || a.now - since < STABILIZATION_MS) return undefined;
  if ((a.o.deployment?.readyByRevision[action.toRevision] ?? 0) === 0) {
    return {outcome: 'Worse', message: `No pod of revision ${action.toRevision} is Ready.`};
  }
  const late = a.now - since >= STABILIZATION_BOUND_MS;
  if (!['None', 'MemoryLeak', 'Hung', 'Overload', 'Unknown'].includes(judgement.verdict)) {
    const message = `Its effect could not be judged: ${judgement.reason}`;
    return late ? {outcome: 'NotHelped', message} : undefined;
  }
  return byResponses(a, since, late);
}

/** Bad pods serve as long as good ones don't become available: a person has to know. */
function notRolledOut(a: Assessment, {state, appliedAt, toRevision}: RollbackRecord): string | undefined {
  const since = at(appliedAt);
  const bound = Math.max(a.o.spec.release.progressDeadlineSeconds * 1000, STABILIZATION_BOUND_MS);
  if (state !== 'Applied' || since === undefined || a.now - since <= bound) return undefined;
  return `Revision ${toRevision} did not roll out: ${blockage(a)?.message ?? 'its pods do not become available'}.`;
}

function byResponses(a: Assessment, since: number, late: boolean): End | undefined {
  const window = measured(a.o.serviceWindow, since);
  const [breach] = window === undefined ? [] : breachesOf(window, a.o.spec.slo);
  if (window !== undefined && breach !== undefined) {
    return {outcome: 'NotHelped', message: `Since the rollback ${describeBreach(breach, window)}.`};
  }
  if (forCrashes(a.o)) {
    return {outcome: 'Helped', message: 'The pods that crashed are gone and no objective is breached.'};
  }
  if (window !== undefined && clear(window, a.o.spec.slo)) {
    const figures = `${window.bad} of ${window.valid} responses were bad, ${window.slow} slow`;
    return {outcome: 'Helped', message: `The breach ended: since the rollback ${figures}.`};
  }
  if (!late) return undefined;
  if (window !== undefined && window.valid >= MIN_RESPONSES) {
    return {outcome: 'Helped', message: 'No objective was breached in the 10 minutes after the rollback.'};
  }
  return {outcome: 'NotHelped', message: 'Too few responses came in the 10 minutes after the rollback to judge it.'};
}

/** The explanation was written with the record, and stands as long as the action is under way. */
function forCrashes({status}: Observation): boolean {
  return status?.remediation?.lastDecision?.signals.some(({name}) => name === CRASHES_SIGNAL) === true;
}

/** Only what came since its rollout was complete counts: a window from before it is not looked at. */
function measured(window: WindowCounts | undefined, since: number): WindowCounts | undefined {
  return window !== undefined && window.from >= since ? window : undefined;
}

/**
 * The digest in an imageID. The repository before it says only by which name the node knows the image: a mirror's and
 * the original's differ for the same image.
 */
export function digestOf(imageId: string): string {
  return imageId.slice(imageId.lastIndexOf('@') + 1);
}

function changedImage(a: Assessment, action: RollbackRecord): string | undefined {
  const expected = a.revisions.get(action.toRevision)?.imageId;
  if (expected === undefined || action.state === 'Recorded') return undefined;
  const other = a.o.pods.find(
    (pod) =>
      pod.revision === action.toRevision &&
      !pod.terminating &&
      pod.imageId !== undefined &&
      digestOf(pod.imageId) !== digestOf(expected),
  );
  return other === undefined
    ? undefined
    : `Pod ${other.name} runs ${other.imageId}, but revision ${action.toRevision} became good as ${expected}.`;
}
