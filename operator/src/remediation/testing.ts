import {
  maintenanceApiSpec,
  type ActionRecord,
  type Explanation,
  type MaintenanceApiSpecInput,
} from '../api/v1alpha1/index.ts';
import type {RevisionWindow, WindowCounts} from '../slo/index.ts';
import {iso} from './text.ts';
import type {DatabaseFacts, DeploymentFacts, Observation, PodFacts, RevisionFacts} from './types.ts';

/** The moment of every observation here that doesn't say another. */
export const NOW = Date.parse('2026-03-02T12:00:00Z');
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Responses, in short. */
export interface Responses {
  readonly valid: number;
  readonly bad?: number;
  readonly slow?: number;
}

type Status = NonNullable<Observation['status']>;

/** The counts of a window that ends now. */
export function counted({valid, bad = 0, slow = 0}: Responses, from: number, to = NOW): WindowCounts {
  return {from, to, valid, bad, slow, total: valid};
}

/**
 * An observation that reads as a sentence. It begins with a service at rest: revision `a` is good, serves with three
 * Ready pods, its responses are good and the database answers. Each method changes one thing.
 */
export class ObservationBuilder {
  #o: Observation;
  #status: Status;

  constructor() {
    this.#status = {
      revisions: {desired: 'a', serving: 'a', lastKnownGood: 'a', rolledOutAt: iso(NOW - 5 * HOUR)},
      remediation: {mode: 'Auto'},
    };
    this.#o = {
      now: NOW,
      spec: maintenanceApiSpec.parse({image: 'example.com/api:1'}),
      status: this.#status,
      desired: 'a',
      revisions: [{...revision('a', NOW - 6 * HOUR), goodAt: NOW - 4 * HOUR, schemaVersion: 3, imageId: 'sha256:a'}],
      deployment: deployment('a', NOW - 6 * HOUR),
      pods: pods('a', 3),
      templates: {newest: 1, database: 1, mayReplace: false},
      nodeEvictions: [],
      fleet: {size: 1, others: []},
      backups: [],
      revisionWindows: [],
      overlap: undefined,
      serviceWindow: counted({valid: 15_000}, NOW - 5 * MINUTE),
      bakeRequests: {},
      load: {current: 50, beforeRollout: 50},
      autoscaler: {uid: 'autoscaler-uid', minReplicas: 2},
      database: {reachable: true, migrations: [migration(1), migration(2), migration(3)]},
      retry: undefined,
      restart: undefined,
      pause: undefined,
      freshId: 'fresh-id',
    };
  }

  build(): Observation {
    return {...this.#o, status: this.#status};
  }

  /** Changes anything of the observation but its status. */
  with(change: Partial<Omit<Observation, 'status'>>): this {
    this.#o = {...this.#o, ...change};
    return this;
  }

  /** Changes the spec. */
  asking(change: Partial<MaintenanceApiSpecInput>): this {
    return this.with({spec: maintenanceApiSpec.parse({...this.#o.spec, ...change})});
  }

  /** The spec asks for another revision, of which nothing is deployed yet. */
  releasing(hash: string): this {
    this.with({desired: hash, revisions: [...this.#o.revisions, revision(hash, NOW - 5 * SECOND)]});
    return this.standing({desired: hash});
  }

  /** The new revision's first pod is Ready for 20 s beside the three old ones. */
  rollingOut(hash: string): this {
    this.releasing(hash).standing({serving: hash, rolledOutAt: undefined});
    return this.with({
      deployment: {
        ...deployment(hash, NOW - 40 * SECOND),
        ...{rolloutComplete: false, updatedReplicas: 1, readyReplicas: 4, readyByRevision: {a: 3, [hash]: 1}},
      },
      pods: [...pods('a', 3), ...pods(hash, 1)],
      revisionWindows: [this.#window('a', {valid: 2_000}, MINUTE, 3)],
    });
  }

  /** The rollout is complete for so long; no old pod is left. */
  baking(hash: string, length = 2 * MINUTE): this {
    const since = NOW - length;
    this.releasing(hash).standing({serving: hash, rolledOutAt: iso(since)});
    return this.with({
      deployment: deployment(hash, since - 30 * SECOND),
      pods: pods(hash, 3),
      revisionWindows: [this.#window(hash, {valid: 3_000}, MINUTE, 3)],
      bakeRequests: {[hash]: counted({valid: length / 20}, since)},
    });
  }

  /** What the new pods answered since they are Ready, and the old ones in the same 15 s. */
  answering(hash: string, responses: Responses, old?: Responses): this {
    const podsOfIt = this.#o.pods.filter((pod) => pod.revision === hash && pod.ready).length;
    const windows = this.#o.revisionWindows.filter((window) => window.revision !== hash);
    const from = NOW - 15 * SECOND;
    this.with({revisionWindows: [...windows, this.#window(hash, responses, 15 * SECOND, podsOfIt)]});
    if (old === undefined) return this;
    return this.with({overlap: {revision: hash, young: counted(responses, from), old: counted(old, from)}});
  }

  /** What each of the revision's pods answered. */
  answeringByPod(hash: string, each: readonly Responses[]): this {
    const from = NOW - 15 * SECOND;
    const all = each.map((responses, i) => ({podUid: `${hash}-${i}`, ...counted(responses, from)}));
    const sum = (of: (pod: WindowCounts) => number): number => all.reduce((total, pod) => total + of(pod), 0);
    const total = counted({valid: sum((p) => p.valid), bad: sum((p) => p.bad), slow: sum((p) => p.slow)}, from);
    const windows = this.#o.revisionWindows.filter((window) => window.revision !== hash);
    return this.with({revisionWindows: [...windows, {revision: hash, ...total, pods: all}]});
  }

  /** What the whole service answered in the last five minutes. */
  serving(responses: Responses, from = NOW - 5 * MINUTE): this {
    return this.with({serviceWindow: counted(responses, from)});
  }

  /** Facts of a revision. */
  knowing(hash: string, facts: Partial<RevisionFacts>): this {
    const revisions = this.#o.revisions.map((known) => (known.hash === hash ? {...known, ...facts} : known));
    return this.with({revisions});
  }

  /** Facts of a revision that must not be there. */
  notKnowing(hash: string, ...facts: readonly ('goodAt' | 'schemaVersion' | 'imageId')[]): this {
    const revisions = this.#o.revisions.map((known) => {
      if (known.hash !== hash) return known;
      return Object.fromEntries(Object.entries(known).filter(([name]) => !facts.some((fact) => fact === name)));
    }) as RevisionFacts[];
    return this.with({revisions});
  }

  /** Another revision of history. */
  havingHad(hash: string, facts: Partial<RevisionFacts> = {}): this {
    return this.with({revisions: [...this.#o.revisions, {...revision(hash, NOW - DAY), ...facts}]});
  }

  withDatabase(facts: DatabaseFacts): this {
    return this.with({database: {...this.#o.database, ...facts}});
  }

  withDeployment(facts: Partial<DeploymentFacts>): this {
    if (this.#o.deployment === undefined) throw new Error('there is no Deployment to change');
    return this.with({deployment: {...this.#o.deployment, ...facts}});
  }

  /** Changes pods of a revision. */
  withPods(hash: string, facts: Partial<PodFacts>): this {
    return this.with({pods: this.#o.pods.map((pod) => (pod.revision === hash ? {...pod, ...facts} : pod))});
  }

  /** So many pods of the revision were Ready and aren't since so long, while their containers run on. */
  hanging(hash: string, length: number, many = 1): this {
    const facts = {ready: false, notReadySince: NOW - length};
    const pods = this.#o.pods.map((pod) => {
      const hangs = pod.revision === hash && Number(pod.uid.split('-').at(-1)) < many;
      return hangs ? {...pod, ...facts} : pod;
    });
    const ready = pods.filter((pod) => pod.revision === hash && pod.ready).length;
    return this.with({pods}).withDeployment({readyReplicas: ready, readyByRevision: {[hash]: ready}});
  }

  /** So many of the revision's pods are on a node that is silent since so long. */
  onLostNode(hash: string, length: number, many = 1): this {
    this.hanging(hash, length, many);
    const lost = {nodeLost: true, node: 'node-1'};
    return this.with({pods: this.#o.pods.map((pod) => (pod.ready ? {...pod, node: 'node-2'} : {...pod, ...lost}))});
  }

  /** Pods of the revision use such shares of their limit; `climbs`: grown by so much of it, steadily. */
  using(hash: string, shares: readonly number[], climbs?: number, leadsTo = Infinity): this {
    const limit = 1_000;
    const trend = {
      from: NOW - 10 * MINUTE,
      to: NOW,
      grownBytes: (climbs ?? 0) * limit,
      steady: climbs !== undefined,
      leadsTo: leadsTo * limit,
    };
    const pods = this.#o.pods.map((pod) => {
      const share = pod.revision === hash ? shares[Number(pod.uid.split('-').at(-1))] : undefined;
      return share === undefined ? pod : {...pod, memory: {bytes: share * limit, limit, trends: [trend]}};
    });
    return this.with({pods});
  }

  /** Every pod says that it can't use this. */
  lacking(failing: string): this {
    return this.with({pods: this.#o.pods.map((pod) => ({...pod, failing}))});
  }

  /** Pods of the revision crash again and again. */
  crashing(hash: string): this {
    this.withPods(hash, {
      ready: false,
      restarts: 3,
      waiting: {container: 'api', reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container'},
      lastTermination: {reason: 'Error', exitCode: 1, at: NOW - 20 * SECOND},
    });
    const readyByRevision = {...this.#o.deployment?.readyByRevision, [hash]: 0};
    return this.withDeployment({readyByRevision});
  }

  /** Status says this of revisions; undefined removes. */
  standing(change: {[K in keyof NonNullable<Status['revisions']>]?: string | undefined}): this {
    const all = {...this.#status.revisions, ...change};
    const known = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    this.#status = {...this.#status, revisions: known};
    return this;
  }

  /** Status says this of remediation. */
  remediation(change: Partial<NonNullable<Status['remediation']>>): this {
    this.#status = {...this.#status, remediation: {mode: 'Auto', ...this.#status.remediation, ...change}};
    return this;
  }

  /** The last explanation. */
  explained(verdict: Explanation['verdict'], time: number, considered: Explanation['considered'] = []): this {
    const lastDecision = {time: iso(time), verdict, message: 'as it was', signals: [], ruledOut: [], considered};
    return this.remediation({lastDecision});
  }

  /** Without any status: the resource was just created. */
  new(): this {
    this.#status = {};
    return this.with({revisions: [revision('a', NOW - 20 * SECOND)], serviceWindow: undefined, load: {}});
  }

  #window(hash: string, responses: Responses, length: number, podCount: number): RevisionWindow {
    const from = NOW - length;
    const part = (count = 0, i = 0): number =>
      Math.floor((count * (i + 1)) / podCount) - Math.floor((count * i) / podCount);
    const each = Array.from({length: podCount}, (_, i) => ({
      podUid: `${hash}-${i}`,
      ...counted({valid: part(responses.valid, i), bad: part(responses.bad, i), slow: part(responses.slow, i)}, from),
    }));
    return {revision: hash, ...counted(responses, from), pods: each};
  }
}

/** A service at rest, to be changed. */
export function anObservation(): ObservationBuilder {
  return new ObservationBuilder();
}

/** A rollback from b to a in some state. */
export function anAction(change: Partial<ActionRecord> = {}): ActionRecord {
  return {
    id: 'action-1',
    kind: 'Rollback',
    verdict: 'BadRevision',
    targetUid: 'deployment-uid',
    fromRevision: 'b',
    toRevision: 'a',
    state: 'Recorded',
    recordedAt: iso(NOW - 5 * MINUTE),
    message: 'Revision b fails.',
    ...change,
  };
}

/** The eviction of pod a-0 in some state. */
export function aRestart(change: Partial<ActionRecord> = {}): ActionRecord {
  return {
    ...{id: 'restart-1', kind: 'Restart', verdict: 'Hung', targetUid: 'a-0', targetName: 'api-a-0'},
    ...{state: 'Recorded', recordedAt: iso(NOW - MINUTE), message: 'Pod api-a-0 hangs.'},
    ...change,
  };
}

/** A ScaleUp from three to five pods in some state. */
export function aScaleUp(change: Partial<ActionRecord> = {}): ActionRecord {
  return {
    ...{id: 'scale-up-1', kind: 'ScaleUp', verdict: 'Overload', targetUid: 'autoscaler-uid', minReplicas: 5},
    ...{state: 'Recorded', recordedAt: iso(NOW), expiresAt: iso(NOW + 30 * MINUTE), message: 'Three times the load.'},
    ...change,
  };
}

/** A migration that the version before can read, or not. */
export function migration(version: number, previousCanRead = true): {version: number; previousCanRead: boolean} {
  return {version, previousCanRead};
}

function revision(hash: string, createdAt: number): RevisionFacts {
  return {hash, image: `example.com/api:${hash}`, createdAt, renderVersion: 1};
}

function deployment(hash: string, rolloutStartedAt: number): DeploymentFacts {
  return {
    uid: 'deployment-uid',
    revision: hash,
    renderVersion: 1,
    wantedReplicas: 3,
    readyReplicas: 3,
    updatedReplicas: 3,
    rolloutComplete: true,
    rolloutStartedAt,
    readyByRevision: {[hash]: 3},
  };
}

/** Ready pods of a revision. */
export function pods(hash: string, count: number): PodFacts[] {
  return Array.from({length: count}, (_, i) => ({
    uid: `${hash}-${i}`,
    name: `api-${hash}-${i}`,
    revision: hash,
    createdAt: NOW - HOUR,
    ready: true,
    readySince: NOW - HOUR,
    runningSince: NOW - HOUR,
    terminating: false,
    restarts: 0,
    imageId: `sha256:${hash}`,
    failedReads: 0,
  }));
}
