import {describe, expect, test} from '@jest/globals';
import {FakeClock, settle} from '../runtime/testing/fake-clock.ts';
import {PrometheusError} from './ask-prometheus.ts';
import {PrometheusSources, type SourceReading} from './prometheus-source.ts';
import type {ScrapeTarget} from './scraper.ts';
import {prometheusAnswer} from './testing.ts';

const KEY = 'apis/shop';
const ROUND_MS = 30_000;
const GATHER_MS = 1_000;

const aTarget = (pod = 'shop-1', namespace = 'apis'): ScrapeTarget => ({
  ...{namespace, pod, uid: `uid-${pod}`, revision: 'abc', ip: '10.0.0.1'},
});

const refused = (): never => {
  throw new PrometheusError('it answered with status 422', true);
};
const away = (): never => {
  throw new PrometheusError('it can not be reached (ECONNREFUSED)', false);
};

/** One server, `main`, that answers as told. */
function aServer(answer: (query: string) => string | Promise<string> = () => prometheusAnswer({})) {
  const clock = new FakeClock();
  const rounds: string[] = [];
  const queries: string[] = [];
  const state = {answer};
  const sources = new PrometheusSources({
    ...{clock, onRound: (key) => rounds.push(key)},
    servers: [{name: 'main', url: 'http://prometheus.example.com'}],
    ask: (_server, query) => {
      queries.push(query);
      return Promise.try(() => state.answer(query));
    },
  });
  const watch = (key = KEY, targets = [aTarget()], server = 'main', thresholdMilliseconds = 500): void => {
    sources.watch(key, {server, targets, thresholdMilliseconds});
  };
  const read = (): SourceReading => {
    const reading = sources.reading(KEY);
    if (reading === undefined) throw new Error('it is not watched');
    return reading;
  };
  return {clock, rounds, queries, sources, watch, read, state};
}

const namespacesOf = (query: string): string[] => /namespace=~"([^"]*)"/.exec(query)?.[1]?.split('|') ?? [];

describe('a round', () => {
  test('tells of each pod what a reading of its own would, at the time at which Prometheus read it', async () => {
    const told = {total: 120, answered: 100, bad: 5, abandoned: 3, fast: {'0.5': 90}, abandonedFast: {'0.5': 1}};
    const {clock, watch, read, rounds} = aServer(() => prometheusAnswer({...told, ageSeconds: 10}));
    watch();
    await clock.advance(GATHER_MS);
    expect(rounds).toEqual([KEY]);
    expect(read()).toEqual({
      ...{server: 'main', blindRounds: 0, problem: undefined},
      pods: [
        {
          ...{uid: 'uid-shop-1', revision: 'abc', readAt: expect.closeTo(clock.now() - 10_000, -1)},
          ...{cpuCores: undefined, failures: 0},
          // Two were given up after longer than the threshold.
          reading: expect.objectContaining({valid: 102, bad: 5, total: 120, fast: 90, latencyThresholdMs: 500}),
        },
      ],
    });
  });

  test.each([1, 50])('asks one question for %d resources', async (count) => {
    const {clock, queries, rounds, watch} = aServer();
    for (let i = 0; i < count; i++) watch(`ns-${i}/shop`, [aTarget('shop-1', `ns-${i}`)]);
    await clock.advance(GATHER_MS);
    expect(queries).toHaveLength(1);
    expect(rounds).toHaveLength(count);
    await clock.advance(ROUND_MS);
    expect(queries).toHaveLength(2);
  });

  test('comes soon for a resource that is new, and not at all when none is left', async () => {
    const {clock, queries, watch, sources} = aServer();
    watch();
    await clock.advance(GATHER_MS);
    watch('apis/other');
    await clock.advance(GATHER_MS);
    expect(queries).toHaveLength(2);
    sources.forget(KEY);
    sources.forget('apis/other');
    await clock.advance(10 * ROUND_MS);
    expect(queries).toHaveLength(2);
    expect(sources.reading(KEY)).toBeUndefined();
  });

  test('is not begun while one is under way', async () => {
    let letGo = (_body: string): void => undefined;
    const {clock, queries, watch, rounds} = aServer(() => new Promise((resolve) => (letGo = resolve)));
    watch();
    await clock.advance(GATHER_MS);
    watch('apis/other');
    await clock.advance(10 * ROUND_MS);
    expect(queries).toHaveLength(1);
    letGo(prometheusAnswer({}));
    await settle();
    expect(rounds).toEqual([KEY]);
    await clock.advance(GATHER_MS);
    expect(queries).toHaveLength(2);
  });
});

describe('it tells nothing (invariant 5)', () => {
  test.each<[what: string, answer: () => string, problem: string]>([
    ['that is away', away, 'it can not be reached (ECONNREFUSED)'],
    ['that refuses', refused, 'it answered with status 422'],
    ['that answers something else', () => 'hello', 'the answer is not JSON'],
    ['that has no series', () => prometheusAnswer(), 'it has no reading of the pods'],
    ['that knows only another', () => prometheusAnswer({name: 'other'}), 'it has no reading of the pods'],
    ['with no numbers', () => prometheusAnswer({bad: 'NaN'}), 'it has no reading of the pods'],
    ['with old readings', () => prometheusAnswer({ageSeconds: 91}), 'its last reading of the pods is older than 90 s'],
    ['that reads twice', () => prometheusAnswer({targets: 2}), 'it reads each pod more than once'],
    ['without the bucket', () => prometheusAnswer({fast: {'0.25': 90}}), 'it keeps no histogram bucket of 500 ms'],
  ])('a server %s', async (_what, answer, problem) => {
    const {clock, watch, read, state} = aServer();
    watch();
    await clock.advance(GATHER_MS);
    const [before] = read().pods;
    state.answer = answer;
    await clock.advance(3 * ROUND_MS);
    const {blindRounds, problem: said, pods} = read();
    expect(blindRounds).toBe(3);
    expect(said).toContain(problem);
    // What was told before keeps its time, and so grows old.
    expect(pods).toEqual([{...before, failures: 3}]);
    state.answer = () => prometheusAnswer({});
    await clock.advance(ROUND_MS);
    expect(read()).toMatchObject({blindRounds: 0, problem: undefined, pods: [{failures: 0}]});
  });

  test('a server that is not configured', () => {
    const {watch, read} = aServer();
    watch(KEY, [aTarget()], 'another');
    expect(read()).toEqual({
      ...{server: 'another', blindRounds: Infinity, pods: [expect.objectContaining({failures: Infinity})]},
      problem: "the operator's configuration has no Prometheus server of this name",
    });
  });

  test('of one pod among others only that one is unread', async () => {
    const {clock, watch, read} = aServer(() => prometheusAnswer({}, {pod: 'shop-2', bad: 'NaN'}));
    watch(KEY, [aTarget('shop-1'), aTarget('shop-2')]);
    await clock.advance(GATHER_MS);
    expect(read()).toMatchObject({blindRounds: 0, pods: [{failures: 0}, {failures: 1, readAt: undefined}]});
  });
});

describe('a question that is refused as a whole', () => {
  const spaces = Array.from({length: 8}, (_value, index) => `ns-${index}`);

  test('is asked in halves, so that the namespace at fault is blind alone (invariant 13)', async () => {
    const {clock, sources, queries, watch} = aServer((query) => {
      const asked = namespacesOf(query);
      return asked.includes('ns-5') ? refused() : prometheusAnswer(...asked.map((namespace) => ({namespace})));
    });
    for (const namespace of spaces) watch(`${namespace}/shop`, [aTarget('shop-1', namespace)]);
    await clock.advance(GATHER_MS);
    const blind = spaces.filter((namespace) => sources.reading(`${namespace}/shop`)?.blindRounds !== 0);
    expect(blind).toEqual(['ns-5']);
    expect(queries).toHaveLength(7);
  });

  test('is not asked in parts for ever', async () => {
    const many = Array.from({length: 200}, (_value, index) => `ns-${index}`);
    const {clock, queries, watch, sources} = aServer(refused);
    for (const namespace of many) watch(`${namespace}/shop`, [aTarget('shop-1', namespace)]);
    await clock.advance(GATHER_MS);
    expect(queries.length).toBeLessThanOrEqual(32);
    expect(many.every((namespace) => sources.reading(`${namespace}/shop`)?.blindRounds === 1)).toBe(true);
  });

  test('is not asked in parts of a server that is away', async () => {
    const {clock, queries, watch} = aServer(away);
    for (const namespace of spaces) watch(`${namespace}/shop`, [aTarget('shop-1', namespace)]);
    await clock.advance(GATHER_MS);
    expect(queries).toHaveLength(1);
  });
});
