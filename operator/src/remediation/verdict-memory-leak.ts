import type {ExplainedSignal} from '../api/v1alpha1/index.ts';
import type {MemoryTrend} from '../slo/index.ts';
import type {Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {figure, iso, list, percent, seconds} from './text.ts';
import type {PodFacts} from './types.ts';

/** From this share of its limit on, as the operations guide alerts: before it there is time. */
const NEAR_LIMIT = 0.9;
/** Less growth than this share of the limit is noise. */
const GROWN = 0.05;
/** Up to this multiple of the load of the hours before, memory doesn't grow because of it. */
const LOAD_FACTOR = 1.5;
/** Killed for want of memory within so long, and not for the first time. */
const KILLED_MS = 3_600_000;
const KILLED_RESTARTS = 2;

/** A pod whose memory climbs to its limit. */
export interface Leak {
  readonly pod: PodFacts;
  readonly memory: NonNullable<PodFacts['memory']>;
  readonly trend: MemoryTrend;
}

/**
 * Memory of a pod climbs steadily and is near its limit, or a pod was killed for want of it again, though its revision was
 * good. What is high and stays so is no leak, nor what grows with the load or with a young revision.
 */
export function memoryLeak(a: Assessment): Finding {
  if (a.rolledOutAt === undefined) return no('a rollout is under way');
  if (a.young) return no(`revision ${a.serve} is not good yet`);
  const leaks = leaksOf(a);
  const killed = killedPods(a);
  if (leaks.length === 0 && killed.length === 0)
    return no('no memory climbs near its limit, and no pod was killed for want of it');
  const {current, baseline} = a.o.load;
  if (current !== undefined && baseline !== undefined && current > LOAD_FACTOR * baseline) {
    return no(`the load is ${figure(current / baseline)} times that of the hours before, and memory may grow with it`);
  }
  const [worst] = leaks;
  const told = [
    ...(worst === undefined ? [] : [climbs(worst)]),
    ...(killed.length === 0
      ? []
      : [`Pod ${list(killed.map(({name}) => name))} was killed for want of memory again, and began anew.`]),
  ];
  const advice = 'Raise spec.resources.limits.memory, or release a version that does not leak.';
  return yes([...told, advice].join(' '), [
    ...leaks.slice(0, 4).map((leak) => climbSignal(a, leak)),
    ...killed.slice(0, 4).map(({name, restarts, lastTermination}): ExplainedSignal => ({
      ...{name: 'killed for want of memory', value: name.slice(-63), threshold: `${KILLED_RESTARTS} restarts`},
      ...{window: `${restarts} restarts`, source: 'pod status', time: iso(lastTermination?.at ?? a.now)},
    })),
  ]);
}

/**
 * Pods whose memory climbs to its limit, the one that is nearest first.
 *
 * @param a the assessment
 */
export function leaksOf({servingPods}: Assessment): readonly Leak[] {
  return servingPods
    .flatMap((pod): Leak[] => {
      const {memory} = pod;
      if (memory === undefined || !pod.ready || memory.bytes < NEAR_LIMIT * memory.limit) return [];
      const trend = memory.trends.find(
        ({steady, grownBytes, leadsTo}) => steady && grownBytes >= GROWN * memory.limit && leadsTo >= memory.limit,
      );
      return trend === undefined ? [] : [{pod, memory, trend}];
    })
    .sort(
      (x, y) => y.memory.bytes / y.memory.limit - x.memory.bytes / x.memory.limit || (x.pod.uid < y.pod.uid ? -1 : 1),
    );
}

/** Pods that were killed for want of memory, and not for the first time. */
function killedPods({servingPods, now}: Assessment): readonly PodFacts[] {
  return servingPods.filter(
    ({lastTermination: end, restarts}) =>
      end?.reason === 'OOMKilled' && now - end.at <= KILLED_MS && restarts >= KILLED_RESTARTS,
  );
}

function climbs({pod, memory, trend}: Leak): string {
  const [bytes, grown] = [memory.bytes, trend.grownBytes].map((value) => percent(value / memory.limit));
  return `Memory of pod ${pod.name} climbs: ${bytes} of its limit, ${grown} more than ${seconds(trend.to - trend.from)} before.`;
}

function climbSignal(a: Assessment, {pod, memory, trend}: Leak): ExplainedSignal {
  return {
    name: `memory of ${pod.name}`,
    value: `${percent(memory.bytes / memory.limit)}, grown by ${percent(trend.grownBytes / memory.limit)}`,
    threshold: `${percent(NEAR_LIMIT)}, grown by ${percent(GROWN)}`,
    ...{window: seconds(trend.to - trend.from), source: 'readings of pods', time: iso(a.now)},
  };
}
