import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import type {Decision} from './index.ts';
import {World, type Behaviour, type Crash} from './testing-world.ts';

const MINUTE = 60_000;
const LOOKS_A_MINUTE = 12;
/** So long after the start a is good. */
const SETTLED = 3 * MINUTE;
const spec = {release: {bakeSeconds: 30, minRequests: 200}};

const healthy: Behaviour = () => ({bad: 0.0005, slow: 0.02});
const failing: Behaviour = () => ({bad: 0.2});

type Slowed = ConstructorParameters<typeof World>[0];

/** A world in which a serves and is good. */
function settled(options: Omit<ConstructorParameters<typeof World>[0], 'spec'>): World {
  const world = new World({...options, spec}).looks((SETTLED / MINUTE) * LOOKS_A_MINUTE);
  expect(world.last).toMatchObject({serve: 'a', lastKnownGood: 'a', release: {kind: 'Settled'}});
  return world;
}

describe('a pod that hangs', () => {
  const points: readonly Crash[] = ['beforeRecord', 'afterRecord', 'afterFacts', 'afterEviction', 'afterApply'];

  test.each(points)('is evicted once, also when the operator dies %s, at any look', (point) => {
    for (let at = 0; at < 12; at++) {
      const world = settled({seed: at, behaviour: {a: healthy}});
      const victim = world.hang('a');
      world.looks(3 * LOOKS_A_MINUTE, (look) => ({crash: look === at ? point : 'no', stale: look === at + 1}));
      expect(world.evictions).toEqual([victim]);
      expect(world.ready('a')).toBe(3);
      expect(world.status.remediation?.recentActions).toMatchObject([{kind: 'Restart', outcome: 'Helped'}]);
      expect(world.templates).toEqual(['a']);
    }
  });

  test('after another waits for the cool-down', () => {
    const world = settled({seed: 1, behaviour: {a: healthy}});
    world.hang('a');
    world.looks(3 * LOOKS_A_MINUTE);
    const second = world.hang('a');
    world.looks(2 * LOOKS_A_MINUTE);
    expect(world.evictions).toHaveLength(1);
    expect(world.last).toMatchObject({verdict: 'Hung', heldBy: 'Cooldown'});
    world.looks(5 * LOOKS_A_MINUTE);
    expect(world.evictions[1]).toBe(second);
  });
});

describe('a backup that slows the service down', () => {
  const JOB = 'tasks-backup-1';
  /** From when it is settled, for ten minutes. */
  const from = World.START + SETTLED;
  const to = from + 10 * MINUTE;
  const backups: Slowed['backups'] = (now) =>
    now < from ? [] : [{job: JOB, startedAt: from, ...(now < to ? {} : {endedAt: to})}];
  /** For so long after it, too. */
  const slowFor =
    (length: number): Behaviour =>
    (time) => ({bad: 0, slow: time >= from && time < to + length ? 0.4 : 0.02});
  const verdicts = (world: World, minutes: number): Set<string> => {
    const seen = new Set<string>();
    for (let look = 0; look < minutes * LOOKS_A_MINUTE; look++) seen.add(world.looks(1).last?.verdict ?? '');
    return seen;
  };

  test.each([1, 2, 3])('is waited for, whoever looks, and nothing is done (seed %i)', (seed) => {
    const world = settled({seed, backups, behaviour: {a: slowFor(0)}});
    expect(verdicts(world, 4)).toEqual(new Set(['None', 'BackupInterference']));
    world.restart();
    expect(verdicts(world, 16)).toEqual(new Set(['None', 'BackupInterference']));
    expect(world.last).toMatchObject({verdict: 'None', release: {kind: 'Settled'}});
    expect([world.records, world.evictions, world.templates]).toEqual([[], [], ['a']]);
  });

  test('calls a person when the service stays slow after it', () => {
    const world = settled({seed: 4, backups, behaviour: {a: slowFor(30 * MINUTE)}});
    world.looks(9 * LOOKS_A_MINUTE);
    expect(world.last?.explanation.considered.at(-1)).toMatchObject({action: 'Hold'});
    world.looks(8 * LOOKS_A_MINUTE);
    expect(world.last?.verdict).toBe('BackupInterference');
    expect(world.last?.explanation.considered.at(-1)).toMatchObject({action: 'Escalate', taken: true});
    expect([world.records, world.evictions, world.templates]).toEqual([[], [], ['a']]);
  });

  test('keeps no bad release from being rolled back', () => {
    const world = settled({seed: 5, backups, behaviour: {a: healthy, b: failing}});
    world.release('b');
    world.looks(3 * LOOKS_A_MINUTE);
    expect(world.templates).toEqual(['a', 'b', 'a']);
  });
});

describe('memory', () => {
  const HOUR = 60 * MINUTE;
  /** To its limit in three hours. */
  const leaks: Behaviour = () => ({bad: 0, memory: (age) => 0.2 + (0.8 * age) / (3 * HOUR)});

  test('that leaks costs each pod one eviction before its limit, one at a time, and no rollback', () => {
    const world = settled({seed: 1, load: 3, behaviour: {a: leaks}});
    const first = world.podAges();
    const began: number[] = [];
    for (let look = 0; look < 3 * 60 * LOOKS_A_MINUTE; look++) {
      world.looks(1);
      if (world.evictions.length > began.length) began.push(world.now);
      expect(Math.max(...world.podAges().values())).toBeLessThan(3 * HOUR);
    }
    expect(new Set(world.evictions)).toEqual(new Set(first.keys()));
    expect(world.evictions).toHaveLength(3);
    expect(Math.min(...began.slice(1).map((at, i) => at - (began[i] ?? 0)))).toBeGreaterThan(5 * MINUTE);
    expect(world.status.remediation?.recentActions?.map(({outcome}) => outcome)).toEqual([
      'Helped',
      'Helped',
      'Helped',
    ]);
    expect(world.templates).toEqual(['a']);
  });

  test('that is high and stays so costs none, nor does a cache that fills', () => {
    const cache: Behaviour = () => ({bad: 0, memory: (age) => 0.97 - 0.5 * Math.exp(-age / (10 * MINUTE))});
    for (const behaviour of [cache, () => ({bad: 0, memory: () => 0.97})]) {
      const world = settled({seed: 2, load: 3, behaviour: {a: behaviour}});
      world.looks(2 * 60 * LOOKS_A_MINUTE);
      expect([world.evictions, world.last?.verdict]).toEqual([[], 'None']);
    }
  });
});

describe('a node that is lost', () => {
  test('costs no eviction and no rollback: Kubernetes replaces its pods, and a person is called', () => {
    for (let seed = 0; seed < 5; seed++) {
      const world = settled({seed, behaviour: {a: healthy}});
      world.loseNode('a');
      world.looks(4 * LOOKS_A_MINUTE);
      expect(world.last).toMatchObject({verdict: 'InfraFault', action: undefined});
      expect(world.last?.explanation.considered).toContainEqual(
        expect.objectContaining({action: 'Escalate', taken: true}),
      );
      world.looks(3 * LOOKS_A_MINUTE);
      expect(world.last?.verdict).toBe('None');
      expect(world.ready('a')).toBe(3);
      expect([world.evictions, world.records, world.templates]).toEqual([[], [], ['a']]);
    }
  });

  test('keeps no bad release from being rolled back', () => {
    const world = settled({seed: 1, behaviour: {a: healthy, b: failing}});
    world.loseNode('a');
    world.release('b');
    world.looks(5 * LOOKS_A_MINUTE);
    expect(world.templates).toEqual(['a', 'b', 'a']);
    expect(world.evictions).toEqual([]);
  });
});

describe('a bad release', () => {
  test('is rolled back within 20 s of its first Ready pod, and rejected when that helped', () => {
    const times: number[] = [];
    for (let seed = 0; seed < 10; seed++) {
      const world = settled({seed, behaviour: {a: healthy, b: failing}});
      world.release('b');
      let readyAt = 0;
      while (world.records.length === 0 && world.now < World.START + 30 * MINUTE) {
        world.looks(1);
        if (readyAt === 0 && world.ready('b') > 0) readyAt = world.now;
      }
      times.push((world.now - readyAt) / 1_000);
      world.looks(5 * LOOKS_A_MINUTE);
      expect(world.templates).toEqual(['a', 'b', 'a']);
      expect(world.facts('b')).toMatchObject({suspendedAt: expect.any(Number), rejectedAt: expect.any(Number)});
      expect(world.facts('b')?.goodAt).toBeUndefined();
      expect(world.last).toMatchObject({serve: 'a', verdict: 'None', release: {kind: 'Rejected'}});
      expect(world.status.remediation?.recentActions).toMatchObject([{state: 'Ended', outcome: 'Helped'}]);
    }
    expect(Math.max(...times)).toBeLessThanOrEqual(20);
  });

  test('that crashes is rolled back too, and needs no response for it', () => {
    const world = settled({seed: 1, load: 5, behaviour: {a: healthy, b: () => ({bad: 0, crash: true})}});
    world.release('b');
    world.looks(4 * LOOKS_A_MINUTE);
    expect(world.templates).toEqual(['a', 'b', 'a']);
    expect(world.last).toMatchObject({release: {kind: 'Rejected'}});
  });

  test('that begins to fail in its bake, with no old pod left, is rolled back', () => {
    const world = settled({
      seed: 2,
      behaviour: {a: healthy, b: (now) => ({bad: now > World.START + SETTLED + 1.5 * MINUTE ? 0.3 : 0})},
    });
    world.release('b');
    world.looks(8 * LOOKS_A_MINUTE);
    expect(world.templates).toEqual(['a', 'b', 'a']);
  });

  test('is rolled back again after a retry, by an action of its own', () => {
    const world = settled({seed: 3, behaviour: {a: healthy, b: failing}});
    world.release('b');
    world.looks(10 * LOOKS_A_MINUTE);
    world.retry = 'b';
    world.looks(10 * LOOKS_A_MINUTE);
    expect(world.templates).toEqual(['a', 'b', 'a', 'b', 'a']);
    expect(world.records).toHaveLength(2);
  });

  test('that is replaced while it is rolled back leaves the place to the new one', () => {
    const world = settled({seed: 4, behaviour: {a: healthy, b: failing, c: healthy}});
    world.release('b');
    for (let look = 0; world.records.length === 0 && look < 60; look++) world.looks(1);
    world.looks(2).release('c');
    world.looks(8 * LOOKS_A_MINUTE);
    expect(world.status.remediation?.recentActions).toMatchObject([{outcome: 'Interrupted'}]);
    expect(world.last).toMatchObject({serve: 'c', lastKnownGood: 'c'});
  });

  test('does not help when the last known good fails as well meanwhile: a person decides', () => {
    const world = settled({
      seed: 5,
      behaviour: {a: (now) => ({bad: now > World.START + SETTLED + 1.5 * MINUTE ? 0.3 : 0}), b: failing},
    });
    world.release('b');
    world.looks(6 * LOOKS_A_MINUTE);
    expect(world.records).toHaveLength(1);
    expect(world.last).toMatchObject({serve: 'a', release: {kind: 'Escalated'}});
    expect(world.status.remediation?.recentActions).toMatchObject([{outcome: 'NotHelped'}]);
    expect(world.facts('b')?.rejectedAt).toBeUndefined();
  });
});

describe('exactly one record and one change back, whatever happens to the operator (invariants 6 and 7)', () => {
  const crash = fc.constantFrom<Crash>('no', 'no', 'beforeRecord', 'afterRecord', 'afterFacts', 'afterApply');
  /** Dead before the record, and then for as long as old pods are left. */
  const LOST: [number, Crash, {crash: Crash; stale: boolean}[]] = [
    29,
    'beforeRecord',
    Array.from({length: 30}, () => ({crash: 'beforeRecord', stale: false})),
  ];
  const fates = fc.array(fc.record({crash, stale: fc.boolean()}), {minLength: 20, maxLength: 60});

  test('it dies at any point of a rollback, at any look, and reads a status older than its last write', () => {
    const ends = {recorded: 0, lost: 0};
    fc.assert(
      fc.property(fc.nat(), crash, fates, (seed, first, rest) => {
        const world = settled({seed, load: 30, behaviour: {a: healthy, b: failing}});
        world.release('b');
        const atRecord = (decision: Decision): Crash => (decision.action === undefined ? 'no' : first);
        for (let look = 0; look < 60 && world.last?.action === undefined; look++)
          world.looks(1, () => ({crash: atRecord}));
        world.looks(rest.length, (look) => rest[look] ?? {});
        world.looks(6 * LOOKS_A_MINUTE);
        // Nothing was recorded yet, and who dies again and again after that has nothing left to compare with.
        if (first === 'beforeRecord' && world.records.length === 0) {
          ends.lost++;
          expect(world.templates).toEqual(['a', 'b']);
          expect(world.last?.release.kind).toBe('Escalated');
          return;
        }
        ends.recorded++;
        expect(world.records).toHaveLength(1);
        expect(world.templates).toEqual(['a', 'b', 'a']);
        expect(world.status.remediation?.recentActions).toMatchObject([{outcome: 'Helped'}]);
        expect(world.facts('b')?.rejectedAt).toBeDefined();
        expect(world.last?.serve).toBe('a');
      }),
      {numRuns: 25, endOnFailure: true, examples: [LOST]},
    );
    expect(ends.recorded).toBeGreaterThan(ends.lost);
    expect(ends.lost).toBeGreaterThan(0);
  });

  test('it dies from the release on: never a second one, and where its memory was lost too soon a person is called', () => {
    const ends = {rolledBack: 0, escalated: 0};
    fc.assert(
      fc.property(fc.nat(), fates, (seed, all) => {
        const world = settled({seed, load: 30, behaviour: {a: healthy, b: failing}});
        world.release('b');
        world.looks(all.length, (look) => all[look] ?? {});
        world.looks(6 * LOOKS_A_MINUTE);
        expect(world.records.length).toBeLessThanOrEqual(1);
        const rolledBack = world.records.length === 1;
        ends[rolledBack ? 'rolledBack' : 'escalated']++;
        expect(world.templates).toEqual(rolledBack ? ['a', 'b', 'a'] : ['a', 'b']);
        expect(world.last?.release.kind).toBe(rolledBack ? 'Rejected' : 'Escalated');
        expect(world.facts('b')?.goodAt).toBeUndefined();
      }),
      {numRuns: 25, endOnFailure: true},
    );
    expect(ends.rolledBack).toBeGreaterThan(0);
  });
});

describe('nothing is done', () => {
  test('to a healthy service in thousands of looks, with releases that are good', () => {
    for (let seed = 0; seed < 3; seed++) {
      const behaviour = Object.fromEntries(['a', 'b', 'c', 'd'].map((hash) => [hash, healthy]));
      const world = settled({seed, behaviour});
      for (const hash of ['b', 'c', 'd']) {
        world.release(hash);
        world.looks(500, () => {
          expect(world.last?.breached).toBe(false);
          return {};
        });
        expect(world.last).toMatchObject({lastKnownGood: hash, release: {kind: 'Settled'}});
      }
      expect(world.records).toEqual([]);
    }
  });

  test('to the status of a service under steady traffic, nor to what conditions are made from (invariant 3)', () => {
    const world = settled({seed: 1, behaviour: {a: healthy, b: healthy}});
    const kinds = (looks: number): number => {
      const seen = new Set<string>();
      world.looks(looks, () => {
        seen.add(JSON.stringify([world.status, world.last?.release]));
        return {};
      });
      return seen.size;
    };
    expect(kinds(5 * LOOKS_A_MINUTE)).toBe(1);
    world.release('b');
    // What stood, each pod that becomes Ready, the complete rollout, and the revision that is good.
    expect(kinds(5 * LOOKS_A_MINUTE)).toBeLessThanOrEqual(9);
    expect(world.last?.lastKnownGood).toBe('b');
  });

  test('to a service with little traffic', () => {
    const world = new World({seed: 1, load: 1, spec, behaviour: {a: () => ({bad: 0.001}), b: () => ({bad: 0.001})}});
    world.looks(700).release('b');
    world.looks(700);
    expect(world.records).toEqual([]);
    expect(world.last?.lastKnownGood).toBe('b');
  });

  test.each([
    ['while it rolls out', 20],
    ['in the moment in which its first pod becomes Ready', 10],
    ['in its bake, when no old pod is left', 85],
  ])('to a release when the database is down %s, also after that; its bake begins anew', (_, seconds) => {
    for (let seed = 0; seed < 10; seed++) {
      const from = World.START + SETTLED + seconds * 1_000;
      const outage = {from, to: from + 25_000};
      const world = settled({seed, outage, behaviour: {a: healthy, b: healthy}});
      world.release('b');
      world.looks(6 * LOOKS_A_MINUTE);
      expect(world.records).toEqual([]);
      expect(world.last).toMatchObject({serve: 'b', lastKnownGood: 'b', release: {kind: 'Settled'}});
      expect(world.facts('b')?.breachedAt).toBeUndefined();
    }
  });

  test('to a release when old and new pods fail alike, whenever that begins', () => {
    for (let seed = 0; seed < 10; seed++) {
      const shared: Behaviour = (now) => ({bad: now > World.START + SETTLED + (8 + seed) * 1_000 ? 0.5 : 0});
      const world = settled({seed, behaviour: {a: shared, b: shared}});
      world.release('b');
      world.looks(9);
      expect(world.ready('a')).toBeGreaterThan(0);
      expect(world.last).toMatchObject({verdict: 'SharedDependency', breached: true});
      // Nor once no old pod is left to compare with.
      world.looks(3 * LOOKS_A_MINUTE);
      expect(world.ready('a')).toBe(0);
      expect(world.last).toMatchObject({verdict: 'SharedDependency', breached: true});
      expect(world.records).toEqual([]);
    }
  });
});
