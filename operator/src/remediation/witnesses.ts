import {breachesOf, clear} from '../slo/index.ts';
import {crashLoops, type Assessment} from './assessment.ts';
import {contrast} from './contrast.ts';
import type {Judgement} from './verdict.ts';
import {hungPods} from './verdict-hung.ts';
import {leaksOf} from './verdict-memory-leak.ts';
import {at, iso, seconds} from './text.ts';

/** An independent source for a claim: that the revision is bad, or that a pod hangs or leaks. */
export interface Witness {
  readonly name: 'podReadings' | 'contrast' | 'twoPods' | 'podStatus' | 'database';
  /** Awaited: it has to be heard before anything is done, and hasn't been yet. */
  readonly answer: 'Confirms' | 'Contradicts' | 'Abstains' | 'Awaited';
  readonly reason: string;
}

/**
 * Hears every witness for what a verdict claims; nobody for one that leads to no action.
 *
 * @param a the assessment
 * @param verdict what is claimed
 */
export function hear(a: Assessment, verdict: Judgement['verdict']): readonly Witness[] {
  switch (verdict) {
    case 'ConfigChange':
    case 'BadRevision':
    case 'Unknown':
      return witnesses(a);
    case 'MemoryLeak':
      return leakWitnesses(a);
    case 'Hung':
      return hungWitnesses(a);
    case 'Overload':
      return [podReadings(a), database(a)];
    case 'None':
    case 'TelemetryGap':
    case 'InfraFault':
    case 'DatabaseSaturated':
    case 'DatabaseDown':
    case 'SharedDependency':
    case 'BackupInterference':
    case 'RolloutBlocked':
      return [];
  }
}

/** Whether the database has to be asked before the claim can stand. */
export function awaitsDatabase(heard: readonly Witness[]): boolean {
  return heard.some(({name, answer}) => name === 'database' && answer === 'Awaited');
}

/**
 * Hears every witness for the claim that the revision that is served is bad. Reading the pods is one witness, whatever
 * else is read from the same pods; Ready (a health endpoint) says nothing about errors or latency and is not heard.
 *
 * @param a the assessment
 */
export function witnesses(a: Assessment): readonly Witness[] {
  const crash = a.breaches.length === 0 && a.servingPods.some(crashLoops);
  return [podReadings(a), crash ? oldPodsLive(a) : contrasted(a), twoPods(a), podStatus(a), database(a)];
}

/** Who has to be heard first, if anybody. */
export function awaited(heard: readonly Witness[]): string | undefined {
  const witness = heard.find(({answer}) => answer === 'Awaited');
  return witness && `${witness.name} is being asked: ${witness.reason}`;
}

/**
 * Whether the claim stands: two Confirm, none Contradicts.
 *
 * @param heard the witnesses
 * @returns what is missing; undefined where it stands
 */
export function objection(heard: readonly Witness[]): string | undefined {
  const against = heard.find(({answer}) => answer === 'Contradicts');
  if (against !== undefined) return `${against.name} contradicts: ${against.reason}`;
  const missing = awaited(heard);
  if (missing !== undefined) return missing;
  const confirming = heard.filter(({answer}) => answer === 'Confirms');
  if (confirming.length >= 2) return undefined;
  const rest = heard.filter(({answer}) => answer === 'Abstains').map(({name, reason}) => `${name}: ${reason}`);
  return `${confirming.length} of 2 witnesses confirm; ${rest.join('; ')}`;
}

function podReadings({window, breaches, o}: Assessment): Witness {
  const name = 'podReadings';
  if (window === undefined) return {name, answer: 'Abstains', reason: 'no responses of its pods were read'};
  if (breaches.length > 0) return {name, answer: 'Confirms', reason: 'its act window is breached'};
  return clear(window, o.spec.slo)
    ? {name, answer: 'Contradicts', reason: 'its act window is inside the objectives'}
    : {name, answer: 'Abstains', reason: 'too few responses'};
}

function contrasted(a: Assessment): Witness {
  const {result, reason} = contrast(a);
  const answers = {Worse: 'Confirms', Alike: 'Contradicts', Undetermined: 'Abstains'} as const;
  return {name: 'contrast', answer: answers[result], reason};
}

/** For a crash loop the contrast is in the pods' states: old ones live under the same load, node and database. */
function oldPodsLive({otherPods}: Assessment): Witness {
  const ready = otherPods.filter((pod) => pod.ready).length;
  return ready > 0
    ? {name: 'contrast', answer: 'Confirms', reason: `${ready} pods of the old revision are Ready`}
    : {name: 'contrast', answer: 'Abstains', reason: 'no pod of the old revision is Ready'};
}

function twoPods({podWindows, o}: Assessment): Witness {
  const name = 'twoPods';
  const over = podWindows.filter((pod) => breachesOf(pod, o.spec.slo).length > 0).length;
  const well = podWindows.filter((pod) => clear(pod, o.spec.slo)).length;
  if (over > 0 && well > 0) {
    return {name, answer: 'Contradicts', reason: `${well} of its pods are inside the objectives, ${over} are not`};
  }
  return over >= 2
    ? {name, answer: 'Confirms', reason: `${over} of its pods are each over a threshold`}
    : {name, answer: 'Abstains', reason: `${over} of its pods are over a threshold, 2 are needed`};
}

function podStatus({servingPods}: Assessment): Witness {
  const crashing = servingPods.filter(crashLoops).length;
  return crashing > 0
    ? {name: 'podStatus', answer: 'Confirms', reason: `${crashing} of its pods crash again and again`}
    : {name: 'podStatus', answer: 'Abstains', reason: 'its pods run, which says nothing about their responses'};
}

/**
 * The database must have been asked after the newest of the responses that are held against the revision: when it stops
 * answering, pods fail before its probe is due again (seen on a real cluster).
 */
function database({o, window, previous}: Assessment): Witness {
  if (o.database.toldByPods !== true) return askedSince(o, window?.to, 'the newest of these responses');
  // What tells of the responses tells of the database too, but later: its own tries come seconds apart.
  const seenAt = previous === undefined || previous.verdict === 'None' ? undefined : at(previous.time);
  const since = seenAt === undefined ? Infinity : seenAt + PODS_NOTICE_MS;
  return askedSince(o, since, `the pods had ${seconds(PODS_NOTICE_MS)} to notice that it is gone`);
}

/** A try every two seconds, each given up after two more (docs/reference/image-contract.md), and a reading's way here. */
const PODS_NOTICE_MS = 5_000;

function askedSince({database: {reachable, askedAt}}: Assessment['o'], since = -Infinity, what = ''): Witness {
  const name = 'database';
  if (reachable === undefined || askedAt === undefined) return {name, answer: 'Abstains', reason: 'it is not asked'};
  return askedAt < since
    ? {name, answer: 'Awaited', reason: `it was not asked since ${what}`}
    : {name, answer: 'Abstains', reason: 'it answers, which says nothing about the cause'};
}

/** Of the limit: a pod with less has shown that the revision can do with less. */
const MODEST = 0.75;

/** What its own page says, what the kubelet saw of the revision, and what others of it have in use. */
function leakWitnesses(a: Assessment): readonly Witness[] {
  const leaks = leaksOf(a);
  const [first] = leaks;
  if (first === undefined) return [];
  const others = a.servingPods.filter((pod) => pod.ready && pod.uid !== first.pod.uid);
  const modest = others.filter(({memory}) => memory !== undefined && memory.bytes < MODEST * memory.limit);
  const killed = a.servingPods.filter(({lastTermination}) => lastTermination?.reason === 'OOMKilled').length;
  const confirms = (confirmed: boolean): 'Confirms' | 'Abstains' => (confirmed ? 'Confirms' : 'Abstains');
  return [
    {name: 'podReadings', answer: 'Confirms', reason: 'its memory climbs to its limit'},
    {
      name: 'podStatus',
      answer: confirms(killed > 0),
      reason: `${killed} pods of its revision were killed for want of memory`,
    },
    {
      name: 'twoPods',
      answer: confirms(leaks.length >= 2),
      reason: `memory of ${leaks.length} of its pods climbs, 2 are needed`,
    },
    others.length === 0
      ? {
          name: 'contrast',
          answer: 'Contradicts',
          reason: 'no other pod of its revision is Ready: nobody would serve meanwhile',
        }
      : {
          name: 'contrast',
          answer: confirms(modest.length > 0),
          reason: `${modest.length} pods of its revision do with less`,
        },
  ];
}

/** The kubelet's word on the pod, and what others of the same revision do with the same database and load. */
function hungWitnesses(a: Assessment): readonly Witness[] {
  const [first] = hungPods(a);
  if (first === undefined) return [];
  const ready = a.servingPods.filter((pod) => pod.ready).length;
  const contrasts = {name: 'contrast', reason: `${ready} pods of its revision are Ready`} as const;
  return [
    {name: 'podStatus', answer: 'Confirms', reason: `it is not Ready since ${iso(first.since)}, and runs on`},
    {...contrasts, answer: ready > 0 ? 'Confirms' : 'Contradicts'},
    askedSince(a.o, first.since, 'the pod stopped being Ready'),
  ];
}
