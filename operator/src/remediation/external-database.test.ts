import {describe, expect, test} from '@jest/globals';
import {decide} from './index.ts';
import {anObservation, HOUR, NOW, SECOND, type ObservationBuilder} from './testing.ts';

/** A young release without old pods fails, and its pods say since when they can't use their database, if they can't. */
const failing = (): ObservationBuilder =>
  anObservation()
    .baking('b')
    .answeringByPod('b', [
      {valid: 600, bad: 300},
      {valid: 600, bad: 300},
    ]);

describe('a database that is told of by its pods', () => {
  test('that all of them miss is the cause, and nobody is rolled back', () => {
    const {verdict, action, explanation} = decide(
      failing()
        .withDatabase({toldByPods: true, reachable: false, unreachableSince: NOW - 5 * SECOND, askedAt: NOW})
        .withDatabase({reason: 'its pods say: credentials'})
        .build(),
    );
    expect([verdict, action]).toEqual(['DatabaseDown', undefined]);
    expect(explanation.message).toContain('its pods say: credentials');
    expect(explanation.signals).toMatchObject([{name: 'database', source: 'the word of its pods'}]);
  });

  test('is heard again before a release is blamed: pods notice later than their clients', () => {
    const asked = (): ObservationBuilder => failing().withDatabase({toldByPods: true, reachable: true, askedAt: NOW});
    const first = decide(asked().build());
    expect(first).toMatchObject({verdict: 'BadRevision', action: undefined, heldBy: 'Witnesses'});
    const since = (ms: number) =>
      decide(
        asked()
          .explained('BadRevision', NOW - ms)
          .build(),
      ).action;
    expect(since(4 * SECOND)).toBeUndefined();
    expect(since(5 * SECOND)).toMatchObject({kind: 'Rollback', toRevision: 'a'});
    // What was explained before belongs to another time.
    expect(
      decide(
        asked()
          .explained('None', NOW - HOUR)
          .build(),
      ).action,
    ).toBeUndefined();
  });
});

describe('a rollback', () => {
  test.each([
    ['to another', {database: 'new.example.com:3306'}, {database: 'old.example.com:3306'}, 'OtherDatabase'],
    ['that is the same', {database: 'db.example.com:3306'}, {database: 'db.example.com:3306'}, undefined],
    ['of our own', {}, {}, undefined],
  ])('goes to no revision with another database: %s', (_, young, old, guard) => {
    const release = failing().knowing('b', young).knowing('a', old);
    const {action, heldBy} = decide(release.build());
    expect(heldBy).toBe(guard);
    expect(action?.kind).toBe(guard === undefined ? 'Rollback' : undefined);
  });
});
