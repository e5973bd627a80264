import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {silentProgress} from '../../hack/lib/progress.ts';
import {byOperator, isWrite, type AuditEvent} from '../harness/audit.ts';
import {isBad} from '../harness/ledger.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';
import {GENERATION} from '../releases/next-operator/generation.ts';
import {nextOperatorImage} from '../releases/next-operator/image.ts';
import {serveUnderLoad} from './served.ts';

/* The operator is replaced by a next one whose templates make other pods: no pod restarts until the spec asks for others. */
const WHERE = {namespace: 'upgrade', name: 'tasks'} as const;
const TIMEOUT_MS = 300_000;
let world: World;
let next: string;

interface Pod {
  metadata: {name: string; uid: string; annotations?: Record<string, string>; deletionTimestamp?: string};
  status: {containerStatuses?: {restartCount: number}[]};
}

/** Every pod of the resource: what it is, how often it restarted, and by which templates it was made. */
async function pods(component: 'api' | 'database'): Promise<{uid: string; restarts: number; generation: string}[]> {
  const all = await world.list<Pod>('pods', WHERE.namespace, `app.kubernetes.io/component=${component}`);
  return all
    .filter(({metadata}) => metadata.deletionTimestamp === undefined)
    .map(({metadata, status}) => ({
      uid: metadata.uid,
      restarts: (status.containerStatuses ?? []).reduce((sum, {restartCount}) => sum + restartCount, 0),
      generation: metadata.annotations?.[GENERATION] ?? '1',
    }))
    .sort((a, b) => a.uid.localeCompare(b.uid));
}

const everyPod = async () => ({api: await pods('api'), database: await pods('database')});
const restarting = ['deployments', 'statefulsets', 'replicasets', 'pods', 'controllerrevisions'];
/** Writes of whichever operator that could restart a pod. */
const writes = (): Promise<AuditEvent[]> =>
  world.audit(
    (event) =>
      byOperator(event) &&
      isWrite(event) &&
      event.objectRef?.namespace === WHERE.namespace &&
      restarting.includes(event.objectRef.resource ?? ''),
  );

async function served(): Promise<void> {
  const two = {autoscaling: {minReplicas: 2, maxReplicas: 2}};
  await serveUnderLoad(world, WHERE, two, {rate: 10, seconds: 300, writes: 0.1});
}

async function buildNext(): Promise<void> {
  const image = await nextOperatorImage(silentProgress);
  expect(image.ref).not.toBe(world.images.operator.ref);
  await world.cluster.loadImage(image.archive, image.ref);
  next = image.ref;
}

beforeAll(async () => {
  world = await World.join('e2e');
  await Promise.all([served(), buildNext()]);
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  try {
    await world.leave(WHERE.namespace);
  } finally {
    await world.install();
  }
}, TIMEOUT_MS);

describe('an operator whose templates make other pods', () => {
  test(
    'takes over without a restart and without a failed request, and says what waits',
    async () => {
      const before = {pods: await everyPod(), writes: (await writes()).length};
      const since = Date.now();
      await world.install(next);
      const seen = await world.waitApi(
        WHERE,
        'what waits is told',
        ({status}) => status?.upgrade !== undefined,
        TIMEOUT_MS,
      );
      expect(seen.status?.upgrade?.pending.map(({kind}) => kind)).toEqual(['Deployment', 'StatefulSet']);
      // It works: a change that concerns no pod is carried out.
      await world.patchSpec(WHERE, {release: {historyLimit: 7}});
      await waitFor(
        'the next operator has changed the Deployment',
        async () => {
          const deployment = await world.get<{spec: {revisionHistoryLimit: number}}>(
            'deployment',
            WHERE.name,
            WHERE.namespace,
          );
          return deployment?.spec.revisionHistoryLimit === 7 ? true : undefined;
        },
        60_000,
      );
      const wrote = (await writes()).slice(before.writes).map(({verb, objectRef}) => `${verb} ${objectRef?.resource}`);
      expect(wrote).toEqual(['patch deployments']);
      expect(await everyPod()).toEqual(before.pods);
      const ledger = await waitFor(
        'enough requests in that time',
        async () => {
          const sent = (await world.ledger(WHERE.namespace, 'steady')).filter(({t}) => t > since);
          return sent.length > 50 ? sent : undefined;
        },
        60_000,
      );
      expect(ledger.filter(isBad)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'brings them with the next release, and leaves the database alone then too',
    async () => {
      const before = await everyPod();
      await world.patchSpec(WHERE, {env: [{name: 'RELEASE', value: 'next'}]});
      const released = await world.waitApi(
        WHERE,
        'every pod is of the new revision, and only the database waits',
        ({status}) =>
          status?.revisions?.serving !== status?.revisions?.lastKnownGood &&
          status?.revisions?.rolledOutAt !== undefined &&
          status.upgrade?.pending.map(({kind}) => kind).join() === 'StatefulSet',
        TIMEOUT_MS,
      );
      expect(released.status?.revisions?.suspended ?? []).toEqual([]);
      const after = await everyPod();
      expect(after.api.map(({generation}) => generation)).toEqual(['2', '2']);
      expect(after.database).toEqual(before.database);
    },
    TIMEOUT_MS,
  );
});
