import type {Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {iso, list} from './text.ts';
import type {PodFacts} from './types.ts';

const TRIES = 3;

/** Too few pods can be read to judge anything: less than half of the Ready ones, or none of the revision judged. */
export function telemetryGap(a: Assessment): Finding {
  const ready = [...a.servingPods, ...a.otherPods].filter((pod) => pod.ready);
  const unreadable = ready.filter(isUnreadable);
  const judged = a.apart ? a.servingPods.filter((pod) => pod.ready) : [];
  const blindToJudged = judged.length > 0 && judged.every(isUnreadable);
  if (!blindToJudged && unreadable.length * 2 <= ready.length) {
    return no(`${ready.length - unreadable.length} of ${ready.length} Ready pods can be read`);
  }
  return yes(`The metrics of ${list(unreadable.map(({name}) => name))} could not be read in ${TRIES} tries.`, [
    {
      name: 'readable pods',
      value: `${ready.length - unreadable.length} of ${ready.length}`,
      threshold: 'half, and one of the revision judged',
      window: `${TRIES} tries`,
      source: 'readings of pods',
      time: iso(a.now),
    },
  ]);
}

function isUnreadable(pod: PodFacts): boolean {
  return (pod.failedReads ?? 0) >= TRIES;
}
