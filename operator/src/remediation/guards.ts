import {
  autoscalingOf,
  RESERVED_CONNECTIONS,
  requestAnnotations,
  type ActionKind,
  type ActionRecord,
  type Guard,
} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import {readOnlyHold} from './maintenance.ts';
import {didNotHelp, RECENT_KEPT} from './records.ts';
import {raisedFloor} from './scale-up.ts';
import {at, iso} from './text.ts';
import type {Decision} from './types.ts';
import {awaited, objection, type Witness} from './witnesses.ts';

const HOUR_MS = 3_600_000;
/** A target that became good longer ago was proven in another world: a person decides. */
const TARGET_MAX_AGE_MS = 30 * 24 * HOUR_MS;
/** So many actions that didn't help in so much time open the breaker, until an hour was healthy. */
const BREAKER_FAILURES = 3;
const BREAKER_WINDOW_MS = 4 * HOUR_MS;

/** An action that is considered, with what its guards look at. */
export interface Candidate {
  readonly a: Assessment;
  readonly kind: ActionKind;
  readonly action: ActionRecord | undefined;
  readonly recentActions: readonly ActionRecord[];
  readonly breaker: Decision['breaker'];
  readonly witnesses: readonly Witness[];
}

/** The guard that stops an action. */
export interface Stop {
  readonly guard: Guard;
  readonly reason: string;
  /** When it would let the action pass if nothing else changes, milliseconds; undefined: a person has to decide. */
  readonly until?: number;
}

type Check = (c: Candidate) => string | {readonly reason: string; readonly until: number} | undefined;

type Guards = readonly (readonly [Guard, Check])[];

/** What every action is held by first. */
const common: Guards = [
  ['Paused', paused],
  ['Mode', mode],
  ['ReadOnly', readOnly],
  ['ActionUnderWay', ({action}) => (action === undefined ? undefined : `action ${action.id} is under way`)],
  ['Cooldown', cooldown],
  ['HourlyLimit', hourlyLimit],
  ['Breaker', ({breaker}) => (breaker.state === 'Open' ? `${BREAKER_FAILURES} actions did not help` : undefined)],
];

const twoWitnesses: Guards[number] = ['Witnesses', ({witnesses}) => objection(witnesses)];

/** In the order in which they are asked; each answers why it stops the action. */
const guards: Readonly<Record<ActionKind, Guards>> = {
  Rollback: [
    ...common,
    ['NoRollbackTarget', noRollbackTarget],
    ['TargetTooOld', targetTooOld],
    ['TargetSuspended', targetSuspended],
    ['OtherDatabase', otherDatabase],
    twoWitnesses,
    ['SchemaGate', schemaGate],
  ],
  Restart: [...common, ['LastDidNotHelp', lastDidNotHelp], twoWitnesses],
  // It destroys nothing, and ends by itself: one witness is enough, and none may be awaited.
  ScaleUp: [
    ...common,
    ['LastDidNotHelp', lastDidNotHelp],
    ['NoAutoscaler', noAutoscaler],
    ['PodsPending', podsPending],
    ['AtMaximum', atMaximum],
    ['Connections', connections],
    ['Witnesses', ({witnesses}) => awaited(witnesses)],
  ],
};

/**
 * The first guard that stops an action.
 *
 * @param candidate what is considered
 * @returns undefined where all let it pass
 */
export function stopped(candidate: Candidate): Stop | undefined {
  for (const [guard, check] of guards[candidate.kind]) {
    const answer = check(candidate);
    if (answer === undefined) continue;
    return typeof answer === 'string' ? {guard, reason: answer} : {guard, ...answer};
  }
  return undefined;
}

function paused({a: {o}}: Candidate): string | undefined {
  if (o.spec.paused) return 'spec.paused is set';
  return o.pause === undefined ? undefined : `the annotation ${requestAnnotations.pauseRemediation} is set`;
}

/** By which field of spec.remediation.actions each is allowed. */
const fields = {Rollback: 'rollback', Restart: 'restart', ScaleUp: 'scaleUp'} as const;

function mode({a, kind}: Candidate): string | undefined {
  const {mode: overall, actions} = a.o.spec.remediation;
  if (overall === 'Observe') return 'spec.remediation.mode is Observe';
  const field = fields[kind];
  return actions[field] === 'Observe' ? `spec.remediation.actions.${field} is Observe` : undefined;
}

function readOnly({a: {o}}: Candidate): ReturnType<Check> {
  const hold = readOnlyHold(o);
  return hold?.until === undefined ? hold?.reason : {reason: hold.reason, until: hold.until};
}

function cooldown({a, recentActions}: Candidate): ReturnType<Check> {
  const {cooldownSeconds} = a.o.spec.remediation.limits;
  const last = Math.max(...recentActions.map((action) => at(action.endedAt ?? action.recordedAt) ?? 0));
  const until = last + cooldownSeconds * 1000;
  if (recentActions.length === 0 || a.now >= until) return undefined;
  return {reason: `the last action ended less than ${cooldownSeconds} s ago`, until};
}

function hourlyLimit({a, recentActions}: Candidate): ReturnType<Check> {
  const {maxActionsPerHour} = a.o.spec.remediation.limits;
  const starts = recentActions.map((action) => at(action.recordedAt) ?? 0).filter((start) => start > a.now - HOUR_MS);
  // What the record has no room for can't be counted: a full hour of it is a limit too.
  const oldest = starts.sort((x, y) => y - x)[Math.min(maxActionsPerHour, RECENT_KEPT) - 1];
  if (oldest === undefined) return undefined;
  return {reason: `${starts.length} actions in the last hour, at most ${maxActionsPerHour}`, until: oldest + HOUR_MS};
}

/** One more of what didn't help is the next rung's: a person. */
function lastDidNotHelp({a, kind, recentActions}: Candidate): ReturnType<Check> {
  const last = recentActions.find((action) => action.kind === kind);
  const since = at(last?.endedAt);
  if (last === undefined || since === undefined || !didNotHelp(last) || a.now - since >= HOUR_MS) return undefined;
  return `the last ${kind}, ended at ${iso(since)}, did not help`;
}

function noAutoscaler({a: {o}}: Candidate): string | undefined {
  return o.autoscaler === undefined || autoscalingOf(o.spec) === undefined
    ? 'spec.replicas gives the number of pods'
    : undefined;
}

/** More of what doesn't start would not help; and what is about to start may. */
function podsPending({a}: Candidate): string | undefined {
  const {wantedReplicas = 0, readyReplicas = 0} = a.o.deployment ?? {};
  return readyReplicas < wantedReplicas ? `${readyReplicas} of ${wantedReplicas} wanted pods are Ready` : undefined;
}

function atMaximum({a: {o}}: Candidate): string | undefined {
  const {maxReplicas = 0} = autoscalingOf(o.spec) ?? {};
  return (o.deployment?.wantedReplicas ?? 0) >= maxReplicas ? `maxReplicas is ${maxReplicas}` : undefined;
}

function connections({a: {o}}: Candidate): string | undefined {
  // Where the server itself can't be asked it is what the operator gave it.
  const maxConnections = o.database.maxConnections ?? o.status?.database?.maxConnections;
  if (maxConnections === undefined) return 'how many connections the database admits is not known';
  const needed = raisedFloor(o) * o.spec.database.connectionsPerReplica + RESERVED_CONNECTIONS;
  return needed > maxConnections
    ? `${raisedFloor(o)} pods may need ${needed} connections, and the database admits ${maxConnections}`
    : undefined;
}

function noRollbackTarget({a}: Candidate): string | undefined {
  return a.target === undefined || a.target.hash === a.serve ? 'no other revision ever became good' : undefined;
}

/** What was written since would be missing there. */
function otherDatabase({a}: Candidate): string | undefined {
  const [from, to] = [a.revisions.get(a.serve ?? '')?.database, a.target?.database];
  return from === to ? undefined : `revision ${a.target?.hash} used another database (${to})`;
}

function targetTooOld({a}: Candidate): string | undefined {
  const goodAt = a.target?.goodAt;
  if (goodAt === undefined || a.now - goodAt <= TARGET_MAX_AGE_MS) return undefined;
  return `revision ${a.target?.hash} became good at ${iso(goodAt)}, more than 30 days ago`;
}

function targetSuspended({a}: Candidate): string | undefined {
  if (a.target?.rejectedAt !== undefined) return `revision ${a.target.hash} is rejected`;
  return a.target?.suspendedAt === undefined ? undefined : `revision ${a.target.hash} is suspended`;
}

function schemaGate({a}: Candidate): string | undefined {
  if (a.o.spec.release.schemaGate === 'Off') return undefined;
  const {migrations} = a.o.database;
  const seen = a.target?.schemaVersion;
  if (migrations === undefined) return 'which migrations were applied is not known';
  if (seen === undefined) return `which migrations revision ${a.target?.hash} had seen is not known`;
  const unreadable = migrations.find(({version, previousCanRead}) => version > seen && !previousCanRead);
  if (unreadable === undefined) return undefined;
  return `revision ${a.target?.hash} (migration ${seen}) can not read what migration ${unreadable.version} made`;
}

/**
 * The breaker after what is known now: three actions in four hours that did not help open it, a healthy hour closes
 * it. `openedAt` is kept when it closes: what had opened it never does so again.
 *
 * @param a the assessment
 * @param recentActions newest first
 */
export function breakerOf(a: Assessment, recentActions: readonly ActionRecord[]): Decision['breaker'] {
  const before = a.o.status?.remediation?.breaker;
  const openedAt = at(before?.openedAt);
  const opened = openedAt === undefined ? {} : {openedAt};
  if (before?.state === 'Open' && openedAt !== undefined) {
    return {state: healthyFor(a, openedAt) >= HOUR_MS ? 'Closed' : 'Open', ...opened};
  }
  // Status tells whole seconds.
  const since = Math.max(a.now - BREAKER_WINDOW_MS, (openedAt ?? Number.NEGATIVE_INFINITY) + 999);
  const failures = recentActions.filter((action) => didNotHelp(action) && (at(action.endedAt) ?? 0) > since);
  return failures.length >= BREAKER_FAILURES ? {state: 'Open', openedAt: a.now} : {state: 'Closed', ...opened};
}

/** For how long no verdict has stood in status, counted from the opening at most. */
function healthyFor(a: Assessment, openedAt: number): number {
  if (a.breached || a.previous?.verdict !== 'None') return 0;
  return a.now - Math.max(at(a.previous.time) ?? a.now, openedAt);
}
