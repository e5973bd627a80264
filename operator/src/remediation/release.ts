import type {ActionRecord} from '../api/v1alpha1/index.ts';
import {missedObjectives} from '../slo/index.ts';
import type {Assessment} from './assessment.ts';
import {blockage, pastDeadline} from './blocked.ts';
import {isRollback} from './records.ts';
import {iso} from './text.ts';
import type {Observation, ReleaseState, RevisionFacts} from './types.ts';

/** Without enough requests a bake by probes alone lasts so long. */
const PROBES_BAKE_MS = 24 * 3_600_000;

/** By what a bake was judged. */
export type Evidence = 'traffic' | 'probes';

/**
 * What is known of the revisions, by hash; what a retry lifts is lifted.
 *
 * @param o the observation
 */
export function revisionsOf(o: Observation): ReadonlyMap<string, RevisionFacts> {
  return new Map(
    o.revisions.map((facts) => {
      if (facts.hash !== o.retry) return [facts.hash, facts];
      const {suspendedAt: _suspended, rejectedAt: _rejected, breachedAt: _breached, ...lifted} = facts;
      return [facts.hash, lifted];
    }),
  );
}

/**
 * The newest revision that became good.
 *
 * @param revisions by hash
 */
export function newestGood(revisions: ReadonlyMap<string, RevisionFacts>): RevisionFacts | undefined {
  const good = [...revisions.values()].filter(({goodAt}) => goodAt !== undefined);
  return good.sort((a, b) => (b.goodAt ?? 0) - (a.goodAt ?? 0) || (a.hash < b.hash ? -1 : 1))[0];
}

/**
 * The revision to render: what the spec asks for, unless that was rolled back from.
 *
 * @param o the observation
 * @param revisions by hash
 * @param action the action under way
 */
export function revisionToServe(
  o: Observation,
  revisions: ReadonlyMap<string, RevisionFacts>,
  action: ActionRecord | undefined,
): string | undefined {
  if (isRollback(action)) return action.toRevision;
  const current = o.status?.revisions?.serving ?? o.deployment?.revision;
  if (o.desired === undefined) return current;
  if (!held(revisions.get(o.desired))) return o.desired;
  const target = newestGood(revisions);
  return target === undefined || held(target) ? (current ?? o.desired) : target.hash;
}

/** A revision that was rolled back from. */
export function held(facts: RevisionFacts | undefined): boolean {
  return facts?.suspendedAt !== undefined || facts?.rejectedAt !== undefined;
}

/**
 * Whether what is served has baked well now: long enough inside its objectives, by enough of its own requests or, only
 * if those don't come, by a day of probes.
 *
 * @param a the assessment
 * @param verdict whether any verdict holds now: nothing becomes good meanwhile
 */
export function bakedBy(a: Assessment, verdict: boolean): Evidence | undefined {
  const {o, now, serve, rolledOutAt} = a;
  if (verdict || serve === undefined || rolledOutAt === undefined || !mayBecomeGood(a, serve)) return undefined;
  const {bakeSeconds, minRequests} = o.spec.release;
  const baked = now - rolledOutAt;
  if (baked < bakeSeconds * 1000 || outsideObjectives(a) !== undefined) return undefined;
  if ((o.bakeRequests[serve]?.valid ?? 0) >= minRequests) return 'traffic';
  return baked >= Math.max(PROBES_BAKE_MS, bakeSeconds * 1000) ? 'probes' : undefined;
}

/** It is what the spec asks for, every wanted pod is available, and it was never held, suspended or breached. */
function mayBecomeGood({o, revisions}: Assessment, serve: string): boolean {
  const facts = revisions.get(serve);
  if (facts === undefined || held(facts) || facts.breachedAt !== undefined || facts.goodAt !== undefined) return false;
  return serve === o.desired && o.deployment?.revision === serve && o.deployment.rolloutComplete;
}

/** The objective that the responses of a bake miss, beyond chance, though no act window was breached. */
function outsideObjectives({o, serve}: Assessment): string | undefined {
  const counts = serve === undefined ? undefined : o.bakeRequests[serve];
  if (counts === undefined) return undefined;
  return missedObjectives(counts, o.spec.slo)[0]?.objective.name;
}

/**
 * Where the release stands.
 *
 * @param a the assessment
 * @param action the action under way
 * @param told escalated: why a person has to decide on the young revision; ended: the action that ended last
 */
export function releaseState(
  a: Assessment,
  action: ActionRecord | undefined,
  told: {readonly escalated: string | undefined; readonly ended: ActionRecord | undefined},
): ReleaseState {
  const {o, serve, revisions} = a;
  if (isRollback(action)) {
    const message = `Rolling back from revision ${action.fromRevision} to ${action.toRevision}: ${action.message ?? ''}`;
    return {kind: 'RollingBack', message: message.trim()};
  }
  if (o.desired === undefined) {
    const message = 'A Secret or ConfigMap that the spec names is missing; what serves is left as it is';
    return {kind: 'Blocked', reason: 'ReferenceMissing', message, pastDeadline: false};
  }
  const desired = revisions.get(o.desired);
  if (held(desired)) return afterRollback(o.desired, rejected(desired, told.ended), serve);
  if (o.deployment === undefined) return {kind: 'Waiting', message: `Revision ${serve} is not deployed yet`};
  if (told.escalated !== undefined) return {kind: 'Escalated', message: told.escalated};
  return a.rolledOutAt === undefined ? rollingOut(a) : rolledOut(a, a.rolledOutAt);
}

/** The fact is written after the action's end is recorded; meanwhile the record tells. */
function rejected(facts: RevisionFacts | undefined, ended: ActionRecord | undefined): boolean {
  const helped = isRollback(ended) && ended.outcome === 'Helped' && ended.fromRevision === facts?.hash;
  return facts?.rejectedAt !== undefined || helped;
}

function afterRollback(hash: string, isRejected: boolean, serve: string | undefined): ReleaseState {
  const way = `Release another, or set the annotation maintenance-api.io/retry: ${hash}.`;
  if (isRejected) {
    const message = `Revision ${hash} was rolled back from, and that helped; ${serve} serves. ${way}`;
    return {kind: 'Rejected', message};
  }
  return {kind: 'Escalated', message: `Revision ${hash} was rolled back from; a person has to decide. ${way}`};
}

function rollingOut(a: Assessment): ReleaseState {
  const blocked = blockage(a);
  if (blocked !== undefined) {
    const {reason, message} = blocked;
    return {kind: 'Blocked', reason, message, pastDeadline: pastDeadline(a)};
  }
  const {deployment} = a.o;
  const updated = a.deployed ? (deployment?.readyByRevision[a.serve ?? ''] ?? 0) : 0;
  const message = `${updated} of ${deployment?.wantedReplicas ?? 0} pods of revision ${a.serve} are Ready`;
  return {kind: 'Progressing', message};
}

function rolledOut(a: Assessment, rolledOutAt: number): ReleaseState {
  if (!a.young) return {kind: 'Settled', message: `Revision ${a.serve} serves and is good`};
  const facts = a.revisions.get(a.serve ?? '');
  if (facts?.breachedAt !== undefined) {
    const message =
      `Revision ${a.serve} breached an objective at ${iso(facts.breachedAt)} and does not become good. ` +
      `Release another, or set the annotation maintenance-api.io/retry: ${a.serve}.`;
    return {kind: 'Escalated', message};
  }
  return {kind: 'Baking', ...bake(a, rolledOutAt)};
}

/** No figure that moves is in the message: conditions are made from it, and each change is a write. */
function bake(a: Assessment, rolledOutAt: number): {readonly message: string; readonly until: number} {
  const {bakeSeconds, minRequests} = a.o.spec.release;
  const byTraffic = rolledOutAt + bakeSeconds * 1000;
  const byProbes = rolledOutAt + Math.max(PROBES_BAKE_MS, bakeSeconds * 1000);
  const missed = outsideObjectives(a);
  if (missed !== undefined) {
    const message = `Revision ${a.serve} bakes; since its rollout it misses ${missed}, and does not become good meanwhile`;
    return {message, until: byTraffic};
  }
  const enough = (a.o.bakeRequests[a.serve ?? '']?.valid ?? 0) >= minRequests;
  if (enough || a.now < byTraffic)
    return {message: `Revision ${a.serve} bakes until ${iso(byTraffic)}`, until: byTraffic};
  const message = `Revision ${a.serve} bakes until ${minRequests} requests came, at most until ${iso(byProbes)}`;
  return {message, until: byProbes};
}

/**
 * Revisions beyond historyLimit that nothing uses, oldest first. Without knowing what the spec asks for none is.
 *
 * @param a the assessment
 * @param action the action under way
 */
export function prunable(a: Assessment, action: ActionRecord | undefined): readonly string[] {
  const {o} = a;
  if (o.desired === undefined) return [];
  const used = new Set([
    ...[o.desired, a.serve, a.target?.hash, o.deployment?.revision, o.status?.revisions?.serving],
    ...[action?.fromRevision, action?.toRevision],
    ...o.pods.map(({revision}) => revision),
  ]);
  return o.revisions
    .filter(({hash}) => !used.has(hash))
    .sort((x, y) => y.createdAt - x.createdAt || (x.hash < y.hash ? -1 : 1))
    .slice(o.spec.release.historyLimit)
    .map(({hash}) => hash)
    .reverse();
}
