import {once} from 'node:events';
import {afterAll, expect} from '@jest/globals';
import type {MaintenanceApi, MaintenanceApiSpecInput} from '../../../operator/src/api/v1alpha1/index.ts';
import type {Scene} from '../../harness/simulated-pods.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';

/* Pods that hang or leak, on a real API server with real controllers: what is evicted, and what is not, by its audit log. */
const STORY_TIMEOUT_MS = 600_000;
const STATE_TIMEOUT_MS = 240_000;
/** Some minutes tell a leak from noise. */
const LEAK_TIMEOUT_MS = 560_000;

let world: Simulation;

const last = ({status}: MaintenanceApi) => status?.remediation?.recentActions?.[0];
const heldBy =
  (guard: string) =>
  ({status}: MaintenanceApi): boolean =>
    status?.remediation?.lastDecision?.considered.some((item) => item.action === 'Restart' && item.guard === guard) ===
    true;

/** A good revision serves with so many pods; an operator of its own looks after it. */
async function serving(
  namespace: string,
  replicas: number,
  spec: Partial<MaintenanceApiSpecInput> = {},
): Promise<{scene: Scene; pods: readonly string[]}> {
  const scene = await world.scene(namespace, 50);
  await world.create(namespace, {replicas, ...spec});
  await world.good(namespace);
  return {scene, pods: (await world.apiPods(namespace)).map(({name}) => name)};
}

const codes = async (namespace: string): Promise<(number | undefined)[]> =>
  (await world.evictions(namespace)).map(({responseStatus}) => responseStatus?.code);

async function replaced(): Promise<void> {
  const ns = 'hung-replaced';
  world.startOperator({LEASE_NAME: ns, WATCH_NAMESPACES: ns});
  const {scene, pods} = await serving(ns, 3);
  const [victim = ''] = pods;
  const patches = await world.deploymentPatches(ns);
  scene.hung.add(victim);
  const ended = await world.until(ns, 'a restart helped', (api) => last(api)?.outcome === 'Helped', STATE_TIMEOUT_MS);
  expect(last(ended)).toMatchObject({kind: 'Restart', verdict: 'Hung', targetName: victim});
  expect(last(ended)?.message).toContain(`Pod ${victim} was Ready`);
  expect(ended.status?.remediation?.recentActions).toHaveLength(1);
  const after = (await world.apiPods(ns)).map(({name}) => name);
  expect(after).toHaveLength(3);
  expect(after.filter((name) => pods.includes(name))).toEqual(pods.slice(1));
  expect(await codes(ns)).toEqual([201]);
  // The revision is what it was: nothing was rolled out or back.
  expect(await world.deploymentPatches(ns)).toHaveLength(patches.length);
  expect(conditionOf(ended, 'Ready')).toBe('True Ready');
}

async function notReplaced(): Promise<void> {
  const ns = 'hung-not-replaced';
  world.startOperator({LEASE_NAME: ns, WATCH_NAMESPACES: ns});
  const {scene, pods} = await serving(ns, 4, {remediation: {limits: {cooldownSeconds: 0}}});
  // Pods that are there stay as they are; new ones don't become Ready any more.
  scene.images.set('example/api:1', {badShare: 0, becomesReady: false});
  for (const name of pods.slice(0, 2)) scene.hung.add(name);
  const held = await world.until(ns, 'a person is called', heldBy('LastDidNotHelp'), STATE_TIMEOUT_MS);
  expect(last(held)).toMatchObject({kind: 'Restart', outcome: 'NotHelped'});
  expect(conditionOf(held, 'Remediating')).toBe('False Escalated');
  expect(await codes(ns)).toEqual([201]);
}

async function observed(): Promise<void> {
  const ns = 'hung-observed';
  world.startOperator({LEASE_NAME: ns, WATCH_NAMESPACES: ns});
  const {scene, pods} = await serving(ns, 3, {remediation: {actions: {restart: 'Observe'}}});
  scene.hung.add(pods[0] ?? '');
  await world.until(ns, 'it would have evicted a pod', heldBy('Mode'), STATE_TIMEOUT_MS);
  expect(await codes(ns)).toEqual([]);
  scene.hung.clear();
  await world.until(
    ns,
    'all is well',
    ({status}) => status?.remediation?.lastDecision?.verdict === 'None',
    STATE_TIMEOUT_MS,
  );
}

/** Memory climbs to its limit in six minutes; a pod that is younger has less. */
async function leaks(): Promise<void> {
  const ns = 'leaks';
  world.startOperator({LEASE_NAME: ns, WATCH_NAMESPACES: ns});
  const {scene, pods} = await serving(ns, 3);
  const patches = await world.deploymentPatches(ns);
  const leaksFrom = Date.now();
  const limit = 128 * 2 ** 20;
  const before = (ranMs: number): number => Math.max(0, ranMs - (Date.now() - leaksFrom));
  // What ran before is near its limit at once; what begins now is far from it.
  scene.images.set('example/api:1', {
    badShare: 0,
    memory: (ranMs) => limit * (before(ranMs) > 0 ? 0.88 + (Date.now() - leaksFrom) / 3_000_000 : 0.3),
  });
  const ended = await world.until(ns, 'a restart helped', (api) => last(api)?.outcome === 'Helped', LEAK_TIMEOUT_MS);
  expect(last(ended)).toMatchObject({kind: 'Restart', verdict: 'MemoryLeak'});
  expect(pods).toContain(last(ended)?.targetName);
  expect(last(ended)?.message).toMatch(/Memory of pod .* climbs: 9\d(\.\d+)?% of its limit/);
  expect(await codes(ns)).toEqual([201]);
  expect(await world.deploymentPatches(ns)).toHaveLength(patches.length);
}

/** All is well again, and nothing was evicted or rolled out meanwhile. @param patches - of the Deployment before */
async function recoversUntouched(ns: string, patches: number): Promise<void> {
  await world.until(
    ns,
    'all is well',
    ({status}) => status?.remediation?.lastDecision?.verdict === 'None',
    STATE_TIMEOUT_MS,
  );
  expect(await codes(ns)).toEqual([]);
  expect(await world.deploymentPatches(ns)).toHaveLength(patches);
}

/** Kubernetes itself replaces what a lost node had; here its controller for that isn't started. */
async function nodeLost(): Promise<void> {
  const ns = 'node-lost';
  world.startOperator({LEASE_NAME: ns, WATCH_NAMESPACES: ns});
  const {scene, pods} = await serving(ns, 3);
  const patches = await world.deploymentPatches(ns);
  scene.lost.add(pods[0] ?? '');
  const held = await world.until(
    ns,
    'a person is called',
    (api) => conditionOf(api, 'Remediating') === 'False Escalated',
    STATE_TIMEOUT_MS,
  );
  expect(held.status?.remediation?.lastDecision).toMatchObject({
    ...{verdict: 'InfraFault', message: expect.stringContaining(`The node of pod ${pods[0]}`)},
  });
  scene.lost.clear();
  await recoversUntouched(ns, patches.length);
}

/** The names of their database are gone for all of them: no pod is ready, and each says why. */
async function dependencyGone(): Promise<void> {
  const ns = 'dependency-gone';
  world.startOperator({LEASE_NAME: ns, WATCH_NAMESPACES: ns});
  const {scene, pods} = await serving(ns, 3);
  const patches = await world.deploymentPatches(ns);
  scene.images.set('example/api:1', {badShare: 0, failing: 'dns'});
  for (const name of pods) scene.hung.add(name);
  const held = await world.until(
    ns,
    'what they lack is named, and a person is called',
    (api) =>
      conditionOf(api, 'Remediating') === 'False Escalated' &&
      api.status?.remediation?.lastDecision?.verdict === 'SharedDependency',
    STATE_TIMEOUT_MS,
  );
  expect(held.status?.remediation?.lastDecision?.message).toContain('the same fails: database: dns');
  scene.images.set('example/api:1', {badShare: 0});
  scene.hung.clear();
  await recoversUntouched(ns, patches.length);
}

/** Invariant 6: the leader dies with the answer to the eviction; its successor goes on from the record. */
async function killed(): Promise<void> {
  const ns = 'hung-killed';
  const env = {LEASE_NAME: ns, WATCH_NAMESPACES: ns};
  const first = world.startOperator(env, {signal: 'SIGKILL', requests: ['^POST .*/eviction ']});
  const end = once(first, 'exit');
  const {scene, pods} = await serving(ns, 3);
  scene.hung.add(pods[0] ?? '');
  expect((await end)[1]).toBe('SIGKILL');
  world.startOperator(env);
  const ended = await world.until(ns, 'a restart helped', (api) => last(api)?.outcome === 'Helped', STATE_TIMEOUT_MS);
  expect(ended.status?.remediation?.recentActions).toHaveLength(1);
  expect(await codes(ns)).toEqual([201]);
}

sideBySide(
  'a pod that hangs',
  {
    start: async () => {
      world = await Simulation.start();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {
    'is evicted once, and its replacement serves the same revision': replaced,
    'whose replacement does not become Ready is the last that is evicted': notReplaced,
    'is left alone where restarts are only observed': observed,
    'though it is Ready, because its memory climbs to its limit, is evicted before it is killed': leaks,
    'beside all others, which say that they lack the same, is left alone, and that is named': dependencyGone,
    'because its node is silent is left alone, and the node is named': nodeLost,
    'is evicted once, also when the operator dies with the eviction': killed,
  },
);

afterAll(async () => {
  await world.stop();
});
