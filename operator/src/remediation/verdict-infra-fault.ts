import {breachesOf} from '../slo/index.ts';
import type {ExplainedSignal} from '../api/v1alpha1/index.ts';
import {crashLoops, type Assessment} from './assessment.ts';
import {contrast} from './contrast.ts';
import {no, yes, type Finding} from './finding.ts';
import {iso, list, percent, seconds} from './text.ts';
import type {PodFacts} from './types.ts';

/** A node that took a pod away had too little of something about so long. */
const EVICTION_MS = 600_000;
/** So many resources, and such a share of all, that breach within so long of each other have something in common. */
const STORM_RESOURCES = 3;
const STORM_SHARE = 0.2;
const STORM_MS = 300_000;

/**
 * What the pods run on is at fault, as far as the pods themselves show it: the operator may not read nodes. A node whose
 * kubelet is silent, or that evicts, while no pod that is heard of fails by itself; or many resources of the operator fail at once.
 */
export function infraFault(a: Assessment): Finding {
  const byNodes = nodes(a);
  if (byNodes.holds) return byNodes;
  const byFleet = storm(a);
  return byFleet.holds ? byFleet : no(`${byNodes.reason}; ${byFleet.reason}`);
}

function nodes(a: Assessment): Finding {
  const lost = lostPods(a);
  const evicted = evictions(a);
  if (lost.length === 0 && evicted.length === 0) return no('every node that its pods run on is heard of');
  const elsewhere = a.servingPods.filter((pod) => isBad(a, pod)).map(({name}) => name);
  if (elsewhere.length > 0) return no(`pods on nodes that are heard of fail as well: ${list(elsewhere)}`);
  const silent = lost.map(({name, node}) => `${name} (node ${node ?? 'unknown'})`);
  const told = [
    ...(lost.length === 0 ? [] : [`The node of pod ${list(silent)} is not heard of any more`]),
    ...evicted.slice(0, 1).map(({pod, node, reason}) => `Node ${node ?? 'unknown'} took pod ${pod} away: ${reason}`),
  ];
  const sentences = told.map((text) => text.replace(/\.?\s*$/, '.'));
  const serve = a.servingPods.some(({ready, nodeLost}) => ready && nodeLost !== true);
  return yes([...sentences, ...(serve ? ['Its other pods are fine.'] : [])].join(' '), [
    ...lost.slice(0, 4).map(({name, node, notReadySince}) => ({
      ...{name: 'node that is silent', value: (node ?? 'unknown').slice(0, 63)},
      ...(notReadySince === undefined ? {} : {window: seconds(a.now - notReadySince)}),
      ...{source: `status of pod ${name}`.slice(0, 63), time: iso(a.now)},
    })),
    ...evicted.slice(0, 4).map(({pod, node, at}): ExplainedSignal => ({
      ...{name: 'node that evicts', value: (node ?? 'unknown').slice(0, 63)},
      ...{source: `status of pod ${pod}`.slice(0, 63), time: iso(at)},
    })),
  ]);
}

function lostPods(a: Assessment): readonly PodFacts[] {
  return [...a.servingPods, ...a.otherPods].filter(({nodeLost}) => nodeLost === true);
}

/** Once every wanted pod is Ready again they are history. */
function evictions({o, now, breached}: Assessment): Assessment['o']['nodeEvictions'] {
  const missing = (o.deployment?.readyReplicas ?? 0) < (o.deployment?.wantedReplicas ?? 0);
  if (!breached && !missing) return [];
  return o.nodeEvictions.filter(({at}) => now - at <= EVICTION_MS).sort((x, y) => y.at - x.at);
}

/** Something of its own is wrong with a pod on a node that is heard of; one that just starts is not bad. */
function isBad({o}: Assessment, pod: PodFacts): boolean {
  if (pod.nodeLost === true) return false;
  const {notReadySince, runningSince} = pod;
  const latched = notReadySince !== undefined && runningSince !== undefined && notReadySince > runningSince;
  const window = o.revisionWindows.flatMap(({pods}) => pods).find(({podUid}) => podUid === pod.uid);
  return latched || crashLoops(pod) || (window !== undefined && breachesOf(window, o.spec.slo).length > 0);
}

/** Old pods beside the new ones that do better run on the same machines: then it is not those. */
function storm(a: Assessment): Finding {
  const {size, others, breachedSince = a.now} = a.o.fleet;
  if (!a.breached) return no('no objective is breached');
  const near = others.filter(({since}) => Math.abs(since - breachedSince) <= STORM_MS);
  const many = near.length + 1;
  if (many < STORM_RESOURCES || many < STORM_SHARE * size) return no(`${many} of ${size} resources breach at once`);
  if (contrast(a).result === 'Worse') return no('its old pods do better on the same machines');
  const named = near.flatMap(({name}) => name ?? []).slice(0, 3);
  const unnamed = near.length - named.length;
  const who = [...named, ...(unnamed > 0 ? [`${unnamed} more`] : [])];
  return yes(
    `${many} of the operator's ${size} resources breach an objective since the same ${seconds(STORM_MS)}: beside this ` +
      `one ${who.join(', ')}. What they share is more likely the cause than any of them.`,
    [
      {
        ...{
          name: 'resources that breach',
          value: `${many} of ${size}`,
          threshold: `${STORM_RESOURCES} and ${percent(STORM_SHARE)}`,
        },
        ...{window: seconds(STORM_MS), source: 'decisions of this operator', time: iso(a.now)},
      },
    ],
  );
}
