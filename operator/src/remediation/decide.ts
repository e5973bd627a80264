import {
  revisionAnnotations,
  type ActionKind,
  type ActionRecord,
  type MaintenanceApiStatus,
  type Verdict,
} from '../api/v1alpha1/index.ts';
import {assess, type Assessment} from './assessment.ts';
import {consider, lasts, type Consideration, type Limits} from './consider.ts';
import {explain} from './explain.ts';
import {breakerOf} from './guards.ts';
import {
  bakedBy,
  held,
  newestGood,
  prunable,
  releaseState,
  revisionsOf,
  revisionToServe,
  type Evidence,
} from './release.ts';
import {maintenanceOf, readOnlyHold} from './maintenance.ts';
import {advanced, interruption, outcome} from './progress.ts';
import {ended, isRollback, recent, recorded, underWay} from './records.ts';
import {digestOf} from './rollback.ts';
import {restarted, restartOf} from './rolling-restart.ts';
import {floorOf, scaleUpOf} from './scale-up.ts';
import {at, iso} from './text.ts';
import type {Decision, Observation, ReleaseState, RevisionFacts, RevisionPatch} from './types.ts';
import {upgraded, upgradesDatabase} from './upgrade.ts';
import {judge, type Judgement} from './verdict.ts';
import {hungPods, mayHang} from './verdict-hung.ts';
import {leaksOf} from './verdict-memory-leak.ts';
import {awaitsDatabase, hear} from './witnesses.ts';

const LOOK_CLOSELY_MS = 5_000;
const LOOK_MS = 30_000;

/**
 * What to do about one resource. Pure: the same observation gives the same decision, without IO, clock or randomness,
 * and nothing is remembered but by what the observation holds; so it can be repeated at any moment, also by another
 * process.
 *
 * @param o all that is known at one moment
 */
export function decide(o: Observation): Decision {
  const revisions = revisionsOf(o);
  const before = underWay(o.status);
  const interrupted = before && interruptedNow(o, before, revisions);
  const running = interrupted === undefined ? before : undefined;
  const serve = revisionToServe(o, revisions, running);
  const seen = assess(o, {
    ...{revisions, serve, target: newestGood(revisions)},
    rolledOutAt: rolledOutAt(o, serve),
    recentActions: recent(o.status, interrupted),
  });
  const judgement = judge(seen);
  const a = {...seen, rolledOutAt: bakesSince(seen, judgement)};

  const progress = running && advanced(o, running, revisions);
  const end = interrupted ?? endedNow(a, progress, judgement);
  const limits: Limits = {
    ...limitsOf(a, end === undefined ? progress : undefined, end),
    witnesses: hear(a, judgement.verdict),
  };
  const consideration = consider(a, judgement, limits);
  const action = limits.action ?? begun(a, judgement, consideration);
  return decision(a, judgement, consideration, {...limits, action});
}

/**
 * Responses before this time say nothing about what serves now: give it to ServiceLevels.serviceWindow and
 * objectiveStatuses.
 *
 * @param status the resource's status as it was read
 * @returns wall clock, milliseconds
 */
export function measuredSince(status: MaintenanceApiStatus | undefined): number | undefined {
  const {action, recentActions = []} = status?.remediation ?? {};
  const times = [action?.rolledOutAt, recentActions[0]?.rolledOutAt, status?.revisions?.rolledOutAt].map(at);
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** When the rollout of `serve` was complete: kept once it was, though an autoscaler adds pods later. */
function rolledOutAt(o: Observation, serve: string | undefined): number | undefined {
  if (serve === undefined || o.deployment?.revision !== serve) return undefined;
  const {serving, rolledOutAt: recordedAt} = o.status?.revisions ?? {};
  const known = serving === serve ? at(recordedAt) : undefined;
  return known ?? (o.deployment.rolloutComplete ? o.now : undefined);
}

/** Verdicts by which a revision is not to blame for what was measured of it. */
const exonerating: readonly string[] = [
  'InfraFault',
  'DatabaseDown',
  'DatabaseSaturated',
  'SharedDependency',
  'BackupInterference',
] satisfies Verdict[];

/** A bake begins anew when it is retried, and when a breach ended that was another's. */
function bakesSince(a: Assessment, {verdict}: Judgement): number | undefined {
  if (a.rolledOutAt === undefined || !a.young) return a.rolledOutAt;
  const was = a.o.status?.remediation?.lastDecision?.verdict ?? 'None';
  const exonerated = verdict === 'None' && exonerating.includes(was);
  return exonerated || a.o.retry === a.serve ? a.now : a.rolledOutAt;
}

/** The record of an action that can't go on. */
function interruptedNow(
  o: Observation,
  action: ActionRecord,
  revisions: ReadonlyMap<string, RevisionFacts>,
): ActionRecord | undefined {
  const why = interruption(o, action, revisions);
  return why === undefined
    ? undefined
    : ended(o.now, action, {outcome: 'Interrupted', message: `Interrupted: ${why}.`});
}

/** The record of an action whose effect can be told. */
function endedNow(a: Assessment, action: ActionRecord | undefined, judgement: Judgement): ActionRecord | undefined {
  const end = action && outcome(a, action, judgement);
  return action && end && ended(a.now, action, end);
}

function limitsOf(
  a: Assessment,
  action: ActionRecord | undefined,
  end: ActionRecord | undefined,
): Omit<Limits, 'witnesses'> {
  const recentActions = recent(a.o.status, end);
  return {action, recentActions, breaker: breakerOf(a, recentActions)};
}

/** The record of the action that begins with this decision. */
function begun(a: Assessment, {verdict, reason: message}: Judgement, {act}: Consideration): ActionRecord | undefined {
  if (act === undefined || verdict === 'None') return undefined;
  const target = targetOf(a, act, verdict);
  return target && recorded(a.now, {id: a.o.freshId, kind: act, verdict, message, ...target});
}

type Target = Omit<ActionRecord, 'id' | 'kind' | 'verdict' | 'message' | 'state' | 'recordedAt'>;

function targetOf(a: Assessment, act: ActionKind, verdict: Verdict): Target | undefined {
  switch (act) {
    case 'Rollback': {
      const {o, serve, target} = a;
      if (serve === undefined || target === undefined || o.deployment === undefined) return undefined;
      return {targetUid: o.deployment.uid, fromRevision: serve, toRevision: target.hash};
    }
    case 'Restart': {
      const [first] = verdict === 'MemoryLeak' ? leaksOf(a) : hungPods(a);
      return first && {targetUid: first.pod.uid, targetName: first.pod.name};
    }
    case 'ScaleUp':
      return scaleUpOf(a.o);
  }
}

function decision(a: Assessment, judgement: Judgement, consideration: Consideration, limits: Limits): Decision {
  const {action, recentActions, breaker} = limits;
  const serve = isRollback(action) ? action.toRevision : a.serve;
  const floor = floorOf(a.o, [action, ...recentActions]);
  const explanation = explain(a, judgement, consideration, {action, recentActions});
  // In words that stand as long as the decision does: what is measured meanwhile is no news.
  const escalated = consideration.escalates === true ? explanation.message : undefined;
  const release = releaseState(a, action, {escalated, ended: recentActions[0]});
  const closely = looksClosely(a, action, release);
  return {
    serve,
    lastKnownGood: a.target?.hash,
    verdict: action?.verdict ?? judgement.verdict,
    release,
    explanation,
    action,
    recentActions,
    breaker,
    revisionPatches: patches(a, judgement, limits),
    floor,
    maintenance: maintenanceOf(a.o),
    restart: restartOf(a, action),
    upgradesDatabase: upgradesDatabase(a, action),
    rolledOutAt: serve === a.serve ? a.rolledOutAt : undefined,
    breached: a.breached,
    heldBy: consideration.heldBy,
    asksDatabase: awaitsDatabase(limits.witnesses),
    prune: prunable(a, action),
    lookAgainMs: Math.min(closely ? LOOK_CLOSELY_MS : LOOK_MS, Math.max(1, (floor?.expiresAt ?? Infinity) - a.now)),
    looksClosely: closely,
  };
}

/** While nothing can be measured of a rollout (no pod is Ready) its next event is waited for. */
function looksClosely(a: Assessment, action: ActionRecord | undefined, release: ReleaseState): boolean {
  if (action !== undefined || a.breached || a.suspected || mayHang(a)) return true;
  const young = release.kind === 'Progressing' || release.kind === 'Baking' || release.kind === 'Blocked';
  return young && a.servingPods.some(({ready}) => ready);
}

type Facts = readonly [hash: string, annotations: Record<string, string | null>];

/** Facts that the ControllerRevisions don't hold yet, a patch a revision. */
function patches(a: Assessment, judgement: Judgement, {action, recentActions, witnesses}: Limits): RevisionPatch[] {
  const evidence = action === undefined ? bakedBy(a, judgement.verdict !== 'None') : undefined;
  const facts: Facts[] = [
    ...retried(a),
    ...breachedNow(a, judgement, witnesses),
    ...suspendedBy(a, action),
    ...restarted(a, action),
    ...upgraded(a, action),
    ...rejected(a, action, recentActions),
    ...(a.serve !== undefined && evidence !== undefined ? [[a.serve, goodness(a, evidence)] as const] : []),
  ];
  return a.o.revisions.flatMap(({hash}) => {
    const annotations = Object.assign({}, ...facts.filter(([of]) => of === hash).map(([, put]) => put)) as Facts[1];
    return Object.keys(annotations).length === 0 ? [] : [{hash, annotations}];
  });
}

function retried({o}: Assessment): Facts[] {
  const {suspended, rejected: reject, breached} = revisionAnnotations;
  return o.revisions
    .filter(({hash}) => hash === o.retry)
    .filter((facts) => held(facts) || facts.breachedAt !== undefined)
    .map(({hash}) => [hash, {[suspended]: null, [reject]: null, [breached]: null}]);
}

function breachedNow(a: Assessment, {verdict}: Judgement, heard: Limits['witnesses']): Facts[] {
  const own = a.young && a.deployed && (a.breaches.length > 0 || a.down);
  const blamed = verdict === 'BadRevision' || verdict === 'ConfigChange' || verdict === 'Unknown';
  if (a.serve === undefined || !own || !blamed || !stands(a, verdict, heard)) return [];
  const known = a.revisions.get(a.serve)?.breachedAt !== undefined;
  return known ? [] : [[a.serve, {[revisionAnnotations.breached]: iso(a.now)}]];
}

/**
 * A database that was killed fails requests before it is asked again, and no pod may be Ready for a moment: neither must
 * keep a good release from becoming good.
 */
function stands(a: Assessment, verdict: Judgement['verdict'], heard: Limits['witnesses']): boolean {
  // What was refused on purpose is no breach of a revision's own, should its image count it as one.
  if (readOnlyHold(a.o) !== undefined) return false;
  return !awaitsDatabase(heard) && (a.breaches.length > 0 || lasts(a, verdict));
}

function suspendedBy(a: Assessment, action: ActionRecord | undefined): Facts[] {
  if (!isRollback(action) || a.revisions.get(action.fromRevision)?.suspendedAt !== undefined) return [];
  return [[action.fromRevision, {[revisionAnnotations.suspended]: action.recordedAt}]];
}

/** Suspended revisions whose newest rollback helped: its record outlives a crash before the annotation was written. */
function rejected(a: Assessment, action: ActionRecord | undefined, recentActions: readonly ActionRecord[]): Facts[] {
  return [...a.revisions.values()]
    .filter(({suspendedAt, rejectedAt}) => suspendedAt !== undefined && rejectedAt === undefined)
    .filter(({hash}) => hash !== action?.fromRevision)
    .map(({hash}) => recentActions.filter(isRollback).find(({fromRevision}) => fromRevision === hash))
    .flatMap((last) => (last?.outcome === 'Helped' ? [last] : []))
    .map((last) => [last.fromRevision, {[revisionAnnotations.rejected]: last.endedAt ?? iso(a.now)}]);
}

/** What a rollback to this revision will have to know. */
function goodness(a: Assessment, evidence: Evidence): Record<string, string> {
  const {migrations} = a.o.database;
  const images = a.servingPods.filter(({ready}) => ready).flatMap(({imageId}) => imageId ?? []);
  const named = a.revisions.get(a.serve ?? '')?.image ?? '';
  // A node may know the image by several names; only by the spec's own can it be fetched again with the spec's Secrets.
  const image = images.find((id) => named.startsWith(`${id.split('@')[0] ?? ''}:`)) ?? images[0];
  return {
    [revisionAnnotations.good]: iso(a.now),
    [revisionAnnotations.evidence]: evidence,
    ...(migrations === undefined
      ? {}
      : {[revisionAnnotations.schemaVersion]: String(Math.max(0, ...migrations.map(({version}) => version)))}),
    // A tag that was moved during the rollout leaves pods of two images: there is no one image to go back to.
    ...(image !== undefined && new Set(images.map(digestOf)).size === 1 ? {[revisionAnnotations.imageId]: image} : {}),
  };
}
