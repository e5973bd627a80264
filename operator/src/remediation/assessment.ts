import type {ActionRecord, ExplainedSignal, Explanation} from '../api/v1alpha1/index.ts';
import {breachesOf, suspicious, type Breach, type RevisionWindow, type WindowCounts} from '../slo/index.ts';
import {isRollback} from './records.ts';
import {at, count, iso, percent, seconds} from './text.ts';
import type {Observation, PodFacts, RevisionFacts} from './types.ts';

/** The signal by which an explanation says that a revision is to blame for its crashes, not for its responses. */
export const CRASHES_SIGNAL = 'crash-looping new pods';

/** Windows that end earlier are stale: three readings at rest. */
const STALE_MS = 90_000;

/** An observation with what every verdict, witness and guard asks of it. */
export interface Assessment {
  readonly o: Observation;
  readonly now: number;
  /** By hash; what a retry lifts is lifted. */
  readonly revisions: ReadonlyMap<string, RevisionFacts>;
  readonly serve: string | undefined;
  /** The newest revision that became good. */
  readonly target: RevisionFacts | undefined;
  /** The Deployment carries what is to be served. */
  readonly deployed: boolean;
  readonly rolledOutAt: number | undefined;
  /** What is served isn't good yet. */
  readonly young: boolean;
  /** While a revision rolls out or bakes each revision's pods are judged apart, else all together. */
  readonly apart: boolean;
  /** The act window of what is served. */
  readonly window: WindowCounts | undefined;
  /** Pods of what is served, apart; empty while all are judged together. */
  readonly podWindows: RevisionWindow['pods'];
  /** Objectives that the act window of what is served breaches. */
  readonly breaches: readonly Breach[];
  /** Other revisions whose pods, still there, breach an objective. */
  readonly othersBreached: readonly string[];
  /** No pod is Ready, though a revision once was rolled out. */
  readonly down: boolean;
  readonly breached: boolean;
  /** A window is above a threshold, chance not ruled out. */
  readonly suspected: boolean;
  readonly servingPods: readonly PodFacts[];
  readonly otherPods: readonly PodFacts[];
  /** The explanation that stands, if it speaks of what the spec asks for now. */
  readonly previous: Explanation | undefined;
}

/** What is to be judged. */
export interface Scope {
  readonly revisions: ReadonlyMap<string, RevisionFacts>;
  readonly target: RevisionFacts | undefined;
  readonly serve: string | undefined;
  readonly rolledOutAt: number | undefined;
  readonly recentActions: readonly ActionRecord[];
}

/**
 * Judges the windows and sorts the pods.
 *
 * @param o the observation
 * @param scope what is served, and since when
 */
export function assess(o: Observation, scope: Scope): Assessment {
  const {serve, revisions, rolledOutAt, target} = scope;
  const young = serve !== undefined && revisions.get(serve)?.goodAt === undefined;
  const apart = young || rolledOutAt === undefined;
  const measured = measure(o, scope, apart);
  const down = isDown(o);
  const pods = o.pods.filter(({terminating}) => !terminating);
  return {
    ...{o, now: o.now, revisions, serve, target, rolledOutAt, young, apart, down},
    ...measured,
    deployed: serve !== undefined && o.deployment?.revision === serve,
    breached: measured.breaches.length > 0 || measured.othersBreached.length > 0 || down,
    servingPods: pods.filter(({revision}) => revision === serve),
    otherPods: pods.filter(({revision}) => revision !== serve),
    previous: standing(o),
  };
}

type Measured = Pick<Assessment, 'window' | 'podWindows' | 'breaches' | 'othersBreached' | 'suspected'>;

/** Judges what is served: its own pods, or, once it is good, all pods together. */
function measure(o: Observation, scope: Scope, apart: boolean): Measured {
  const {slo} = o.spec;
  const fresh = (window: WindowCounts): boolean => window.to >= o.now - STALE_MS;
  if (!apart) {
    const window = o.serviceWindow !== undefined && fresh(o.serviceWindow) ? o.serviceWindow : undefined;
    return {window, podWindows: [], othersBreached: [], ...judged(window, slo)};
  }
  const windows = o.revisionWindows.filter(fresh);
  const own = windows.find(({revision, from}) => revision === scope.serve && from >= answeredUntil(scope));
  const others = windows.filter(({revision}) => revision !== scope.serve);
  const {breaches, suspected} = judged(own, slo);
  return {
    ...{window: own, podWindows: own?.pods ?? [], breaches},
    othersBreached: others.filter((window) => breachesOf(window, slo).length > 0).map(({revision}) => revision),
    suspected: suspected || others.some((window) => suspicious(window, slo)),
  };
}

function judged(
  window: WindowCounts | undefined,
  slo: Observation['spec']['slo'],
): Pick<Assessment, 'breaches' | 'suspected'> {
  if (window === undefined) return {breaches: [], suspected: false};
  return {breaches: breachesOf(window, slo), suspected: suspicious(window, slo)};
}

/** A retry begins anew: what came before the action on this revision ended has been answered. */
function answeredUntil({serve, recentActions}: Scope): number {
  const action = recentActions.filter(isRollback).find(({fromRevision}) => fromRevision === serve);
  return at(action?.endedAt) ?? Number.NEGATIVE_INFINITY;
}

function isDown(o: Observation): boolean {
  const served = o.status?.revisions?.rolledOutAt !== undefined || o.revisions.some((r) => r.goodAt !== undefined);
  return served && o.deployment !== undefined && o.deployment.wantedReplicas > 0 && o.deployment.readyReplicas === 0;
}

function standing(o: Observation): Explanation | undefined {
  const last = o.status?.remediation?.lastDecision;
  return last?.verdict === 'None' || o.status?.revisions?.desired === o.desired ? last : undefined;
}

/** A pod that ended again and again. */
export function crashLoops(pod: PodFacts): boolean {
  return !pod.ready && (pod.waiting?.reason === 'CrashLoopBackOff' ? pod.restarts >= 2 : pod.restarts >= 3);
}

/**
 * A breach in words: share, counts, window and threshold.
 *
 * @param breach the objective that is breached
 * @param window where it was measured
 */
export function describeBreach({objective, bad, of}: Breach, window: WindowCounts): string {
  const what = objective.name === 'latency' ? 'slow' : 'bad';
  return (
    `${percent(bad / of)} of responses were ${what} (${count(bad)} of ${count(of)} in ` +
    `${seconds(window.to - window.from)}; ${objective.name} acts above ${percent(objective.threshold)})`
  );
}

/**
 * Breaches as signals of an explanation.
 *
 * @param whose what was measured, as a part of the signal's name
 * @param breaches the objectives
 * @param window where they were measured
 */
export function breachSignals(whose: string, breaches: readonly Breach[], window: WindowCounts): ExplainedSignal[] {
  return breaches.map((breach) => shareSignal(whose, breach, window));
}

/**
 * One share as a signal of an explanation.
 *
 * @param whose what was measured, as a part of the signal's name
 * @param measured bad of how many, for which objective
 * @param window where it was measured
 */
export function shareSignal(whose: string, measured: Breach, window: WindowCounts): ExplainedSignal {
  const {objective, bad, of} = measured;
  return {
    name: `${objective.name}, ${whose}`,
    value: `${of === 0 ? '0%' : percent(bad / of)} ${objective.name === 'latency' ? 'slow' : 'bad'} (${count(bad)} of ${count(of)})`,
    threshold: percent(objective.threshold),
    window: seconds(window.to - window.from),
    source: 'readings of pods',
    time: iso(window.to),
  };
}
