import {describe, expect, test} from '@jest/globals';
import {decide, sharedBreach} from './index.ts';
import {anObservation, MINUTE, NOW, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

/** A release that does worse than the old pods beside it. */
const release = (): ObservationBuilder =>
  anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 1});
const referring = (
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  observation = release(),
): ObservationBuilder => observation.knowing('a', {references: before}).knowing('b', {references: after});
const changed = (observation = release()): ObservationBuilder =>
  referring({'Secret/mail': '1', 'ConfigMap/limits': '1'}, {'Secret/mail': '2', 'ConfigMap/limits': '1'}, observation);
const lasting = (): ObservationBuilder => changed().explained('ConfigChange', NOW - 30 * SECOND);
const actionsOf = (observation: ObservationBuilder): unknown =>
  decide(observation.build()).explanation.considered.map(({action, taken}) => [action, taken]);

describe('a release that is worse since a Secret or ConfigMap changed', () => {
  test('names the object and the time, and is not rolled back: the target would read the same content', () => {
    const decision = decide(changed().build());
    expect(decision).toMatchObject({verdict: 'ConfigChange', action: undefined, serve: 'b'});
    expect(decision.explanation.message).toContain(
      `The content of Secret "mail" changed, which was seen at ${iso(NOW - 5 * SECOND)}. Revision b does worse`,
    );
    expect(decision.explanation.signals[0]).toMatchObject({name: 'changed content', value: 'Secret "mail"'});
    expect(decision.explanation.message).not.toContain('limits');
  });

  test('is left to a person once it lasts, who is told of what', () => {
    expect(actionsOf(changed())).toEqual([
      ['Rollback', false],
      ['Hold', true],
    ]);
    const decision = decide(lasting().build());
    expect(decision).toMatchObject({release: {kind: 'Escalated'}, action: undefined});
    expect(decision.explanation.considered[1]).toMatchObject({
      ...{action: 'Escalate', taken: true, reason: expect.stringContaining('content of Secret "mail"')},
    });
  });

  test('never becomes good by itself', () => {
    expect(decide(changed().build()).revisionPatches).toEqual([
      {hash: 'b', annotations: {'maintenance-api.io/breached': iso(NOW)}},
    ]);
  });

  test('waits for the database, which may be the cause', () => {
    const unasked = lasting().withDatabase({askedAt: NOW - MINUTE});
    expect(actionsOf(unasked)).toEqual([
      ['Rollback', false],
      ['Hold', true],
    ]);
    expect(decide(unasked.build()).asksDatabase).toBe(true);
    expect(actionsOf(lasting().withDatabase({askedAt: NOW}))).toContainEqual(['Escalate', true]);
  });

  test('is also one that crashes, or whose image changed as well', () => {
    expect(decide(changed(anObservation().rollingOut('b').crashing('b')).build()).verdict).toBe('ConfigChange');
    const both = changed().knowing('b', {image: 'example.com/api:another'});
    expect(decide(both.build())).toMatchObject({verdict: 'ConfigChange', action: undefined});
  });

  test('is nobody else’s breach', () => {
    expect(sharedBreach(decide(changed().build()))).toBe(false);
  });
});

describe('another cause is', () => {
  test.each<[string, ObservationBuilder]>([
    ['one whose references are what they were', referring({'Secret/mail': '1'}, {'Secret/mail': '1'})],
    ['one that refers to something new', referring({}, {'Secret/mail': '1'})],
    ['one that no longer refers to something', referring({'Secret/mail': '1'}, {})],
    ['one of which no reference is known', release()],
  ])('a release itself: %s is rolled back', (_, observation) => {
    expect(decide(observation.build())).toMatchObject({verdict: 'BadRevision', serve: 'a'});
  });

  test('what old and new pods fail in alike, or the load, whatever changed', () => {
    const alike = anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 98});
    expect(decide(changed(alike).build()).verdict).toBe('SharedDependency');
    const loaded = anObservation().baking('b').answering('b', {valid: 750, bad: 150});
    expect(decide(changed(loaded.with({load: {current: 80, beforeRollout: 50}})).build()).verdict).toBe('Unknown');
  });

  test('none without a breach: a change of content is a release like any other', () => {
    expect(decide(changed(anObservation().rollingOut('b')).build())).toMatchObject({verdict: 'None', serve: 'b'});
  });
});
