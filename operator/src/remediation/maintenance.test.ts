import {describe, expect, test} from '@jest/globals';
import {decide} from './index.ts';
import {World, type Behaviour} from './testing-world.ts';
import {anObservation, MINUTE, NOW, pods, SECOND} from './testing.ts';
import {iso} from './text.ts';

const LOOKS_A_MINUTE = 12;
const healthy: Behaviour = () => ({bad: 0.0005});
/** As an image answers that counts what it refuses as its own failure. */
const refusing: Behaviour = () => ({bad: 0.4});

function settled(behaviour: Readonly<Record<string, Behaviour>>): World {
  const world = new World({seed: 7, spec: {release: {bakeSeconds: 30, minRequests: 200}}, behaviour});
  world.looks(3 * LOOKS_A_MINUTE);
  expect(world.last).toMatchObject({serve: 'a', lastKnownGood: 'a', release: {kind: 'Settled'}});
  return world;
}

describe('ten minutes of read-only mode', () => {
  test('lead to no action, also by an image that counts each refused write as a failure, nor do the minutes after', () => {
    let on = false;
    const world = settled({a: (time) => (on ? refusing(time) : healthy(time)), b: healthy});
    // A release that is young would be rolled back by this at once.
    world.release('b');
    world.looks(LOOKS_A_MINUTE / 2);
    [on] = [true];
    world.readOnly(true);
    for (let look = 0; look < 10 * LOOKS_A_MINUTE; look++) {
      world.looks(1);
      expect(world.last?.action).toBeUndefined();
    }
    [on] = [false];
    world.readOnly(false);
    world.looks(10 * LOOKS_A_MINUTE);
    expect([world.records, world.evictions, world.templates]).toEqual([[], [], ['a', 'b']]);
    expect(world.last).toMatchObject({verdict: 'None', lastKnownGood: 'b'});
    expect(world.facts('b')?.breachedAt).toBeUndefined();
  });

  test('keep a release that fails from being rolled back as long as nobody can tell; then it is', () => {
    const world = settled({a: healthy, b: refusing});
    world.readOnly(true);
    world.release('b');
    world.looks(10 * LOOKS_A_MINUTE);
    expect(world.templates).toEqual(['a', 'b']);
    expect(world.last).toMatchObject({verdict: 'BadRevision', heldBy: 'ReadOnly', action: undefined});
    expect(world.last?.explanation.considered).toContainEqual(
      expect.objectContaining({action: 'Hold', taken: true, reason: 'until read-only mode is off'}),
    );
    world.readOnly(false);
    world.looks(4 * LOOKS_A_MINUTE);
    expect(world.templates).toEqual(['a', 'b']);
    // It is told when it will act, not any more that nothing is done as long as the mode is on.
    expect(world.last?.explanation.actAt).toBeDefined();
    expect(world.last?.explanation.considered).toContainEqual(
      expect.objectContaining({action: 'Rollback', guard: 'ReadOnly', reason: expect.stringContaining('ended at')}),
    );
    world.looks(4 * LOOKS_A_MINUTE);
    expect(world.templates).toEqual(['a', 'b', 'a']);
  });
});

describe('read-only mode', () => {
  const inStatus = (readOnly: boolean, ago: number) => {
    const o = anObservation().build();
    return {...o, status: {...o.status, maintenance: {readOnly, since: iso(NOW - ago)}}};
  };

  test('is not spoken of where it never was on', () => {
    expect(decide(anObservation().build()).maintenance).toBeUndefined();
  });

  test('is on from the spec to the last pod that takes writes again', () => {
    expect(
      decide(
        anObservation()
          .asking({maintenance: {readOnly: true}})
          .build(),
      ).maintenance,
    ).toEqual({
      readOnly: true,
      since: iso(NOW),
    });
    const lags = {...inStatus(true, MINUTE), pods: pods('a', 3).map((pod, i) => ({...pod, readOnly: i === 0}))};
    expect(decide(lags).maintenance).toEqual({readOnly: true, since: iso(NOW - MINUTE)});
    expect(decide(inStatus(true, MINUTE)).maintenance).toEqual({readOnly: false, since: iso(NOW)});
    expect(decide(inStatus(false, 30 * SECOND)).maintenance).toEqual({readOnly: false, since: iso(NOW - 30 * SECOND)});
  });
});
