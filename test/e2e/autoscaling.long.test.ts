import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {percentile} from '../bench/statistics.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';
import {bringUp, rescalingReasons, rescalings, tryLoad, utilization, waitReplicas} from './api-service.ts';
import {finishedLoadTest, startLoadTest} from './load-test.ts';

/*
 * The autoscaler's whole way: from two pods upward past 70 % of the CPU request, all of them kept at 40 % for longer than
 * its window, and back once less than 30 % has been used for five minutes. What it did is what the audit log says.
 */
const WHERE = {namespace: 'autoscaling', name: 'tasks'} as const;
const TARGET = {namespace: WHERE.namespace, target: WHERE.name} as const;
/** `scaleDown.windowSeconds`. */
const WINDOW_MS = 300_000;
/** What k6 needs to end after its last request. */
const ENDING_MS = 15_000;
/** For so long the autoscaler still goes by what was measured before a load changed. */
const STALE_MS = 60_000;
/** Between the thresholds: with the default tolerance of 10 % pods would be taken away here. */
const MIDDLE_PERCENT = 42;
const READING_MS = 5_000;
const MINUTE_READINGS = 60_000 / READING_MS;
const TIMEOUT_MS = 600_000;
let world: World;
/** How many pods there were in the end under the first load, and what it took of their request. */
let busy: {readonly pods: number; readonly rate: number; readonly percent: number};
let middleEndedAt: number;

/** When the autoscaler changed the scale, milliseconds. */
const rescaledAt = async (): Promise<number[]> =>
  (await rescalings(world, WHERE)).map(({stageTimestamp}) => Date.parse(stageTimestamp));

/** Utilization as the autoscaler saw it, until a time. */
async function readUntil(end: number): Promise<number[]> {
  const readings: number[] = [];
  await waitFor(
    'the load has lasted',
    async () => {
      readings.push(await utilization(world, WHERE));
      return Date.now() >= end || undefined;
    },
    end - Date.now() + STALE_MS,
    READING_MS,
  );
  return readings;
}

beforeAll(async () => {
  world = await World.join('e2e');
  await bringUp(world, WHERE);
}, TIMEOUT_MS);

afterAll(async () => {
  await world.leave(WHERE.namespace);
}, 60_000);

describe('the autoscaler', () => {
  test(
    'adds pods past 70 % of the request',
    async () => {
      const {result, busyRate} = await tryLoad(world, WHERE, TIMEOUT_MS);
      expect(result.exitCode).toBe(0);
      const load = {...TARGET, job: 'busy', rate: busyRate, seconds: 270};
      await startLoadTest(world, load);
      const readings = await readUntil(Date.now() + load.seconds * 1000);
      const pods = await waitReplicas(world, WHERE, 'more than two pods', (ready) => ready > 2, STALE_MS);
      const {exitCode, endedAt} = await finishedLoadTest(world, load, TIMEOUT_MS);
      busy = {pods, rate: busyRate, percent: percentile(readings.slice(-MINUTE_READINGS), 50)};
      await world.evidence('autoscaling-busy.json', {...busy, readings, endedAt});
      expect(exitCode).toBe(0);
      expect(Math.max(...readings)).toBeGreaterThan(70);
    },
    4 * TIMEOUT_MS,
  );

  test(
    'takes none away at 40 %, for longer than its window',
    async () => {
      const rate = Math.round((busy.rate * MIDDLE_PERCENT) / busy.percent);
      const seconds = (WINDOW_MS + 2 * STALE_MS) / 1000;
      const load = {...TARGET, job: 'middle', rate, seconds};
      await startLoadTest(world, load);
      const from = Date.now() + STALE_MS;
      const readings = await readUntil(Date.now() + seconds * 1000);
      const {exitCode, endedAt} = await finishedLoadTest(world, load, TIMEOUT_MS);
      middleEndedAt = endedAt;
      const settled = readings.slice(MINUTE_READINGS);
      await world.evidence('autoscaling-middle.json', {rate, readings, rescaled: await rescaledAt()});
      expect(exitCode).toBe(0);
      // The load was what it had to be: less than what pods are added at, and enough for none to be taken away.
      expect(Math.max(...settled)).toBeLessThanOrEqual(70);
      expect(settled.filter((percent) => percent < 30).length).toBeLessThan(settled.length / 4);
      const during = (await rescaledAt()).filter((time) => time > from && time < endedAt);
      expect(during).toEqual([]);
      await waitReplicas(world, WHERE, 'as many pods as before', (ready) => ready >= busy.pods, STALE_MS);
    },
    2 * TIMEOUT_MS,
  );

  test(
    'takes them away when less than 30 % has been used for five minutes, not sooner',
    async () => {
      await waitReplicas(world, WHERE, 'two pods again', (ready) => ready === 2, 2 * TIMEOUT_MS);
      const downward = (await rescaledAt()).filter((time) => time > middleEndedAt);
      expect(downward.length).toBeGreaterThan(0);
      for (const time of downward) expect(time - middleEndedAt).toBeGreaterThan(WINDOW_MS - ENDING_MS);
      expect(await rescalingReasons(world, WHERE)).toContainEqual(
        expect.stringMatching(/^New size: 2; reason: All metrics below target$/),
      );
    },
    2 * TIMEOUT_MS,
  );
});
