import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {resources} from '../../../operator/src/api/v1alpha1/index.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';

/*
 * Invariants 4–8 on a real API server with real controllers. The stories run side by side, each in a namespace of its
 * own; every one waits for a state, so a story that doesn't come to its end fails by its own message.
 */
const BAD = {badShare: 0.2};
const STORY_TIMEOUT_MS = 400_000;
const escalatedOrHeld = (guard: string) => (api: Awaited<ReturnType<Simulation['api']>>) =>
  api.status?.remediation?.lastDecision?.considered.some((item) => !item.taken && item.guard === guard) === true;
const verdictIs = (verdict: string) => (api: Awaited<ReturnType<Simulation['api']>>) =>
  api.status?.remediation?.lastDecision?.verdict === verdict;

/** It serves a revision, and no request to retry one is left. */
const servesUnasked =
  (hash: string) =>
  ({status, metadata}: Awaited<ReturnType<Simulation['api']>>): boolean =>
    status?.revisions?.serving === hash && metadata.annotations?.['maintenance-api.io/retry'] === undefined;

let world: Simulation;
const stories = new Map<string, Promise<void>>();

function story(name: string, run: () => Promise<void>): void {
  const running = run();
  // The test that awaits it reports the failure; until then it must not end the process.
  running.catch(() => undefined);
  stories.set(name, running);
}

beforeAll(async () => {
  world = await Simulation.start();
  world.startOperator();

  story('rolls back', async () => {
    const ns = 'rolls-back';
    await world.scene(ns, 50, {'example/api:2': BAD});
    await world.create(ns);
    const good = await world.good(ns);
    const before = (await world.deploymentPatches(ns)).length;
    await world.patchSpec(ns, {image: 'example/api:2'});
    const ended = await world.until(
      ns,
      'the bad revision is rejected',
      ({status}) => status?.revisions?.suspended?.[0]?.state === 'Rejected',
      240_000,
    );
    const {revisions, remediation} = ended.status ?? {};
    expect(revisions?.serving).toBe(good);
    expect(conditionOf(ended, 'Ready')).toBe('False RevisionRejected');
    expect(conditionOf(ended, 'Stalled')).toBe('True RevisionRejected');
    expect(conditionOf(ended, 'Available')).toBe('True Available');
    expect(remediation?.recentActions?.[0]).toMatchObject({
      kind: 'Rollback',
      verdict: 'BadRevision',
      outcome: 'Helped',
      toRevision: good,
    });
    expect(await world.replicaSets(ns)).toHaveLength(2);
    // One patch that released it, one that rolled it back: no third.
    expect(await world.deploymentPatches(ns)).toHaveLength(before + 2);
    expect(ended.spec.image).toBe('example/api:2');

    // A rejected revision stays rejected until retried, and the retry is answered.
    const hash = revisions?.suspended?.[0]?.hash ?? '';
    await world.client.patch(
      resources.maintenanceApi,
      ns,
      'tasks',
      {metadata: {annotations: {'maintenance-api.io/retry': hash}}},
      {type: 'merge'},
    );
    await world.until(ns, 'the retried revision is served and the request is answered', servesUnasked(hash), 60_000);
  });

  story('no last known good', async () => {
    const ns = 'no-target';
    await world.scene(ns, 50, {'example/api:2': BAD});
    // The first revision never bakes long enough to become good.
    await world.create(ns, {release: {bakeSeconds: 3600}});
    await world.until(ns, 'rolled out', ({status}) => status?.revisions?.rolledOutAt !== undefined);
    const before = (await world.deploymentPatches(ns)).length;
    await world.patchSpec(ns, {image: 'example/api:2'});
    await world.until(ns, 'held for want of a target', escalatedOrHeld('NoRollbackTarget'));
    expect(await world.deploymentPatches(ns)).toHaveLength(before + 1);
  });

  story('too few samples', async () => {
    const ns = 'few-samples';
    const scene = await world.scene(ns, 50, {'example/api:2': {badShare: 0.5}});
    await world.create(ns);
    await world.good(ns);
    const before = (await world.deploymentPatches(ns)).length;
    scene.requestsPerSecond = 0.2;
    await world.patchSpec(ns, {image: 'example/api:2'});
    const baking = await world.until(
      ns,
      'the rollout is complete',
      ({status}) =>
        status?.replicas?.updated === 2 &&
        status.revisions?.rolledOutAt !== undefined &&
        status.revisions.serving === status.revisions.desired &&
        status.revisions.lastKnownGood !== status.revisions.desired,
    );
    expect(baking.status?.remediation?.action).toBeUndefined();
    expect(await world.deploymentPatches(ns)).toHaveLength(before + 1);
  });

  story('the old fails as much', async () => {
    const ns = 'old-fails-too';
    const scene = await world.scene(ns, 50);
    await world.create(ns);
    await world.good(ns);
    const before = (await world.deploymentPatches(ns)).length;
    // What both depend on breaks: old and new fail alike from now on.
    scene.images.set('example/api:1', BAD);
    scene.images.set('example/api:2', BAD);
    await world.patchSpec(ns, {image: 'example/api:2'});
    await world.until(ns, 'the breach is seen and not blamed on the revision', verdictIs('SharedDependency'));
    // Nor is it once no old pod is left.
    const called = await world.until(
      ns,
      'a person is called after the rollout',
      (api) =>
        api.status?.revisions?.rolledOutAt !== undefined && conditionOf(api, 'Remediating') === 'False Escalated',
    );
    expect(verdictIs('SharedDependency')(called)).toBe(true);
    expect(await world.deploymentPatches(ns)).toHaveLength(before + 1);
  });

  story('pods can not be read', async () => {
    const ns = 'unreadable';
    await world.scene(ns, 50, {'example/api:2': {badShare: 0.5, unreadable: true}});
    await world.create(ns);
    await world.good(ns);
    const before = (await world.deploymentPatches(ns)).length;
    await world.patchSpec(ns, {image: 'example/api:2'});
    await world.until(ns, 'a telemetry gap is named', verdictIs('TelemetryGap'));
    expect(await world.deploymentPatches(ns)).toHaveLength(before + 1);
  });

  story('a migration that the target can not read', async () => {
    const ns = 'schema-ahead';
    await world.scene(ns, 50, {
      'example/api:2': {
        ...BAD,
        migrations: [
          {version: 1, previousCanRead: true},
          {version: 2, previousCanRead: false},
        ],
      },
    });
    await world.create(ns);
    await world.good(ns);
    const before = (await world.deploymentPatches(ns)).length;
    await world.patchSpec(ns, {image: 'example/api:2'});
    await world.until(ns, 'the schema gate holds the rollback', escalatedOrHeld('SchemaGate'));
    expect(await world.deploymentPatches(ns)).toHaveLength(before + 1);
  });

  story('an image that can not be pulled', async () => {
    const ns = 'unpullable';
    await world.scene(ns, 50, {'example/api:2': {badShare: 0, waiting: 'ImagePullBackOff'}});
    await world.create(ns);
    const good = await world.good(ns);
    await world.patchSpec(ns, {image: 'example/api:2'});
    const held = await world.until(ns, 'held', (api) => conditionOf(api, 'Ready') === 'False ImagePullFailed');
    expect(conditionOf(held, 'Available')).toBe('True Available');
    expect(held.status?.revisions?.suspended ?? []).toEqual([]);
    expect(held.status?.conditions?.find(({type}) => type === 'Ready')?.message).toContain('example/api:2');
    await world.patchSpec(ns, {image: 'example/api:1'});
    const back = await world.until(ns, 'ready again', (api) => conditionOf(api, 'Ready') === 'True Ready');
    expect(back.status?.revisions?.serving).toBe(good);
  });

  story('a crash loop of the new revision', async () => {
    const ns = 'crash-loop';
    await world.scene(ns, 50, {'example/api:2': {badShare: 0, crashes: true}});
    await world.create(ns);
    const good = await world.good(ns);
    await world.patchSpec(ns, {image: 'example/api:2'});
    const back = await world.until(
      ns,
      'rolled back without any metric',
      ({status}) => status?.revisions?.suspended !== undefined && status.revisions.serving === good,
      240_000,
    );
    expect(back.status?.replicas?.ready).toBe(2);
  });

  story('observe mode', async () => {
    const ns = 'observes';
    await world.scene(ns, 50, {'example/api:2': BAD});
    await world.create(ns, {remediation: {mode: 'Observe'}});
    await world.good(ns);
    const before = (await world.deploymentPatches(ns)).length;
    await world.patchSpec(ns, {image: 'example/api:2'});
    await world.until(ns, 'it would have acted', escalatedOrHeld('Mode'));
    expect(await world.deploymentPatches(ns)).toHaveLength(before + 1);
  });
}, 600_000);

afterAll(async () => {
  await world.stop();
});

describe('the operator, by what pods of each revision tell', () => {
  test.each([
    'rolls back',
    'no last known good',
    'too few samples',
    'the old fails as much',
    'pods can not be read',
    'a migration that the target can not read',
    'an image that can not be pulled',
    'a crash loop of the new revision',
    'observe mode',
  ])(
    '%s',
    async (name) => {
      await stories.get(name);
    },
    STORY_TIMEOUT_MS,
  );
});
