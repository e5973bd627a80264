import type {ActionKind, ActionRecord, Explanation, Guard} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import {pastDeadline} from './blocked.ts';
import {stopped, type Stop} from './guards.ts';
import {isRestart, isRollback, isScaleUp} from './records.ts';
import {raisedFloor} from './scale-up.ts';
import {at, list} from './text.ts';
import type {Decision} from './types.ts';
import type {Judgement} from './verdict.ts';
import {backupInterference} from './verdict-backup-interference.ts';
import {changedReferences} from './verdict-config-change.ts';
import {hungPods} from './verdict-hung.ts';
import {leaksOf} from './verdict-memory-leak.ts';
import {awaited, type Witness} from './witnesses.ts';

/** Evidence gets so long to become complete (a second witness, another verdict) before a person is called. */
const PATIENCE_MS = 30_000;

/** Which actions were considered for a verdict. */
export interface Consideration {
  readonly considered: Explanation['considered'];
  /** Begin this now. */
  readonly act?: ActionKind;
  readonly heldBy?: Guard;
  /** When it would act if nothing changes, milliseconds. */
  readonly actAt?: number;
  /** A person has to decide on the young revision: it is held until then. */
  readonly escalates?: true;
}

/** What holds an action back besides the verdict. */
export interface Limits {
  readonly action: ActionRecord | undefined;
  readonly recentActions: readonly ActionRecord[];
  readonly breaker: Decision['breaker'];
  /** What was heard for the verdict's claim. */
  readonly witnesses: readonly Witness[];
}

type Considered = Explanation['considered'][number];

const rollback = (reason: string): Considered => ({action: 'Rollback', taken: false, reason});
const scaleUp = (reason: string): Considered => ({action: 'ScaleUp', taken: false, reason});
const restart = (reason: string): Considered => ({action: 'Restart', taken: false, reason});
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
    return held([underWay(limits.action)]);
  }
  switch (judgement.verdict) {
    case 'None':
      return held([]);
    case 'TelemetryGap':
      return held([rollback('without telemetry no action'), hold('until its pods can be read')]);
    case 'InfraFault':
      return held([
        rollback('another revision would run on the same machines'),
        restart('Kubernetes itself replaces the pods of a lost node'),
        hold('until the pods that fail are replaced, or what they run on is back'),
        ...(lasts(a, 'InfraFault') ? [escalate('what the pods run on needs a person')] : []),
      ]);
    case 'DatabaseSaturated':
      return held([
        rollback('another revision would meet the same database'),
        restart('another pod would meet the same database'),
        scaleUp('more pods would ask more of it'),
        escalate('the database needs a person'),
      ]);
    case 'DatabaseDown':
      return held([
        rollback('no revision serves without its database'),
        restart('no pod serves without its database'),
        hold('until the database answers'),
      ]);
    case 'SharedDependency':
      return held([
        rollback('another revision would meet the same'),
        restart('another pod would meet the same'),
        scaleUp('more pods would meet the same'),
        lasts(a, 'SharedDependency')
          ? escalate('what the pods share needs a person')
          : hold('it may come back by itself'),
      ]);
    case 'BackupInterference':
      return backedUp(a);
    case 'RolloutBlocked':
      return blocked(a);
    case 'ConfigChange':
      return configChanged(a, limits);
    case 'BadRevision':
      return badRevision(a, judgement, limits);
    case 'MemoryLeak':
      return leaking(a, judgement, limits);
    case 'Hung':
      return hanging(a, judgement, limits);
    case 'Overload':
      return tried(a, judgement, limits, {kind: 'ScaleUp', begins: [raising(raisedFloor(a.o))]});
    case 'Unknown':
      return unexplained(a);
  }
}

function held(considered: Considered[]): Consideration {
  return {considered};
}

function underWay(action: ActionRecord): Considered {
  if (isRollback(action)) return rollingBack(action.toRevision);
  if (isRestart(action)) return evicting(action.targetName);
  if (isScaleUp(action)) return raising(action.minReplicas);
  return {action: action.kind, taken: true, reason: 'it is under way'};
}

function raising(minReplicas: number): Considered {
  return {action: 'ScaleUp', taken: true, reason: `at least ${minReplicas} pods for a while`};
}

function rollingBack(to: string): Considered {
  return {action: 'Rollback', taken: true, reason: `to revision ${to}, the last known good`};
}

function evicting(pod: string): Considered {
  return {action: 'Restart', taken: true, reason: `pod ${pod} is evicted, and the Deployment replaces it`};
}

/** A backup that is ended for the breach would be missing, and the next one would do the same. */
function backedUp(a: Assessment): Consideration {
  const refused = [
    rollback('another revision would meet the same database'),
    restart('another pod would meet the same database'),
    scaleUp('more pods would ask more of it'),
  ];
  return backupInterference(a).holds
    ? held([...refused, hold('until the backup has ended, and what was measured meanwhile is out of the act window')])
    : held([...refused, escalate('it outlives the backup: a person has to find the cause')]);
}

function blocked(a: Assessment): Consideration {
  const old = a.otherPods.some(({ready}) => ready) ? 'the old pods serve' : 'nothing else serves';
  const goesOn = hold(`${old}; it goes on by itself when the cause is gone`);
  const late = pastDeadline(a) ? [escalate('it lasts longer than progressDeadlineSeconds')] : [];
  return held([rollback('the revision is held, not rejected: it never served'), goesOn, ...late]);
}

/** While the database is asked, or pods are still being compared, it may turn out to be something else. */
function configChanged(a: Assessment, {witnesses}: Limits): Consideration {
  const refused = rollback('pods of the last known good revision would read the same content');
  if (awaited(witnesses) !== undefined || !lasts(a, 'ConfigChange')) {
    return held([refused, hold('more may be known at the next look')]);
  }
  const decides = escalate(`a person has to decide on the content of ${list(changedReferences(a))}`);
  return {considered: [refused, decides], escalates: true};
}

function badRevision(a: Assessment, judgement: Judgement, limits: Limits): Consideration {
  if (a.target === undefined) return tried(a, judgement, limits, {kind: 'Rollback', begins: []});
  return tried(a, judgement, limits, {kind: 'Rollback', begins: [rollingBack(a.target.hash)]});
}

/** One whose container was killed has nothing left that it leaked. */
function leaking(a: Assessment, judgement: Judgement, limits: Limits): Consideration {
  const [worst] = leaksOf(a);
  if (worst !== undefined) return tried(a, judgement, limits, {kind: 'Restart', begins: [evicting(worst.pod.name)]});
  const refused = restart('its node has begun the container anew by itself');
  if (!lasts(a, 'MemoryLeak')) return held([refused, hold('more may be known at the next look')]);
  return held([refused, escalate('its limit is too low, or it leaks: a person has to decide')]);
}

/** While a revision is young an eviction would hide what it does, and hold up its rollback. */
function hanging(a: Assessment, judgement: Judgement, limits: Limits): Consideration {
  const [first] = hungPods(a);
  if (a.young || first === undefined) {
    const refused = restart('the revision is not good yet: a pod that hangs speaks against it');
    if (!lasts(a, 'Hung')) return held([refused, hold('more may be known at the next look')]);
    return {considered: [refused, escalate('a person has to decide')], escalates: true};
  }
  return tried(a, judgement, limits, {kind: 'Restart', begins: [evicting(first.pod.name)]});
}

/** What an action is, and how its beginning is told. */
interface Rung {
  readonly kind: ActionKind;
  readonly begins: Considered[];
}

/** An action, unless a guard stops it; then what is waited for, or a person. */
function tried(a: Assessment, judgement: Judgement, limits: Limits, {kind, begins}: Rung): Consideration {
  const stop = stopped({a, kind, ...limits});
  if (stop === undefined) return {considered: begins, act: kind};
  const refused: Considered = {action: kind, taken: false, guard: stop.guard, reason: stop.reason};
  if (stop.until !== undefined) {
    const considered = [refused, hold('the guard lets it pass by itself')];
    return {considered, heldBy: stop.guard, actAt: stop.until};
  }
  if (stop.guard === 'ReadOnly') {
    return {considered: [refused, hold('until read-only mode is off')], heldBy: stop.guard};
  }
  if (waitsForEvidence(a, judgement, stop)) {
    return {considered: [refused, hold('more may be known at the next look')], heldBy: stop.guard};
  }
  return {
    considered: [refused, escalate('a person has to decide')],
    heldBy: stop.guard,
    ...(a.young ? {escalates: true} : {}),
  };
}

function waitsForEvidence(a: Assessment, {verdict}: Judgement, stop: Stop): boolean {
  return stop.guard === 'Witnesses' && !lasts(a, verdict);
}

function unexplained(a: Assessment): Consideration {
  const refused = rollback('no revision is shown to be the cause');
  const replaced = a.breaches.length === 0 && !a.down;
  if (replaced) return held([refused, hold('the pods that fail are being replaced')]);
  if (!lasts(a, 'Unknown')) return held([refused, hold('more may be known at the next look')]);
  const considered = [refused, escalate('a person has to find the cause')];
  return {considered, ...(a.young ? {escalates: true} : {})};
}

/** The verdict has stood for a while, or a person was called already. */
export function lasts({previous, now}: Assessment, verdict: Judgement['verdict']): boolean {
  if (previous?.verdict !== verdict) return false;
  const called = previous.considered.some(({action, taken}) => action === 'Escalate' && taken);
  return called || now - (at(previous.time) ?? now) >= PATIENCE_MS;
}
