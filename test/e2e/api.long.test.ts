import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {World} from '../harness/world.ts';
import {bringUp, rescalingReasons, rescalings, waitReplicas} from './api-service.ts';
import {finishedLoadTest, startLoadTest} from './load-test.ts';

/* The autoscaler's whole way: from two pods upward under load, and back once the load has been gone for five minutes. */
const WHERE = {namespace: 'api-long', name: 'tasks'} as const;
const LOAD = {namespace: WHERE.namespace, target: WHERE.name, rate: 200, seconds: 200} as const;
/** `scaleDown.windowSeconds`, less what k6 needs to end after its last request. */
const WINDOW_MS = 300_000 - 15_000;
const TIMEOUT_MS = 600_000;
let world: World;

beforeAll(async () => {
  world = await World.join('e2e');
  await bringUp(world, WHERE);
}, TIMEOUT_MS);

afterAll(async () => {
  await world.leave(WHERE.namespace);
}, 60_000);

test(
  'the autoscaler adds pods under load, and takes them away five minutes after it, not sooner',
  async () => {
    await startLoadTest(world, LOAD);
    await waitReplicas(world, WHERE, 'more than two pods', (ready) => ready > 2, 420_000);
    const {exitCode, endedAt} = await finishedLoadTest(world, LOAD, TIMEOUT_MS);
    expect(exitCode).toBe(0);
    await waitReplicas(world, WHERE, 'two pods again', (ready) => ready === 2, 2 * TIMEOUT_MS);
    const times = (await rescalings(world, WHERE)).map(({stageTimestamp}) => Date.parse(stageTimestamp) - endedAt);
    // For up to a minute the autoscaler still goes by what it measured under load.
    const downward = times.filter((time) => time > 60_000);
    expect(downward.length).toBeGreaterThan(0);
    for (const time of downward) expect(time).toBeGreaterThan(WINDOW_MS);
    expect(await rescalingReasons(world, WHERE)).toContainEqual(
      expect.stringMatching(/^New size: 2; reason: All metrics below target$/),
    );
  },
  4 * TIMEOUT_MS,
);
