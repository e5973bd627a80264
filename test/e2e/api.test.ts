import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {deploymentPatches} from '../harness/audit.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';
import {
  apiPods,
  bringUp,
  creationsOf,
  figuresOf,
  readyAmong,
  rescalingReasons,
  rescalings,
  tryLoad,
  utilization,
  waitReplicas,
  type Trial,
} from './api-service.ts';
import {finishedLoadTest, startLoadTest, type LoadTestResult} from './load-test.ts';

/*
 * The API at the limits of the operations guide, under the load test that its users run, from inside of the cluster. How
 * the autoscaler comes back, which takes it five minutes, is in autoscaling.long.test.ts.
 */
const WHERE = {namespace: 'api', name: 'tasks'} as const;
const TARGET = {namespace: WHERE.namespace, target: WHERE.name} as const;
const TIMEOUT_MS = 600_000;
let world: World;
let writesBefore: number;
let trial: Trial;
let result: LoadTestResult;

const deploymentWrites = async (): Promise<number> =>
  (await world.audit(deploymentPatches(WHERE.namespace, WHERE.name))).length;

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

beforeAll(async () => {
  world = await World.join('e2e');
  await bringUp(world, WHERE);
}, TIMEOUT_MS);

afterAll(async () => {
  await world.leave(WHERE.namespace);
}, 60_000);

describe('the API at 100m CPU and 128Mi', () => {
  test('is served by two pods with just that', async () => {
    const pods = await apiPods(world, WHERE);
    expect(readyAmong(pods)).toBe(2);
    for (const {spec} of pods) {
      const api = spec.containers.find(({name}) => name === 'api');
      expect(api?.resources).toEqual({requests: {cpu: '100m', memory: '128Mi'}, limits: {memory: '128Mi'}});
    }
  });

  test(
    'keeps its objectives under the load test, past 70 % of the request, while the autoscaler adds pods',
    async () => {
      writesBefore = await deploymentWrites();
      trial = await tryLoad(world, WHERE, TIMEOUT_MS);
      expect(trial.result.exitCode).toBe(0);
      const load = {...TARGET, rate: trial.busyRate, seconds: 200};
      await startLoadTest(world, load);
      const peak = await waitFor(
        'more than 70 % of the CPU request',
        async () => {
          const percent = await utilization(world, WHERE);
          if (percent > 70) return percent;
          throw new Error(`${String(percent)} %`);
        },
        180_000,
        2000,
      );
      const grown = await waitReplicas(world, WHERE, 'more than two pods', (ready) => ready > 2, 240_000);
      result = await finishedLoadTest(world, load, TIMEOUT_MS);
      const figures = figuresOf(result.summary);
      await world.evidence('api-load-test.json', {...figures, rate: load.rate, peakPercent: peak, pods: grown});
      // Every threshold of the script, which are the objectives; and the same from its figures.
      expect([result.exitCode, figures]).toEqual([0, expect.anything()]);
      expect(figures.available).toBeGreaterThanOrEqual(0.999);
      expect(figures.p95Milliseconds).toBeLessThan(500);
      expect(figures.failed).toBeLessThanOrEqual(0.01);
    },
    3 * TIMEOUT_MS,
  );

  test('was scaled by the autoscaler and by nobody else, and no pod was restarted', async () => {
    const times = (await rescalings(world, WHERE)).map(({stageTimestamp}) => Date.parse(stageTimestamp));
    expect(times.filter((time) => time > result.startedAt && time < result.endedAt)).not.toEqual([]);
    expect(await rescalingReasons(world, WHERE)).toContainEqual(
      expect.stringMatching(/^New size: [3-9]; reason: cpu .*above target$/),
    );
    expect(await deploymentWrites()).toBe(writesBefore);
    const pods = await apiPods(world, WHERE);
    expect(pods.flatMap(({status}) => status.containerStatuses ?? []).map(({restartCount}) => restartCount)).toEqual(
      pods.map(() => 0),
    );
  });

  test('has a row for each creation that was acknowledged', async () => {
    const [rows] = await world.query(WHERE, "SELECT COUNT(*) FROM tasks WHERE description = 'Made by a load test'");
    const made = [trial.result, result].map(creationsOf);
    const [acknowledged, unanswered] = [
      sum(made.map((one) => one.acknowledged)),
      sum(made.map((one) => one.unanswered)),
    ];
    expect(acknowledged).toBeGreaterThan(1000);
    expect(Number(rows)).toBeGreaterThanOrEqual(acknowledged);
    // What wasn't acknowledged may have been done or not.
    expect(Number(rows)).toBeLessThanOrEqual(acknowledged + unanswered);
  });
});
