import {breachSignals, shareSignal, type Assessment} from './assessment.ts';
import {contrast} from './contrast.ts';
import {no, yes, type Finding} from './finding.ts';
import {figure, iso, list} from './text.ts';

/** Up to this multiple of the load before the rollout it isn't the load that old and new pods have in common. */
const LOAD_FACTOR = 1.5;
/** Whose a signal is, by the end of its name. */
const OLD_PODS = 'old pods';
/** Every pod says so whenever the database restarts: it names nothing but that. */
const UNREACHABLE = ': connection';

/**
 * Something that all pods share is at fault, and no revision: every pod says itself that it can't use the same, or old
 * and new pods fail alike under no more load than before.
 */
export function sharedDependency(a: Assessment): Finding {
  if (!a.breached) return no('no objective is breached');
  const told = lackedByAll(a);
  if (told.holds) return told;
  const alike = oldAndNewAlike(a);
  return alike.holds ? alike : no(`${told.reason}; ${alike.reason}`);
}

/**
 * Whether every pod says that it lacks the same. Of a young revision alone it could be the revision's doing.
 *
 * @param a the assessment
 */
export function lackedByAll(a: Assessment): Finding {
  const running = [...a.servingPods, ...a.otherPods].filter(({runningSince}) => runningSince !== undefined);
  const [failing, ...others] = new Set(running.map((pod) => pod.failing));
  if (failing === undefined || others.length > 0) return no('its pods name no dependency that all of them lack');
  if (failing.endsWith(UNREACHABLE))
    return no(`every pod lacks ${failing}, of which the probe of the database tells more`);
  const revisions = new Set(running.map(({revision}) => revision));
  if (a.apart && revisions.size < 2) {
    return no(`every pod lacks ${failing}, but all are of the revision that is rolled out or bakes`);
  }
  return yes(`All ${running.length} pods that run say that the same fails: ${failing}.`, [
    {
      ...{name: 'what every pod lacks', value: failing, threshold: 'every pod that runs'},
      ...{window: `${running.length} pods`, source: 'readings of pods', time: iso(a.now)},
    },
  ]);
}

function oldAndNewAlike(a: Assessment): Finding {
  const {overlap, load} = a.o;
  if (!a.apart || a.breaches.length === 0) return no('no young revision fails');
  const {result, reason} = contrast(a);
  if (overlap === undefined || result === 'Undetermined') return stood(a, reason);
  if (result === 'Worse') return no(`old and new pods do not fail alike: ${reason}`);
  const {current = 0, beforeRollout} = load;
  if (beforeRollout !== undefined && current > LOAD_FACTOR * beforeRollout) {
    return no(`old and new pods fail alike, at ${figure(current / beforeRollout)} times the load before the rollout`);
  }
  return yes(
    `Old and new pods fail alike in ${failing(a)}: ${reason}.`,
    a.breaches.flatMap((breach) => [
      shareSignal('new pods', {...breach, ...breach.objective.count(overlap.young)}, overlap.young),
      shareSignal(OLD_PODS, {...breach, ...breach.objective.count(overlap.old)}, overlap.old),
    ]),
  );
}

/** Once no old pod is left nothing can be compared: what was found as long as there were holds while the breach lasts. */
function stood(a: Assessment, why: string): Finding {
  const found = a.previous?.verdict === 'SharedDependency' ? a.previous.signals : [];
  const old = found.filter(({name}) => name.endsWith(OLD_PODS));
  if (old.length === 0 || a.window === undefined) return no(`old and new pods do not fail alike: ${why}`);
  return yes(`As long as old pods were there they failed alike, and it lasts: ${failing(a)}.`, [
    ...breachSignals('new pods', a.breaches, a.window),
    ...old,
  ]);
}

function failing(a: Assessment): string {
  return list(a.breaches.map(({objective}) => objective.name));
}
