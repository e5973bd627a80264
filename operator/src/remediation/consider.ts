import type {ActionRecord, Explanation, Guard} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import {pastDeadline} from './blocked.ts';
import {stopped, type Stop} from './guards.ts';
import {at} from './text.ts';
import type {Decision} from './types.ts';
import type {Judgement} from './verdict.ts';
import {witnesses} from './witnesses.ts';

/** Evidence gets so long to become complete (a second witness, another verdict) before a person is called. */
const PATIENCE_MS = 30_000;

/** Which actions were considered for a verdict. */
export interface Consideration {
  readonly considered: Explanation['considered'];
  /** Begin a rollback now. */
  readonly act: boolean;
  readonly heldBy?: Guard;
  /** When it would act if nothing changes, milliseconds. */
  readonly actAt?: number;
  /** Why a person has to decide. */
  readonly escalated?: string;
}

/** What holds an action back besides the verdict. */
export interface Limits {
  readonly action: ActionRecord | undefined;
  readonly recentActions: readonly ActionRecord[];
  readonly breaker: Decision['breaker'];
}

type Considered = Explanation['considered'][number];

const rollback = (reason: string): Considered => ({action: 'Rollback', taken: false, reason});
const hold = (reason: string): Considered => ({action: 'Hold', taken: true, reason});
const escalate = (reason: string): Considered => ({action: 'Escalate', taken: true, reason});

/**
 * The ladder of each verdict: what is done, and why the rest is not.
 *
 * @param a the assessment
 * @param judgement the verdict
 * @param limits what is under way and was done
 */
export function consider(a: Assessment, judgement: Judgement, limits: Limits): Consideration {
  if (limits.action !== undefined) {
    return {considered: [rollingBack(limits.action.toRevision)], act: false};
  }
  switch (judgement.verdict) {
    case 'None':
      return {considered: [], act: false};
    case 'TelemetryGap':
      return held([rollback('without telemetry no action'), hold('until its pods can be read')]);
    case 'DatabaseSaturated':
      return {
        considered: [
          rollback('another revision would meet the same database'),
          escalate('the database needs a person'),
        ],
        act: false,
      };
    case 'DatabaseDown':
      return held([rollback('no revision serves without its database'), hold('until the database answers')]);
    case 'RolloutBlocked':
      return blocked(a);
    case 'BadRevision':
      return badRevision(a, judgement, limits);
    case 'Unknown':
      return unexplained(a, judgement);
  }
}

function held(considered: Considered[]): Consideration {
  return {considered, act: false};
}

function rollingBack(to: string): Considered {
  return {action: 'Rollback', taken: true, reason: `to revision ${to}, the last known good`};
}

function blocked(a: Assessment): Consideration {
  const old = a.otherPods.some(({ready}) => ready) ? 'the old pods serve' : 'nothing else serves';
  const goesOn = hold(`${old}; it goes on by itself when the cause is gone`);
  const late = pastDeadline(a) ? [escalate('it lasts longer than progressDeadlineSeconds')] : [];
  return held([rollback('the revision is held, not rejected: it never served'), goesOn, ...late]);
}

function badRevision(a: Assessment, judgement: Judgement, limits: Limits): Consideration {
  const stop = stopped({a, ...limits, witnesses: witnesses(a)});
  if (stop === undefined) {
    return a.target === undefined ? held([]) : {considered: [rollingBack(a.target.hash)], act: true};
  }
  const refused: Considered = {action: 'Rollback', taken: false, guard: stop.guard, reason: stop.reason};
  if (stop.until !== undefined) {
    return {
      considered: [refused, hold('the guard lets it pass by itself')],
      act: false,
      heldBy: stop.guard,
      actAt: stop.until,
    };
  }
  if (waitsForEvidence(a, stop)) {
    return {considered: [refused, hold('more may be known at the next look')], act: false, heldBy: stop.guard};
  }
  return {
    considered: [refused, escalate('a person has to decide')],
    act: false,
    heldBy: stop.guard,
    escalated: `${judgement.reason} It is not rolled back: ${stop.reason}.`,
  };
}

function waitsForEvidence(a: Assessment, stop: Stop): boolean {
  return stop.guard === 'Witnesses' && !lasts(a, 'BadRevision');
}

function unexplained(a: Assessment, judgement: Judgement): Consideration {
  const refused = rollback('no revision is shown to be the cause');
  const replaced = a.breaches.length === 0 && !a.down;
  if (replaced) return held([refused, hold('the pods that fail are being replaced')]);
  if (!lasts(a, 'Unknown')) return held([refused, hold('more may be known at the next look')]);
  const considered = [refused, escalate('a person has to find the cause')];
  return {considered, act: false, ...(a.young ? {escalated: judgement.reason} : {})};
}

/** The verdict has stood for a while, or a person was called already. */
export function lasts({previous, now}: Assessment, verdict: Judgement['verdict']): boolean {
  if (previous?.verdict !== verdict) return false;
  const called = previous.considered.some(({action, taken}) => action === 'Escalate' && taken);
  return called || now - (at(previous.time) ?? now) >= PATIENCE_MS;
}
