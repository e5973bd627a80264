import {autoscalingOf, type ExplainedSignal} from '../api/v1alpha1/index.ts';
import {breachSignals, describeBreach, type Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {figure, iso, percent} from './text.ts';

/** Up to this multiple of the load of the hours before it isn't the load that makes the difference. */
const LOAD_FACTOR = 1.5;
/** Where the spec gives a number of pods there is no target: all of what they request. */
const ALL_PERCENT = 100;

/** More requests come than before, the pods use the CPU that the autoscaler aims at, and the database is fine. */
export function overload(a: Assessment): Finding {
  const [breach] = a.breaches;
  if (breach === undefined || a.window === undefined) return no('no objective is breached');
  if (a.rolledOutAt === undefined) return no('a rollout is under way');
  const {current, baseline} = a.o.load;
  if (current === undefined || baseline === undefined || baseline === 0) return no('the load before is not known');
  const times = figure(current / baseline);
  if (current <= LOAD_FACTOR * baseline) return no(`the load is ${times} times that of the hours before`);
  const shares = a.servingPods.filter(({ready}) => ready).flatMap(({cpuShare}) => cpuShare ?? []);
  if (shares.length === 0) return no('the CPU that its pods use is not known');
  const cpu = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const target = cpuTarget(a);
  if (cpu < target) return no(`its pods use ${percent(cpu)} of the CPU that they request, below ${percent(target)}`);
  const signals: ExplainedSignal[] = [
    ...breachSignals(a.apart ? 'new pods' : 'all pods', a.breaches, a.window),
    signal(a, 'load', `${figure(current)}/s`, `${figure(LOAD_FACTOR * baseline)}/s`),
    signal(a, 'load before', `${figure(baseline)}/s`),
    signal(a, 'CPU of what pods request', percent(cpu), percent(target)),
  ];
  return yes(
    `The load is ${times} times that of the hours before (${figure(current)} requests per second), pods use ` +
      `${percent(cpu)} of the CPU that they request, and ${describeBreach(breach, a.window)}.`,
    signals,
  );
}

function cpuTarget({o}: Assessment): number {
  return (autoscalingOf(o.spec)?.scaleUp.cpuPercent ?? ALL_PERCENT) / 100;
}

function signal(a: Assessment, name: string, value: string, threshold?: string): ExplainedSignal {
  const limit = threshold === undefined ? {} : {threshold};
  return {name, value, ...limit, source: 'readings of pods', time: iso(a.now)};
}
