import {describe, expect, test} from '@jest/globals';
import {maintenanceApiSpec} from '../api/v1alpha1/index.ts';
import {breachesOf, parseCheckpoint, ServiceLevels, type WindowCounts} from './index.ts';
import {random, SimulatedPod} from './testing.ts';

const T = Date.parse('2026-01-05T10:00:00Z');
const S = 1000;
const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;
const {slo} = maintenanceApiSpec.parse({image: 'example.com/api:1'});

/** A pod that is Ready since `readyAt` and known as such. */
function readyPod(levels: ServiceLevels, uid: string, revision: string, readyAt: number): SimulatedPod {
  levels.podReady(uid, revision, readyAt, readyAt - 10 * S);
  return new SimulatedPod(uid, revision, readyAt);
}

const counts = (window: WindowCounts | undefined) =>
  window && {valid: window.valid, bad: window.bad, total: window.total, slow: window.slow};

describe('counters of pods', () => {
  test('of a new pod begin at 0 at its first Ready', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    levels.record(pod.answers(30, {bad: 6}).sample(T + 5 * S));
    expect(levels.revisionWindows(T + 5 * S)).toEqual([
      {
        ...{revision: 'a', from: T, to: T + 5 * S, valid: 30, bad: 6, total: 30, slow: 0},
        pods: [{podUid: 'p', from: T, to: T + 5 * S, valid: 30, bad: 6, total: 30, slow: 0}],
      },
    ]);
  });

  test('of a pod whose Ready was not seen are only a base', () => {
    const levels = new ServiceLevels();
    const pod = new SimulatedPod('p', 'a', T);
    levels.record(pod.answers(1000, {bad: 900}).sample(T));
    expect(levels.serviceWindow(T)).toBeUndefined();
    levels.record(pod.answers(10, {bad: 1}).sample(T + 5 * S));
    expect(counts(levels.serviceWindow(T + 5 * S))).toEqual({valid: 10, bad: 1, total: 10, slow: 0});
  });

  test('of a pod that was Ready long after its creation are only a base: it was Ready before', () => {
    const levels = new ServiceLevels();
    levels.podReady('p', 'a', T, T - HOUR);
    levels.record(new SimulatedPod('p', 'a', T).answers(100, {bad: 50}).sample(T + 5 * S));
    expect(levels.serviceWindow(T + 5 * S)).toBeUndefined();
  });

  test('that fell have started again at 0', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    levels.record(pod.answers(100).sample(T + 5 * S));
    pod.restart();
    levels.record(pod.answers(7, {bad: 3}).sample(T + 10 * S));
    expect(counts(levels.serviceWindow(T + 10 * S))).toEqual({valid: 107, bad: 3, total: 107, slow: 0});
  });

  test('that fell, told by another, are an older reading: nothing is counted twice', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    const own = pod.answers(100).sample(T + 6 * S);
    const told = {...pod.answers(3).sample(T + 5 * S), toldBy: 'main'};
    levels.record(told);
    levels.record(own);
    levels.record(pod.answers(10).sample(T + 10 * S));
    // What came since the older reading: three are counted again, not a hundred.
    expect(counts(levels.serviceWindow(T + 10 * S))).toEqual({valid: 116, bad: 0, total: 116, slow: 0});
    pod.restart();
    levels.record(pod.answers(7, {bad: 3}).sample(T + 15 * S));
    expect(counts(levels.serviceWindow(T + 15 * S))).toEqual({valid: 123, bad: 3, total: 123, slow: 0});
  });

  test('that come late, twice or broken are ignored', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    const early = pod.answers(10).sample(T + 5 * S);
    const late = pod.answers(10).sample(T + 10 * S);
    levels.record(late);
    levels.record(early);
    levels.record(late);
    levels.record({...late, valid: 30, total: 30, fast: 30});
    levels.record({...late, time: T + 15 * S, bad: Number.NaN});
    expect(counts(levels.serviceWindow(T + 15 * S))).toEqual({valid: 20, bad: 0, total: 20, slow: 0});
  });

  test('of a pod that vanished stay counted', () => {
    const levels = new ServiceLevels();
    const gone = readyPod(levels, 'gone', 'a', T);
    const stays = readyPod(levels, 'stays', 'a', T);
    levels.record(gone.answers(10, {bad: 4}).sample(T + 5 * S));
    levels.record(stays.answers(10).sample(T + 5 * S));
    levels.record(stays.answers(10).sample(T + 60 * S));
    expect(counts(levels.serviceWindow(T + 60 * S))).toEqual({valid: 30, bad: 4, total: 30, slow: 0});
  });

  test('tell nothing of latency over a change of its threshold', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    levels.record(pod.answers(100).sample(T + 5 * S, 500));
    const sample = pod.answers(100).sample(T + 10 * S, 100);
    levels.record({...sample, fast: 20});
    expect(levels.serviceWindow(T + 10 * S)?.slow).toBe(0);
    levels.record({...pod.answers(10).sample(T + 15 * S, 100), fast: 25});
    expect(levels.serviceWindow(T + 15 * S)?.slow).toBe(5);
  });
});

describe('act windows', () => {
  test('hold each revision apart, and at most the last 60 s of it', () => {
    const levels = new ServiceLevels();
    const old = readyPod(levels, 'old', 'a', T - HOUR);
    const young = readyPod(levels, 'young', 'b', T);
    levels.record(old.sample(T - HOUR + S));
    for (let t = T + 5 * S; t <= T + 120 * S; t += 5 * S) {
      levels.record(old.answers(10).sample(t));
      levels.record(young.answers(10, {bad: t <= T + 60 * S ? 10 : 1}).sample(t));
    }
    const windows = levels.revisionWindows(T + 120 * S);
    expect(windows.map(({revision, from, valid, bad}) => ({revision, from, valid, bad}))).toEqual([
      {revision: 'a', from: T + 60 * S, valid: 120, bad: 0},
      {revision: 'b', from: T + 60 * S, valid: 120, bad: 12},
    ]);
  });

  test('of the service hold its last 5 minutes, and after an action only what came since', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    for (let t = T + 30 * S; t <= T + 10 * MINUTE; t += 30 * S) {
      levels.record(pod.answers(10, {bad: t <= T + 8 * MINUTE ? 2 : 0}).sample(t));
    }
    const now = T + 10 * MINUTE;
    expect(counts(levels.serviceWindow(now))).toEqual({valid: 100, bad: 12, total: 100, slow: 0});
    expect(counts(levels.serviceWindow(now, T + 8 * MINUTE))).toEqual({valid: 40, bad: 0, total: 40, slow: 0});
    // A reading that spans the begin would bring what came before it.
    expect(levels.serviceWindow(now, T + 8 * MINUTE + S)?.from).toBe(T + 8 * MINUTE + 30 * S);
  });

  test('are empty where nothing was read for long', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    levels.record(pod.answers(100, {bad: 50}).sample(T + 5 * S));
    levels.record(pod.answers(100, {bad: 50}).sample(T + HOUR));
    expect(levels.revisionWindows(T + HOUR)).toEqual([]);
    expect(levels.serviceWindow(T + HOUR)).toBeUndefined();
  });
});

describe('the overlap of old and new pods', () => {
  test('holds both over the same time, so that what hits both shows in both', () => {
    const levels = new ServiceLevels();
    const old = readyPod(levels, 'old', 'a', T - MINUTE);
    levels.record(old.answers(100).sample(T - MINUTE + S));
    for (let t = T - 55 * S; t <= T; t += 5 * S) levels.record(old.answers(100).sample(t));
    // From here on everything fails, and at the same moment the new pod becomes Ready.
    const young = readyPod(levels, 'young', 'b', T);
    for (let t = T + 5 * S; t <= T + 20 * S; t += 5 * S) {
      levels.record(old.answers(100, {bad: 100}).sample(t));
      levels.record(young.answers(100, {bad: 100}).sample(t + 300));
    }
    const overlap = levels.overlap(T + 21 * S, 'b');
    expect(counts(overlap?.young)).toEqual({valid: 400, bad: 400, total: 400, slow: 0});
    expect(counts(overlap?.old)).toEqual({valid: 400, bad: 400, total: 400, slow: 0});
  });

  test('ends with the old pods: what fails after they left is not held against the new ones', () => {
    const levels = new ServiceLevels();
    const old = readyPod(levels, 'old', 'a', T);
    const young = readyPod(levels, 'young', 'b', T);
    for (let t = T + 5 * S; t <= T + 50 * S; t += 5 * S) {
      const leaves = t > T + 25 * S;
      if (!leaves) levels.record(old.answers(100).sample(t));
      levels.record(young.answers(100, {bad: leaves ? 100 : 0}).sample(t));
    }
    const overlap = levels.overlap(T + 50 * S, 'b');
    expect(counts(overlap?.young)).toEqual({valid: 500, bad: 0, total: 500, slow: 0});
    expect(counts(overlap?.old)).toEqual({valid: 500, bad: 0, total: 500, slow: 0});
  });

  test('ends when the old pods get no more requests, though they are still read while they drain', () => {
    const levels = new ServiceLevels();
    const old = readyPod(levels, 'old', 'a', T);
    const young = readyPod(levels, 'young', 'b', T);
    for (let t = T + 5 * S; t <= T + 50 * S; t += 5 * S) {
      const drains = t > T + 25 * S;
      levels.record(old.answers(drains ? 0 : 100).sample(t));
      levels.record(young.answers(100, {bad: drains ? 100 : 0}).sample(t));
    }
    const overlap = levels.overlap(T + 50 * S, 'b');
    expect(counts(overlap?.young)).toEqual({valid: 500, bad: 0, total: 500, slow: 0});
    expect(counts(overlap?.old)).toEqual({valid: 500, bad: 0, total: 500, slow: 0});
  });

  test('is not there without old pods', () => {
    const levels = new ServiceLevels();
    levels.record(
      readyPod(levels, 'young', 'b', T)
        .answers(10)
        .sample(T + 5 * S),
    );
    expect(levels.overlap(T + 5 * S, 'b')).toBeUndefined();
  });
});

describe('a bake', () => {
  test.each([
    ['4 minutes', 4 * MINUTE, 1],
    ['40 minutes', 40 * MINUTE, 0.97],
    ['20 hours', 20 * HOUR, 0.99],
  ])("of %s knows its revision's own requests", (_, length, atLeast) => {
    const levels = new ServiceLevels();
    const young = readyPod(levels, 'young', 'b', T - MINUTE);
    const old = readyPod(levels, 'old', 'a', T - MINUTE);
    levels.record(young.answers(10).sample(T));
    let sent = 0;
    for (let t = T + 30 * S; t <= T + length; t += 30 * S) {
      levels.record(young.answers(10, {bad: 1}).sample(t));
      levels.record(old.answers(10).sample(t));
      sent += 10;
    }
    const {valid, bad} = levels.bakeRequests('b', T, T + length);
    expect(valid).toBeLessThanOrEqual(sent);
    expect(valid).toBeGreaterThanOrEqual(sent * atLeast);
    expect(Math.abs(bad - valid / 10)).toBeLessThan(3);
    expect(levels.bakeRequests('never', T, T + length).valid).toBe(0);
  });
});

describe('the load', () => {
  test('is that of the last minute, and of the ten minutes before a rollout as far as they were observed', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    for (let t = T + 30 * S; t <= T + 30 * MINUTE; t += 30 * S) {
      levels.record(pod.answers(t <= T + 20 * MINUTE ? 600 : 1500).sample(t));
    }
    const {current, beforeRollout} = levels.load(T + 30 * MINUTE, T + 20 * MINUTE);
    expect(current).toBeCloseTo(50, 6);
    expect(beforeRollout).toBeCloseTo(20, 6);
    expect(levels.load(T + 30 * MINUTE, T + 3 * MINUTE).beforeRollout).toBeCloseTo(20, 6);
  });

  test('before the rollout of a service that is young is that of its last seconds, as long as the rollout is asked about', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T + 3 * S);
    for (const seconds of [8, 13]) levels.record(pod.answers(50).sample(T + seconds * S));
    const rollout = T + 14 * S;
    expect(levels.load(rollout, rollout).beforeRollout).toBeCloseTo(10, 6);
    for (let t = T + 18 * S; t <= T + 20 * MINUTE; t += 5 * S) levels.record(pod.answers(500).sample(t));
    expect(levels.load(T + 20 * MINUTE, rollout).beforeRollout).toBeCloseTo(10, 6);
    expect(levels.load(T + 20 * MINUTE, T + 11 * MINUTE).beforeRollout).toBeCloseTo(100, 6);
    expect(levels.load(T + 20 * MINUTE, rollout).beforeRollout).toBeUndefined();
  });

  test('before a rollout is not known by less than five seconds', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    levels.record(pod.answers(40).sample(T + 4 * S));
    expect(levels.load(T + 5 * S, T + 5 * S).beforeRollout).toBeUndefined();
  });

  test('is not known where nothing was observed', () => {
    const levels = new ServiceLevels();
    expect(levels.load(T, T)).toEqual({});
    levels.record(
      readyPod(levels, 'p', 'a', T)
        .answers(10)
        .sample(T + 5 * S),
    );
    expect(levels.load(T + 5 * S, T)).toEqual({current: 2});
  });
});

describe('the memory', () => {
  test('has a bound: pods, revisions and windows of long ago are forgotten', () => {
    const levels = new ServiceLevels();
    for (let hour = 0; hour < 48; hour++) {
      for (let i = 0; i < 50; i++) {
        const at = T + hour * HOUR + i * MINUTE;
        const pod = readyPod(levels, `${hour}-${i}`, `r${hour}`, at);
        levels.record(pod.answers(1).sample(at + 5 * S));
      }
    }
    const end = T + 48 * HOUR;
    expect(levels.bakeRequests('r0', T, end).valid).toBe(0);
    expect(levels.bakeRequests('r47', T + 47 * HOUR, end).valid).toBe(50);
    // A forgotten pod that is read again is only a base, so that nothing is counted twice.
    levels.podReady('0-0', 'r0', T, T - 10 * S);
    levels.record(new SimulatedPod('0-0', 'r0', T).answers(1).sample(end));
    expect(levels.checkpoint(end).hours.reduce((sum, row) => sum + (row[1] ?? 0), 0)).toBe(48 * 50);
  });
});

describe('a bad revision', () => {
  /** Seconds from the new pod's first Ready until its act window is breached; one new pod of three. */
  function timeToTrip(seed: number, badShare: number): number {
    const chance = random(seed);
    const levels = new ServiceLevels();
    const pods = [0, 1].map((i) => readyPod(levels, `old${i}`, 'a', T - HOUR));
    for (const pod of pods) levels.record(pod.sample(T - HOUR + S));
    const offset = chance() * 5 * S;
    const young = readyPod(levels, 'young', 'b', T);
    const all = [...pods, young];
    let looked = T - 60 * S + offset;
    for (let t = T - 60 * S; t < T + 60 * S; t += 20) {
      const pod = all[Math.floor(chance() * (t < T ? 2 : 3))] ?? young;
      pod.answer({bad: pod === young ? chance() < badShare : chance() < 0.001});
      if (t < looked) continue;
      looked += 5 * S;
      for (const each of all) if (t >= each.readyAt) levels.record(each.sample(t));
      const window = levels.revisionWindows(t).find(({revision}) => revision === 'b');
      if (window !== undefined && breachesOf(window, slo).length > 0) return (t - T) / S;
    }
    return Number.POSITIVE_INFINITY;
  }

  test('that fails 20 % at 50 requests a second on one pod of three is seen within 14 s in 95 of 100 runs', () => {
    const times = Array.from({length: 200}, (_, seed) => timeToTrip(seed, 0.2)).sort((a, b) => a - b);
    expect(times[189]).toBeLessThanOrEqual(14);
  });

  test('that keeps its objective is not seen as one', () => {
    for (let seed = 0; seed < 100; seed++) expect(timeToTrip(seed, 0.001)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a checkpoint', () => {
  const afterRestart = (levels: ServiceLevels, at: number): ServiceLevels =>
    new ServiceLevels(parseCheckpoint(JSON.stringify(levels.checkpoint(at))));

  test('lets a successor count on without counting anything twice or losing it', () => {
    const levels = new ServiceLevels();
    const known = readyPod(levels, 'known', 'a', T);
    levels.record(known.answers(1000, {bad: 5}).sample(T + 5 * S));
    const next = afterRestart(levels, T + 10 * S);
    // Answered while nobody looked, one pod that is known and one that came meanwhile.
    next.podReady('known', 'a', T, T - 10 * S);
    const came = readyPod(next, 'came', 'a', T + MINUTE);
    next.record(known.answers(500, {bad: 2}).sample(T + 10 * MINUTE));
    next.record(came.answers(100, {bad: 1}).sample(T + 10 * MINUTE));
    const [hour] = next.checkpoint(T + 10 * MINUTE).hours;
    expect(hour?.slice(1, 5)).toEqual([1600, 8, 1600, 0]);
  });

  test('does not bring counts of before into act windows', () => {
    const levels = new ServiceLevels();
    const pod = readyPod(levels, 'p', 'a', T);
    levels.record(pod.answers(10).sample(T + 5 * S));
    const next = afterRestart(levels, T + 5 * S);
    next.record(pod.answers(1000, {bad: 900}).sample(T + HOUR));
    expect(next.serviceWindow(T + HOUR)).toBeUndefined();
    expect(next.revisionWindows(T + HOUR)).toEqual([]);
  });

  test('does not count a pod again that it had no room for', () => {
    const levels = new ServiceLevels();
    for (let i = 0; i < 301; i++) {
      const at = T + i * S;
      levels.record(
        readyPod(levels, `p${i}`, 'a', at)
          .answers(10)
          .sample(at + 500),
      );
    }
    const end = T + 500 * S;
    const next = afterRestart(levels, end);
    next.podReady('p0', 'a', T, T - 10 * S);
    next.record(new SimulatedPod('p0', 'a', T).answers(10).sample(end + S));
    expect(next.checkpoint(end + S).hours.map((row) => row[1])).toEqual([3010]);
  });

  test('of 30 busy days and many pods is at most 100 kB', () => {
    const levels = new ServiceLevels();
    const uid = (i: number): string => `5f0c2d34-9b1e-4a57-8c3d-${String(i).padStart(12, '0')}`;
    const pods = Array.from({length: 1000}, (_, i) => readyPod(levels, uid(i), '7c9f8d6b5d', T));
    const total = {valid: 0, bad: 0, total: 0, fast: 0};
    for (let hour = 1; hour <= 31 * 24; hour++) {
      total.valid += 180_000_000;
      total.bad += 180_000;
      total.total += 199_999_999;
      total.fast += 170_000_000;
      const at = T + hour * HOUR;
      levels.record({...new SimulatedPod(uid(0), '7c9f8d6b5d', T).sample(at), ...total});
    }
    for (const pod of pods.slice(1)) levels.record({...pod.sample(T + 31 * 24 * HOUR), ...total});
    expect(JSON.stringify(levels.checkpoint(T + 31 * 24 * HOUR)).length).toBeLessThanOrEqual(100_000);
  });

  test.each([
    ['no JSON', '{'],
    ['another version', '{"version":2}'],
    ['no object', 'null'],
    ['no times', '{"version":1,"time":"now","coveredUntil":0,"hours":[],"pods":[]}'],
    ['rows that are too short', '{"version":1,"time":1,"coveredUntil":0,"hours":[[1,2]],"pods":[]}'],
    ['pods without counters', '{"version":1,"time":1,"coveredUntil":0,"hours":[],"pods":[{"uid":"p"}]}'],
  ])('that is %s is refused', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(expect.objectContaining({name: 'InvalidCheckpointError'}));
  });
});
