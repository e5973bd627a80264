import type {Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {iso, list} from './text.ts';
import type {Observation, PodFacts} from './types.ts';

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
  const {source} = a.o;
  const because = source?.problem === undefined ? '' : `: ${sourceProblem(source)}`;
  return yes(
    `The metrics of ${list(unreadable.map(({name}) => name))} could not be read in ${TRIES} tries${because}.`,
    [
      {
        name: 'readable pods',
        value: `${ready.length - unreadable.length} of ${ready.length}`,
        threshold: 'half, and one of the revision judged',
        window: `${TRIES} tries`,
        source: source === undefined ? 'readings of pods' : `Prometheus "${source.prometheus}"`,
        time: iso(a.now),
      },
    ],
  );
}

/** Why nothing is known of a service whose spec refers to a Prometheus. */
export function sourceProblem({
  prometheus,
  problem = 'nothing is known yet',
}: NonNullable<Observation['source']>): string {
  return `Prometheus "${prometheus}": ${problem}`;
}

function isUnreadable(pod: PodFacts): boolean {
  return (pod.failedReads ?? 0) >= TRIES;
}
