import {breachesOf} from '../slo/index.ts';
import {describeBreach, type Assessment} from './assessment.ts';
import {STABILIZATION_BOUND_MS, STABILIZATION_MS, type End, type RestartRecord} from './records.ts';
import {at, iso, seconds} from './text.ts';
import type {Observation, PodFacts} from './types.ts';
import type {Judgement} from './verdict.ts';

/** The replacement of a pod that was evicted must be Ready within this, or no other is evicted. */
const REPLACEMENT_MS = 60_000;
/** An eviction that is not admitted for so long is given up. */
const ADMISSION_MS = 600_000;
/** The API server tells when a pod was created in whole seconds, by its own clock. */
const CLOCKS_MS = 2_000;

/**
 * Why the eviction of a pod can't go on. Once the pod is leaving it always does.
 *
 * @param o the observation
 * @param action the action under way
 */
export function interruption(o: Observation, action: RestartRecord): string | undefined {
  const pod = targetOf(o, action);
  if (action.state !== 'Recorded' || pod === undefined || pod.terminating) return undefined;
  const settled = settledItself(pod, action);
  if (settled !== undefined) return settled;
  if (o.desired !== undefined && pod.revision !== o.desired) return `revision ${o.desired} was released meanwhile`;
  return o.now - (at(action.recordedAt) ?? o.now) > ADMISSION_MS
    ? `its eviction was not admitted in ${seconds(ADMISSION_MS)}`
    : undefined;
}

/**
 * The record of an eviction after what is seen now: Applied when the pod leaves, Verifying when its replacement is Ready.
 *
 * @param o the observation
 * @param action the action under way
 */
export function advanced(o: Observation, action: RestartRecord): RestartRecord {
  if (targetOf(o, action)?.terminating === false) return action;
  const appliedAt = action.appliedAt ?? iso(o.now);
  if (action.rolledOutAt === undefined && !replaced(o, action)) return {...action, state: 'Applied', appliedAt};
  return {...action, state: 'Verifying', appliedAt, rolledOutAt: action.rolledOutAt ?? iso(o.now)};
}

/**
 * How the eviction of a pod ended, once that can be said:
 * - NotHelped: its replacement wasn't Ready within 60 s; or responses since it was breach an objective; or after 10
 *   minutes they still can't be judged (database, telemetry);
 * - Worse: after the stabilization window no pod is Ready;
 * - Helped: after it none of this is so.
 *
 * @param a the assessment
 * @param action the action
 * @param judgement the verdict on what serves now
 */
export function outcome(a: Assessment, action: RestartRecord, judgement: Judgement): End | undefined {
  if (action.state === 'Applied') return notReplaced(a, action);
  const since = at(action.rolledOutAt);
  if (action.state !== 'Verifying' || since === undefined || a.now - since < STABILIZATION_MS) return undefined;
  if (!speaksOfPods(judgement)) {
    const late = a.now - since >= STABILIZATION_BOUND_MS;
    return late ? {outcome: 'NotHelped', message: `Its effect could not be judged: ${judgement.reason}`} : undefined;
  }
  if (!a.servingPods.some(({ready}) => ready)) return {outcome: 'Worse', message: 'No pod is Ready.'};
  const window = a.o.serviceWindow;
  const [breach] = window === undefined || window.from < since ? [] : breachesOf(window, a.o.spec.slo);
  if (window !== undefined && breach !== undefined) {
    return {outcome: 'NotHelped', message: `Since its replacement is Ready ${describeBreach(breach, window)}.`};
  }
  return {outcome: 'Helped', message: `The replacement of pod ${action.targetName} is Ready.`};
}

function notReplaced(a: Assessment, action: RestartRecord): End | undefined {
  const since = at(action.appliedAt);
  if (since === undefined || a.now - since <= REPLACEMENT_MS) return undefined;
  const message = `The replacement of pod ${action.targetName} was not Ready within ${seconds(REPLACEMENT_MS)}.`;
  return {outcome: 'NotHelped', message};
}

/** Verdicts under which what pods answer still tells of the eviction. */
function speaksOfPods({verdict}: Judgement): boolean {
  switch (verdict) {
    case 'None':
    case 'MemoryLeak':
    case 'Hung':
    case 'Overload':
    case 'Unknown':
      return true;
    case 'TelemetryGap':
    case 'InfraFault':
    case 'DatabaseSaturated':
    case 'DatabaseDown':
    case 'SharedDependency':
    case 'BackupInterference':
    case 'RolloutBlocked':
    case 'ConfigChange':
    case 'BadRevision':
      return false;
  }
}

/** Why its eviction would be in vain by now. */
function settledItself(pod: PodFacts, {verdict, recordedAt}: RestartRecord): string | undefined {
  const {name, nodeLost, ready, runningSince} = pod;
  if (nodeLost === true) return `the node of pod ${name} is not heard of any more`;
  if (verdict === 'Hung') return ready ? `pod ${name} is Ready again` : undefined;
  // What it had leaked is gone with the process.
  const beganAnew = runningSince !== undefined && runningSince > (at(recordedAt) ?? Infinity);
  return beganAnew ? `the container of pod ${name} began anew` : undefined;
}

function targetOf(o: Observation, action: RestartRecord): PodFacts | undefined {
  return o.pods.find(({uid}) => uid === action.targetUid);
}

/** A pod that was created since is Ready; or none is missing. */
function replaced(o: Observation, action: RestartRecord): boolean {
  const ready = o.pods.filter((pod) => pod.ready && !pod.terminating && pod.uid !== action.targetUid);
  const since = (at(action.recordedAt) ?? o.now) - CLOCKS_MS;
  return ready.some(({createdAt}) => createdAt >= since) || ready.length >= (o.deployment?.wantedReplicas ?? Infinity);
}
