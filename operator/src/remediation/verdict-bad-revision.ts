import type {ExplainedSignal} from '../api/v1alpha1/index.ts';
import {breachSignals, crashLoops, CRASHES_SIGNAL, describeBreach, shareSignal, type Assessment} from './assessment.ts';
import {contrast} from './contrast.ts';
import {no, yes, type Finding} from './finding.ts';
import {at, figure, iso, list} from './text.ts';

/** Up to this multiple of the load before the rollout it isn't the load that makes the difference. */
const LOAD_FACTOR = 1.5;

/**
 * The young revision itself is the cause: it alone crashes, it does worse than the old pods beside it, or, where there
 * are none, the breach began after its rollout under no more load than before.
 */
export function badRevision(a: Assessment): Finding {
  if (a.serve === undefined || !a.deployed) return no('nothing new is deployed');
  if (!a.young) return no(`revision ${a.serve} has become good before: no young revision serves`);
  const crash = crashLoopAlone(a);
  if (crash !== undefined) return crash;
  if (a.window === undefined || a.breaches.length === 0) {
    return no(`no act window of revision ${a.serve} is breached`);
  }
  const [first] = a.breaches;
  const what = first === undefined ? '' : describeBreach(first, a.window);
  const signals = [...breachSignals('new pods', a.breaches, a.window), ...oldPods(a)];
  const compared = contrast(a);
  switch (compared.result) {
    case 'Alike':
      return no(`the old revision fails just as much: ${compared.reason}`);
    case 'Worse':
      return yes(`Revision ${a.serve} does worse than the old pods beside it: ${what}; ${compared.reason}.`, signals);
    case 'Undetermined':
      return byOnset(a, what, signals);
  }
}

function crashLoopAlone(a: Assessment): Finding | undefined {
  const crashing = a.servingPods.filter(crashLoops);
  const healthyOld = a.otherPods.filter((pod) => pod.ready);
  if (crashing.length === 0) return undefined;
  if (healthyOld.length === 0) return no('its pods crash, but no pod of another revision is Ready beside them');
  if (a.otherPods.some(crashLoops)) return no('pods of the old revision crash as well');
  const [pod] = crashing;
  const end = pod?.lastTermination;
  const how = end === undefined ? '' : ` (${end.reason}, exit code ${end.exitCode})`;
  return yes(
    `Pods of revision ${a.serve} crash again and again${how}, and ${healthyOld.length} pods of the old one are Ready: ` +
      `${list(crashing.map(({name}) => name))}.`,
    [
      {name: CRASHES_SIGNAL, value: String(crashing.length), source: 'pod status', time: iso(a.now)},
      {name: 'Ready old pods', value: String(healthyOld.length), source: 'pod status', time: iso(a.now)},
    ],
  );
}

function byOnset(a: Assessment, what: string, signals: readonly ExplainedSignal[]): Finding {
  if (a.otherPods.some((pod) => pod.ready)) return no('too little was measured of the old pods beside it to compare');
  const shown = shownBefore(a);
  if (shown !== undefined) {
    return yes(`Revision ${a.serve} was shown to be the cause at ${shown}, and the breach goes on: ${what}.`, signals);
  }
  const {current, beforeRollout} = a.o.load;
  if (current === undefined || beforeRollout === undefined || beforeRollout === 0) {
    return no('the load before its rollout is not known, and no old pod is left to compare with');
  }
  const load = [
    loadSignal(a, 'load', current, figure(LOAD_FACTOR * beforeRollout)),
    loadSignal(a, 'load before the rollout', beforeRollout),
  ];
  if (current > LOAD_FACTOR * beforeRollout) {
    return no(`the load is ${figure(current / beforeRollout)} times that before its rollout`);
  }
  if (breachedBeforeRollout(a)) return no('the breach began before its rollout');
  return yes(
    `The breach began after the rollout of revision ${a.serve}, at ${figure(current)} requests per second ` +
      `(${figure(beforeRollout)} before): ${what}.`,
    [...signals, ...load],
  );
}

/**
 * Since when this revision is blamed for the breach that goes on: that the old pods, by which it was shown, are gone by now
 * takes nothing from it. A retry is judged anew.
 */
function shownBefore({o, previous, serve}: Assessment): string | undefined {
  const blamed = o.retry !== serve && (previous?.verdict === 'BadRevision' || previous?.verdict === 'ConfigChange');
  const since = blamed ? at(previous.time) : undefined;
  return since !== undefined && o.deployment !== undefined && since >= o.deployment.rolloutStartedAt
    ? previous?.time
    : undefined;
}

function loadSignal(a: Assessment, name: string, perSecond: number, threshold?: string): ExplainedSignal {
  const limit = threshold === undefined ? {} : {threshold: `${threshold}/s`};
  return {name, value: `${figure(perSecond)}/s`, ...limit, source: 'readings of pods', time: iso(a.now)};
}

/** A breach that stands in status since before the rollout began. */
function breachedBeforeRollout({o}: Assessment): boolean {
  const last = o.status?.remediation?.lastDecision;
  const since = last === undefined || last.verdict === 'None' ? undefined : at(last.time);
  return since !== undefined && o.deployment !== undefined && since < o.deployment.rolloutStartedAt;
}

function oldPods(a: Assessment): ExplainedSignal[] {
  const {overlap} = a.o;
  if (overlap?.revision !== a.serve || overlap === undefined) return [];
  return a.breaches.map(({objective}) =>
    shareSignal('old pods', {objective, ...objective.count(overlap.old)}, overlap.old),
  );
}
