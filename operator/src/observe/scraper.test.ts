import {describe, expect, test} from '@jest/globals';
import {FakeClock, settle} from '../runtime/testing/fake-clock.ts';
import {Scraper, type ScrapeTarget} from './scraper.ts';

const KEY = 'apis/shop';
const CLOSELY = {thresholdMilliseconds: 500, intervalMs: 5_000};
const CALMLY = {thresholdMilliseconds: 500, intervalMs: 30_000};

const aTarget = (pod: string): ScrapeTarget => ({
  namespace: 'apis',
  pod,
  uid: `uid-${pod}`,
  revision: 'abc',
  ip: '10.0.0.1',
});
const page = (count: number): string => `http_requests_total{status="200"} ${String(count)}\n`;

/** Pods that answer as told: a page, a failure, or nothing until they are let go. */
function aFleet() {
  const clock = new FakeClock();
  const rounds: string[] = [];
  const reads: string[] = [];
  const answers = new Map<string, () => Promise<string>>();
  const releases = new Map<string, () => void>();
  let underWay = 0;
  let most = 0;
  const scraper = new Scraper({
    clock,
    onRound: (key) => rounds.push(key),
    fetch: async ({pod}) => {
      reads.push(pod);
      most = Math.max(most, ++underWay);
      try {
        return await (answers.get(pod)?.() ?? Promise.resolve(page(1)));
      } finally {
        underWay--;
      }
    },
  });
  return {
    ...{clock, rounds, reads, scraper, answers},
    most: () => most,
    fails: (pod: string) => answers.set(pod, () => Promise.reject(new Error('refused'))),
    hangs: (pod: string) =>
      answers.set(pod, () => new Promise((_resolve, reject) => releases.set(pod, () => reject(new Error('given up'))))),
    letGo: async (pod: string) => {
      releases.get(pod)?.();
      await settle();
    },
  };
}

describe('a round', () => {
  test('reads every pod and hands over the key', async () => {
    const {scraper, clock, reads, rounds} = aFleet();
    scraper.watch(KEY, [aTarget('a'), aTarget('b')], CLOSELY);
    await clock.advance(0);
    expect(reads).toEqual(['a', 'b']);
    expect(rounds).toEqual([KEY]);
    const read = {revision: 'abc', readAt: clock.now(), failures: 0, reading: expect.objectContaining({valid: 1})};
    expect(scraper.results(KEY)).toEqual([
      {uid: 'uid-a', ...read},
      {uid: 'uid-b', ...read},
    ]);
  });

  test('comes again after the interval of its resource, however that of others is', async () => {
    const {scraper, clock, rounds} = aFleet();
    scraper.watch('calm', [aTarget('a')], CALMLY);
    scraper.watch('close', [aTarget('b')], CLOSELY);
    await clock.advance(60_000);
    const of = (key: string): number => rounds.filter((round) => round === key).length;
    expect([of('calm'), of('close')]).toEqual([3, 13]);
  });

  test('is not delayed by a pod of another resource that hangs', async () => {
    const {scraper, clock, rounds, hangs} = aFleet();
    hangs('hung');
    scraper.watch('bad', [aTarget('hung')], CLOSELY);
    scraper.watch('good', [aTarget('b')], CLOSELY);
    await clock.advance(10_000);
    expect(rounds).toEqual(['good', 'good', 'good']);
  });

  test('of one resource leaves room for those of others, however many of its pods hang', async () => {
    const {scraper, clock, rounds, hangs, most} = aFleet();
    const pods = Array.from({length: 500}, (_, i) => `hung-${String(i)}`);
    for (const pod of pods) hangs(pod);
    scraper.watch('bad', pods.map(aTarget), CLOSELY);
    await clock.advance(0);
    scraper.watch('good', [aTarget('b')], CLOSELY);
    await clock.advance(0);
    expect(rounds).toEqual(['good']);
    expect(most()).toBeLessThan(64);
  });

  test('never has more than 64 readings under way over all resources', async () => {
    const {scraper, clock, rounds, hangs, most, letGo, reads} = aFleet();
    const pods = Array.from({length: 100}, (_, i) => `hung-${String(i)}`);
    for (const pod of pods) hangs(pod);
    for (const pod of pods) scraper.watch(`of ${pod}`, [aTarget(pod)], CALMLY);
    await clock.advance(0);
    expect([most(), reads.length, rounds.length]).toEqual([64, 64, 0]);
    for (const pod of pods) await letGo(pod);
    expect([most(), reads.length, rounds.length]).toEqual([64, 100, 100]);
  });
});

describe('a pod that can not be read', () => {
  test('is counted, and what was read of it stays', async () => {
    const {scraper, clock, fails, answers} = aFleet();
    scraper.watch(KEY, [aTarget('a')], CLOSELY);
    await clock.advance(0);
    const readAt = clock.now();
    fails('a');
    await clock.advance(10_000);
    expect(scraper.results(KEY)).toEqual([
      {uid: 'uid-a', revision: 'abc', readAt, failures: 2, reading: expect.objectContaining({valid: 1})},
    ]);
    answers.set('a', () => Promise.resolve(page(7)));
    await clock.advance(5_000);
    expect(scraper.results(KEY)).toMatchObject([{readAt: clock.now(), failures: 0, reading: {valid: 7}}]);
  });

  test('because it answers something else than metrics is counted as well', async () => {
    const {scraper, clock, answers} = aFleet();
    answers.set('a', () => Promise.resolve('<html>'));
    scraper.watch(KEY, [aTarget('a')], CLOSELY);
    await clock.advance(5_000);
    expect(scraper.results(KEY)).toMatchObject([{readAt: undefined, reading: undefined, failures: 2}]);
  });
});

describe('a change of what is watched', () => {
  test('reads a new pod at once, and forgets one that is gone', async () => {
    const {scraper, clock, reads} = aFleet();
    scraper.watch(KEY, [aTarget('a')], CALMLY);
    await clock.advance(1_000);
    scraper.watch(KEY, [aTarget('b')], CALMLY);
    await clock.advance(0);
    expect(reads).toEqual(['a', 'b']);
    expect(scraper.results(KEY).map(({uid}) => uid)).toEqual(['uid-b']);
  });

  test('to a shorter interval counts from now on, not only after the long one', async () => {
    const {scraper, clock, reads} = aFleet();
    scraper.watch(KEY, [aTarget('a')], CALMLY);
    await clock.advance(10_000);
    scraper.watch(KEY, [aTarget('a')], CLOSELY);
    await clock.advance(5_000);
    expect(reads).toHaveLength(2);
    await clock.advance(5_000);
    expect(reads).toHaveLength(3);
  });

  test('repeated at every look does not put the next round off', async () => {
    const {scraper, clock, reads} = aFleet();
    for (let second = 0; second < 60; second++) {
      scraper.watch(KEY, [aTarget('a')], CLOSELY);
      await clock.advance(1_000);
    }
    expect(reads).toHaveLength(13);
  });

  test('takes the new threshold for the next reading', async () => {
    const {scraper, clock, answers} = aFleet();
    const bucket = 'http_request_duration_seconds_bucket{status="200",le=';
    answers.set('a', () => Promise.resolve(`${page(9)}${bucket}"0.5"} 5\n${bucket}"0.25"} 2\n`));
    scraper.watch(KEY, [aTarget('a')], CLOSELY);
    await clock.advance(0);
    expect(scraper.results(KEY)[0]?.reading?.fast).toBe(5);
    scraper.watch(KEY, [aTarget('a')], {...CLOSELY, thresholdMilliseconds: 250});
    await clock.advance(5_000);
    expect(scraper.results(KEY)[0]?.reading?.fast).toBe(2);
  });
});

describe('forgetting', () => {
  test('ends reading and leaves neither timer nor result, also in the middle of a round', async () => {
    const {scraper, clock, rounds, hangs, letGo} = aFleet();
    hangs('a');
    scraper.watch(KEY, [aTarget('a')], CLOSELY);
    scraper.watch('other', [aTarget('b')], CLOSELY);
    await clock.advance(0);
    scraper.forget(KEY);
    await letGo('a');
    expect(scraper.results(KEY)).toEqual([]);
    expect([clock.pending, rounds]).toEqual([1, ['other']]);
    scraper.stop();
    expect(clock.pending).toBe(0);
  });
});
