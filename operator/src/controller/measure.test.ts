import {describe, expect, test} from '@jest/globals';
import {labels, maintenanceApiSpec} from '../api/v1alpha1/index.ts';
import type {ScrapeResult} from '../observe/scraper.ts';
import {MemoryTrends, ServiceLevels} from '../slo/index.ts';
import {measurementsOf, recordMeasurements} from './measure.ts';
import {aCache, anObject} from './testing.ts';

const START = Date.parse('2026-03-02T12:00:00Z');
const LOOK_MS = 5_000;
const MINUTE_MS = 60_000;
const {slo} = maintenanceApiSpec.parse({image: 'example/api:1'});

const aPod = (ready: boolean): ReturnType<typeof anObject> =>
  anObject(
    'shop-1',
    {
      status: {
        phase: 'Running',
        podIP: '10.0.0.8',
        conditions: [{type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-03-02T11:00:00Z'}],
      },
    },
    {labels: {[labels.owner]: 'shop', [labels.component]: 'api', [labels.revision]: 'a'}},
  );

const aReading = (readAt: number, valid: number): ScrapeResult => ({
  ...{uid: 'uid-of-shop-1', revision: 'a', readAt, cpuCores: undefined, failures: 0},
  reading: {
    ...{valid, bad: 0, total: valid, fast: valid, latencyThresholdMs: 500},
    ...{
      poolWaiting: undefined,
      residentBytes: undefined,
      cpuSeconds: undefined,
      failing: undefined,
      readOnly: undefined,
      migrations: undefined,
    },
  },
});

describe('what is measured', () => {
  const of = (uid: string, readAt: number | undefined, failures = 0): ScrapeResult => ({
    ...{...aReading(0, 1), uid, readAt, failures},
  });
  const source = {server: 'main', blindRounds: 0, problem: undefined};
  const brief = (own: ScrapeResult[], told: ScrapeResult[]) =>
    measurementsOf(own, {...source, pods: told}).map((pod) => [...[pod.uid, pod.readAt, pod.failures, pod.toldBy]]);

  test('is what the operator reads where the spec refers to no Prometheus', () => {
    expect(measurementsOf([of('a', START)], undefined)).toEqual([of('a', START)]);
  });

  test('is what Prometheus tells but of the pods that the operator read itself', () => {
    expect(brief([of('a', START), of('b', undefined, 1)], [of('a', START + 1), of('b', START + 2)])).toEqual([
      ['a', START, 0, undefined],
      ['b', START + 2, 0, 'main'],
    ]);
  });
});

test('a time in which no pod was Ready is down-time, though its metrics could be read all the while', () => {
  const levels = new ServiceLevels();
  let now = START;
  let valid = 0;
  const look = (ready: boolean, answers: number): void => {
    now += LOOK_MS;
    valid += answers;
    recordMeasurements({levels, memory: new MemoryTrends()}, [aReading(now - 100, valid)], {
      cache: aCache({pods: [aPod(ready)]}),
      key: 'apis/shop',
      now,
    });
  };
  const budget = (): string | undefined =>
    levels
      .objectiveStatuses(now, {slo, previous: undefined, since: undefined})
      .find(({name}) => name === 'availability')?.budgetRemaining;
  for (let i = 0; i < 20; i++) look(true, 100);
  expect(budget()).toBe('100%');
  // Half of the 43.2 minutes that 99.9 % of 30 days leave.
  look(false, 0);
  const downFrom = now;
  while (now - downFrom < 21.6 * MINUTE_MS) look(false, 0);
  expect(budget()).toBe('50%');
});

test('what pods have in use is kept for as long as they are there', () => {
  const [levels, memory] = [new ServiceLevels(), new MemoryTrends()];
  const look = (minutes: number, pods: ReturnType<typeof aPod>[]): void => {
    const readAt = START + minutes * MINUTE_MS;
    const {reading, ...rest} = aReading(readAt, 0);
    const results = reading === undefined ? [] : [{...rest, reading: {...reading, residentBytes: 1e6 + minutes}}];
    recordMeasurements({levels, memory}, results, {cache: aCache({pods}), key: 'apis/shop', now: readAt});
  };
  for (let minutes = 0; minutes < 10; minutes++) look(minutes, [aPod(true)]);
  expect(memory.trends('uid-of-shop-1')[0]).toMatchObject({grownBytes: 9, steady: true});
  look(10, []);
  expect(memory.trends('uid-of-shop-1')).toEqual([]);
});
