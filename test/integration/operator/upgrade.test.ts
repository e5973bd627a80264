import {once} from 'node:events';
import type {ChildProcess} from 'node:child_process';
import {join} from 'node:path';
import {afterAll, expect} from '@jest/globals';
import {labels, resources, type MaintenanceApi} from '../../../operator/src/api/v1alpha1/index.ts';
import {RENDER_VERSION} from '../../../operator/src/desired/index.ts';
import type {KubeObject} from '../../../operator/src/runtime/index.ts';
import {isWrite, type AuditEvent} from '../../harness/audit.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';
import {GENERATION} from '../../releases/next-operator/generation.ts';

/*
 * One operator takes over from another whose templates are of an older generation, and the other way round, on a real
 * API server with real controllers; what either wrote is told by its audit log.
 */
const STORY_TIMEOUT_MS = 400_000;
const NEXT = String(RENDER_VERSION + 1);
const UPGRADE = 'maintenance-api.io/upgrade';
const BUILDS = {
  this: {},
  next: {NODE_OPTIONS: `--import=${join(import.meta.dirname, '../../releases/next-operator/register.ts')}`},
} as const;

let world: Simulation;

function start(ns: string, build: keyof typeof BUILDS): ChildProcess {
  return world.startOperator({...BUILDS[build], LEASE_NAME: ns, WATCH_NAMESPACES: ns});
}

async function replace(ns: string, old: ChildProcess, build: keyof typeof BUILDS): Promise<ChildProcess> {
  const ended = once(old, 'exit');
  old.kill('SIGKILL');
  await ended;
  return start(ns, build);
}

type Pod = KubeObject & {spec: {nodeName?: string}};

/** Each pod's uid, and the generation of templates that it was made from. */
async function pods(ns: string, component: 'api' | 'database'): Promise<{uid: string; generation: string}[]> {
  const {items} = await world.client.list<Pod>(resources.pod, {
    namespace: ns,
    labelSelector: `${labels.component}=${component}`,
  });
  return items
    .filter(({metadata}) => metadata.deletionTimestamp === undefined)
    .map(({metadata}) => ({
      uid: metadata.uid ?? '',
      generation: metadata.annotations?.[GENERATION] ?? String(RENDER_VERSION),
    }))
    .sort((a, b) => a.uid.localeCompare(b.uid));
}

const generations = (all: readonly {generation: string}[]): string[] => all.map(({generation}) => generation);

/** Writes of one operator that changed something other than what it says of the resource. */
async function writes(ns: string, operator: ChildProcess): Promise<string[]> {
  const said = ({objectRef}: AuditEvent): boolean =>
    objectRef?.resource === 'events' || objectRef?.subresource === 'status';
  const all = await world.requests({namespace: ns, process: operator, from: 0});
  return all
    .filter((event) => isWrite(event) && !said(event))
    .map(({verb, objectRef}) => `${verb} ${objectRef?.resource ?? ''}/${objectRef?.name ?? ''}`);
}

/** The next operator serves a resource that this one made. */
async function upgraded(ns: string): Promise<{operator: ChildProcess; before: Awaited<ReturnType<typeof all>>}> {
  const first = start(ns, 'this');
  await world.scene(ns, 50);
  await world.create(ns);
  await world.good(ns);
  const before = await all(ns);
  const operator = await replace(ns, first, 'next');
  await world.until(ns, 'what waits is told', ({status}) => status?.upgrade !== undefined);
  return {operator, before};
}

const all = async (ns: string) => ({api: await pods(ns, 'api'), database: await pods(ns, 'database')});

const pendingOf = ({status}: MaintenanceApi): string[] => (status?.upgrade?.pending ?? []).map(({kind}) => kind);

/** Waits until all pods of a component are of a generation. */
async function untilOf(ns: string, component: 'api' | 'database', generation: string): Promise<void> {
  await waitFor(
    `${ns}: the pods of the ${component} are of generation ${generation}`,
    async () => {
      const found = generations(await pods(ns, component));
      if (found.length > 0 && found.every((one) => one === generation)) return true;
      throw new Error(found.join());
    },
    120_000,
  );
}

async function adopted(): Promise<void> {
  const ns = 'adopted';
  const {operator, before} = await upgraded(ns);
  const seen = await world.api(ns);
  expect(pendingOf(seen)).toEqual(['Deployment', 'StatefulSet']);
  expect(conditionOf(seen, 'Ready')).toBe('True Ready');
  expect(generations([...before.api, ...before.database])).toEqual(['1', '1', '1']);
  // A change that concerns no pod is carried out, which shows that the operator is at work.
  await world.patchSpec(ns, {networkPolicy: {mode: 'Off'}});
  await world.until(
    ns,
    'the change is carried out',
    ({metadata, status}) => status?.observedGeneration === metadata.generation,
  );
  await waitFor(
    'the policies are gone',
    async () =>
      (await world.client.list(resources.networkPolicy, {namespace: ns})).items.length === 0 ? true : undefined,
    60_000,
  );
  expect((await writes(ns, operator)).filter((write) => !write.startsWith('delete networkpolicies/'))).toEqual([]);
  expect(await all(ns)).toEqual(before);

  // A release takes the new templates along; it is no business of the database's.
  await world.patchSpec(ns, {image: 'example/api:2'});
  await untilOf(ns, 'api', NEXT);
  const released = await world.until(ns, 'only the database waits', (api) => pendingOf(api).join() === 'StatefulSet');
  expect(released.status?.revisions?.serving).not.toBe(seen.status?.revisions?.serving);
  expect(await pods(ns, 'database')).toEqual(before.database);

  // What changes the database's pod takes its new template along.
  const resourcesOf = {requests: {cpu: '200m', memory: '512Mi'}, limits: {memory: '768Mi'}};
  await world.patchSpec(ns, {database: {managed: {resources: resourcesOf}}});
  await untilOf(ns, 'database', NEXT);
  await world.until(ns, 'nothing waits', ({status}) => status?.upgrade === undefined);

  // Going back to what an older operator rendered gives the bytes of its pods (invariant 8).
  await world.patchSpec(ns, {image: 'example/api:1'});
  await untilOf(ns, 'api', String(RENDER_VERSION));
}

async function asked(): Promise<void> {
  const ns = 'asked';
  const {before} = await upgraded(ns);
  const {status} = await world.api(ns);
  const annotations = (value: string | null): object => ({metadata: {annotations: {[UPGRADE]: value}}});
  await world.client.patch(resources.maintenanceApi, ns, 'tasks', annotations('now'), {type: 'merge'});
  const done = await world.until(ns, 'nothing waits', (api) => api.status?.upgrade === undefined, 240_000);
  await untilOf(ns, 'api', NEXT);
  await untilOf(ns, 'database', NEXT);
  // The same revision, by other templates.
  expect(done.status?.revisions).toMatchObject({
    ...{serving: status?.revisions?.serving, lastKnownGood: status?.revisions?.lastKnownGood},
  });
  const after = await all(ns);
  expect(
    [...after.api, ...after.database].filter(({uid}) =>
      [...before.api, ...before.database].some((one) => one.uid === uid),
    ),
  ).toEqual([]);
  // The API's pods were all there before the database's was taken.
  const patches = (await world.requests({namespace: ns, from: 0})).filter(
    ({verb, objectRef}) => verb === 'patch' && ['deployments', 'statefulsets'].includes(objectRef?.resource ?? ''),
  );
  expect(patches.slice(-2).map(({objectRef}) => objectRef?.resource)).toEqual(['deployments', 'statefulsets']);
  const events = await waitFor(
    'both events',
    async () => {
      const {items} = await world.client.list<KubeObject & {reason?: string}>(
        {apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true},
        {namespace: ns},
      );
      const found = items.map(({reason}) => reason).filter((reason) => reason?.startsWith('Upgrade'));
      return found.length >= 2 ? found.sort() : undefined;
    },
    30_000,
  );
  expect(events).toEqual(['UpgradeCompleted', 'UpgradePending']);
}

async function window(): Promise<void> {
  const ns = 'window';
  await upgraded(ns);
  // One that is open all the time, after one that has to be waited for.
  const far = new Date(Date.now() + 20 * 24 * 3_600_000);
  const later = {schedule: `0 0 ${String(far.getUTCDate())} ${String(far.getUTCMonth() + 1)} *`, durationSeconds: 600};
  await world.patchSpec(ns, {maintenanceWindows: [later]});
  const waiting = await world.until(ns, 'the window is told', ({status}) => status?.upgrade?.next !== undefined);
  expect(waiting.status?.upgrade?.next).toBe(`${far.toISOString().slice(0, 10)}T00:00:00Z`);
  expect(pendingOf(waiting)).toEqual(['Deployment', 'StatefulSet']);
  await world.patchSpec(ns, {maintenanceWindows: [later, {schedule: '* * * * *', durationSeconds: 600}]});
  await world.until(ns, 'nothing waits', ({status}) => status?.upgrade === undefined, 240_000);
  expect(generations(await pods(ns, 'api'))).toEqual([NEXT, NEXT]);
}

async function downgraded(): Promise<void> {
  const ns = 'downgraded';
  const next = start(ns, 'next');
  await world.scene(ns, 50);
  await world.create(ns);
  await world.good(ns);
  const before = await all(ns);
  expect(generations([...before.api, ...before.database])).toEqual([NEXT, NEXT, NEXT]);
  const older = await replace(ns, next, 'this');
  const told = await world.until(ns, 'it is told', (api) => conditionOf(api, 'Stalled') === 'True ApplyRefused');
  expect(told.status?.conditions?.find(({type}) => type === 'Stalled')?.message).toContain(`render version ${NEXT}`);
  expect(conditionOf(told, 'Available')).toBe('True Available');
  expect(await writes(ns, older)).toEqual([]);
  expect(await all(ns)).toEqual(before);
}

sideBySide(
  'an operator that takes over from another',
  {
    start: async () => {
      world = await Simulation.start();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {
    'whose templates are older leaves every pod alone, until the spec asks for others': adopted,
    'replaces pods at once for the annotation, the database last': asked,
    'replaces pods in a maintenance window': window,
    'whose templates are newer touches nothing, and says so': downgraded,
  },
);

afterAll(async () => {
  await world.stop();
});
