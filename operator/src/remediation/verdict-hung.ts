import type {Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {iso, list, seconds} from './text.ts';
import type {PodFacts} from './types.ts';

/** For so long a pod may be not Ready: a connection that is lost comes back sooner, and the kubelet restarts what doesn't answer at all. */
const HUNG_MS = 30_000;

/** A pod that was Ready and isn't, though its container runs on. */
export interface Latched {
  readonly pod: PodFacts;
  /** Since when that can't be the database's doing, milliseconds. */
  readonly since: number;
}

/**
 * One pod lives and is not Ready any more, while others of its revision are. What hits most of them is something that
 * they share; a pod that was never Ready, or crashes, is the revision's or its rollout's affair.
 */
export function hung(a: Assessment): Finding {
  if (a.rolledOutAt === undefined) return no('a rollout is under way');
  const found = hungPods(a);
  const [first] = found;
  if (first === undefined) return no('no pod that was Ready is not any more for long while its container runs on');
  const ready = a.servingPods.filter((pod) => pod.ready).length;
  if (ready === 0) return no('no other pod of the revision is Ready: it is not one pod that hangs');
  if (found.length > ready) {
    return no(`${found.length} pods are not Ready and ${ready} are: what they share is more likely the cause`);
  }
  const names = list(found.map(({pod}) => pod.name));
  return yes(
    `Pod ${names} was Ready, and is not since ${iso(first.since)} though its container runs on; ${ready} of its ` +
      'revision are Ready.',
    [
      {
        name: 'not Ready, running',
        value: first.pod.name.slice(-63),
        threshold: seconds(HUNG_MS),
        window: seconds(a.now - first.since),
        source: 'pod status',
        time: iso(a.now),
      },
      {name: 'Ready pods beside it', value: String(ready), threshold: '1', source: 'pod status', time: iso(a.now)},
    ],
  );
}

/** Pods that hang, the one that does for longest first. */
export function hungPods(a: Assessment): readonly Latched[] {
  return latchedPods(a).filter(({since}) => a.now - since >= HUNG_MS);
}

/** Pods that may turn out to hang: they are looked at closely. */
export function mayHang(a: Assessment): boolean {
  return a.rolledOutAt !== undefined && latchedPods(a).some(({since}) => a.now - since < HUNG_MS);
}

function latchedPods(a: Assessment): readonly Latched[] {
  return a.servingPods
    .flatMap((pod): Latched[] => {
      const {notReadySince, runningSince, nodeLost} = pod;
      // Nothing is known of its container, and nobody is there to end it.
      if (nodeLost === true) return [];
      // Ready turned after the container had begun to run: so it had been Ready with this very process.
      if (pod.ready || notReadySince === undefined || runningSince === undefined) return [];
      if (notReadySince <= runningSince) return [];
      return [{pod, since: Math.max(notReadySince, a.o.database.lastOutage?.to ?? notReadySince)}];
    })
    .sort((x, y) => x.since - y.since || (x.pod.uid < y.pod.uid ? -1 : 1));
}
