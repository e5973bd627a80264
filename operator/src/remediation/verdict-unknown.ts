import {breachSignals, describeBreach, type Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {iso, list} from './text.ts';

/** An objective is breached, and no other verdict explains it. */
export function unknown(a: Assessment): Finding {
  if (!a.breached) return no('no objective is breached');
  if (a.down) {
    return yes('No pod is Ready, and nothing that is known explains it.', [
      {name: 'Ready pods', value: '0', threshold: '1', source: 'pod status', time: iso(a.now)},
    ]);
  }
  const [first] = a.breaches;
  if (first === undefined || a.window === undefined) {
    return yes(`Pods of ${list(a.othersBreached)}, which are being replaced, breach an objective.`, []);
  }
  return yes(
    `${describeBreach(first, a.window)}, and nothing that is known explains it.`,
    breachSignals(a.apart ? 'new pods' : 'all pods', a.breaches, a.window),
  );
}
