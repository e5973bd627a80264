import {afterAll, expect} from '@jest/globals';
import {resources, type MaintenanceApi} from '../../../operator/src/api/v1alpha1/index.ts';
import type {KubeObject} from '../../../operator/src/runtime/index.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';

/* Read-only mode on a real API server: a file is switched, no pod is replaced, and what is refused counts against nobody. */
const STORY_TIMEOUT_MS = 400_000;
const STATE_TIMEOUT_MS = 240_000;
const NS = 'read-only';
const IMAGE = 'example/api:1';
const REFUSED = 1_000;

let world: Simulation;

const verdict = ({status}: MaintenanceApi): unknown => status?.remediation?.lastDecision?.verdict;

async function file(): Promise<string | undefined> {
  const found = await world.client.get<KubeObject & {data?: Record<string, string>}>(
    resources.configMap,
    NS,
    'tasks-mode',
  );
  return found?.data?.['read-only'];
}

async function refusesAndHolds(): Promise<void> {
  world.startOperator({LEASE_NAME: NS, WATCH_NAMESPACES: NS});
  const scene = await world.scene(NS, 50);
  await world.create(NS);
  await world.good(NS);
  expect(await file()).toBe('false');
  const before = {patches: (await world.deploymentPatches(NS)).length, pods: await world.apiPods(NS)};

  await world.patchSpec(NS, {maintenance: {readOnly: true}});
  await waitFor('the file says so', async () => ((await file()) === 'true' ? true : undefined), STATE_TIMEOUT_MS);
  const asked = await world.until(
    NS,
    'the pods have not said so yet',
    (api) => conditionOf(api, 'ReadOnly') === 'Unknown ModeChanging',
    STATE_TIMEOUT_MS,
  );
  expect(asked.status?.maintenance?.readOnly).toBe(true);
  scene.images.set(IMAGE, {badShare: 0, refusedShare: 0.6});
  await world.until(
    NS,
    'every pod says so',
    (api) => conditionOf(api, 'ReadOnly') === 'True ReadOnly',
    STATE_TIMEOUT_MS,
  );
  await waitFor(
    'many writes were refused',
    () => Promise.resolve(world.pods.seen(NS, IMAGE).refused > REFUSED ? true : undefined),
    STATE_TIMEOUT_MS,
  );
  const during = await world.api(NS);
  expect([verdict(during), conditionOf(during, 'ObjectivesMet')]).not.toContain('False ObjectiveBreached');
  expect(verdict(during)).toBe('None');
  expect(during.status?.slo?.map(({budgetRemaining}) => budgetRemaining)).not.toContainEqual(
    expect.stringMatching(/^(-|[0-9]?[0-9]%)/),
  );
  expect((await world.deploymentPatches(NS)).length).toBe(before.patches);
  expect(await world.apiPods(NS)).toEqual(before.pods);

  // What fails by itself meanwhile is seen and named; nothing is done about it before measurements are clean.
  await world.patchSpec(NS, {image: 'example/api:2'});
  scene.images.set('example/api:2', {badShare: 0.5, refusedShare: 0.3});
  const held = await world.until(
    NS,
    'a bad release is named and held',
    (api) =>
      verdict(api) === 'BadRevision' &&
      api.status?.remediation?.lastDecision?.considered.some(({guard}) => guard === 'ReadOnly') === true,
    STATE_TIMEOUT_MS,
  );
  expect(held.status?.remediation?.action).toBeUndefined();
  await world.patchSpec(NS, {maintenance: {readOnly: false}});
  scene.images.set(IMAGE, {badShare: 0});
  scene.images.set('example/api:2', {badShare: 0.5});
  const ended = await world.until(
    NS,
    'it is over, and when the release will be judged is said',
    (api) =>
      conditionOf(api, 'ReadOnly') === 'False ReadWrite' && api.status?.remediation?.lastDecision?.actAt !== undefined,
    STATE_TIMEOUT_MS,
  );
  expect(ended.status?.remediation?.recentActions ?? []).toEqual([]);
  expect(await file()).toBe('false');
}

sideBySide(
  'read-only mode',
  {
    start: async () => {
      world = await Simulation.start();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {'switches a file, costs neither pods nor budget, and holds every action': refusesAndHolds},
);

afterAll(async () => {
  await world.stop();
});
