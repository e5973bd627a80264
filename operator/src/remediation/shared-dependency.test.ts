import {describe, expect, test} from '@jest/globals';
import {decide} from './index.ts';
import {anObservation, HOUR, MINUTE, NOW, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

/** No pod of a good revision is Ready. */
const down = (): ObservationBuilder => anObservation().hanging('a', MINUTE, 3);
const alike = (): ObservationBuilder =>
  anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 98});

const verdictOf = (observation: ObservationBuilder): string => decide(observation.build()).verdict;
const ruledOut = (observation: ObservationBuilder): string | undefined =>
  decide(observation.build()).explanation.ruledOut.find(({verdict}) => verdict === 'SharedDependency')?.reason;

describe('what every pod says that it lacks', () => {
  test('is named; nothing is done, and a person is called when it lasts', () => {
    const decision = decide(down().lacking('database: dns').build());
    expect(decision).toMatchObject({verdict: 'SharedDependency', action: undefined, serve: 'a'});
    expect(decision.explanation.message).toContain('All 3 pods that run say that the same fails: database: dns.');
    const refused = [
      ['Rollback', false],
      ['Restart', false],
      ['ScaleUp', false],
    ];
    const considered = (observation: ObservationBuilder): unknown =>
      decide(observation.build()).explanation.considered.map(({action, taken}) => [action, taken]);
    expect(considered(down().lacking('database: dns'))).toEqual([...refused, ['Hold', true]]);
    const lasting = down()
      .lacking('database: dns')
      .explained('SharedDependency', NOW - 30 * SECOND);
    expect(considered(lasting)).toEqual([...refused, ['Escalate', true]]);
  });

  test('is the cause as well while old and new pods are there, and not the release', () => {
    const release = anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 1});
    expect(verdictOf(release)).toBe('BadRevision');
    expect(verdictOf(release.lacking('database: certificate'))).toBe('SharedDependency');
  });

  test('is no cause without a breach', () => {
    expect(verdictOf(anObservation().lacking('database: dns'))).toBe('None');
  });

  test('is not shared when one pod does not say it', () => {
    const observation = down().with({
      pods: down()
        .build()
        .pods.map((pod) => (pod.uid === 'a-2' ? pod : {...pod, failing: 'database: dns'})),
    });
    expect(ruledOut(observation)).toContain('name no dependency that all of them lack');
    expect(verdictOf(observation)).toBe('Unknown');
  });

  test('may be the doing of a young revision that is alone', () => {
    const baking = anObservation().baking('b').answering('b', {valid: 750, bad: 150}).lacking('database: dns');
    expect(ruledOut(baking)).toContain('all are of the revision that is rolled out or bakes');
    expect(verdictOf(baking)).toBe('BadRevision');
  });

  test('tells no more than that the database does not answer where it is the connection', () => {
    expect(ruledOut(down().lacking('database: connection'))).toContain('of which the probe of the database tells more');
  });

  describe('once the database answers again', () => {
    const since = (ms: number, observation: ObservationBuilder): string =>
      verdictOf(observation.withDatabase({lastOutage: {from: NOW - ms - MINUTE, to: NOW - ms}}));
    const window = {from: NOW - 5 * MINUTE, to: NOW, valid: 900, bad: 100, total: 900, slow: 100};
    const lacks = (what: string): ObservationBuilder => down().lacking(what).with({serviceWindow: window});

    test('is what keeps the service down, and not the outage that is over', () => {
      expect(since(5 * SECOND, lacks('database: dns'))).toBe('DatabaseDown');
      expect(since(20 * SECOND, lacks('database: dns'))).toBe('SharedDependency');
      expect(since(20 * SECOND, lacks('database: connection'))).toBe('DatabaseDown');
    });

    test('lets no young revision be judged by what was measured in the outage', () => {
      const baking = anObservation().baking('b').answering('b', {valid: 750, bad: 150}).lacking('database: dns');
      expect(since(20 * SECOND, baking)).toBe('DatabaseDown');
    });
  });

  test('lets the bake begin anew that it hit, and does not hold the revision back for good', () => {
    const hit = anObservation()
      .baking('b', HOUR)
      .explained('SharedDependency', NOW - MINUTE);
    expect(decide(hit.build()).rolledOutAt).toBe(NOW);
    expect(decide(alike().build()).revisionPatches).toEqual([]);
  });
});

describe('old and new pods that fail alike', () => {
  test('have the cause in common: both are shown, and nothing is rolled back', () => {
    const decision = decide(alike().build());
    expect(decision).toMatchObject({verdict: 'SharedDependency', action: undefined, serve: 'b'});
    expect(decision.explanation.message).toContain('Old and new pods fail alike in availability, errorRate');
    expect(decision.explanation.signals.map(({name}) => name)).toEqual([
      'availability, new pods',
      'availability, old pods',
      'errorRate, new pods',
      'errorRate, old pods',
    ]);
  });

  test('may have no more than the load in common', () => {
    const more = (current: number): ObservationBuilder => alike().with({load: {current, beforeRollout: 50}});
    expect(verdictOf(more(75))).toBe('SharedDependency');
    expect(verdictOf(more(76))).toBe('Unknown');
    expect(ruledOut(more(100))).toContain('at 2 times the load before the rollout');
  });

  test('stay what they were found to be when no old one is left to compare with, as long as it lasts', () => {
    const {explanation} = decide(alike().build());
    const later = (): ObservationBuilder =>
      anObservation()
        .baking('b')
        .answering('b', {valid: 750, bad: 150})
        .with({load: {current: 50, beforeRollout: 50}});
    expect(decide(later().build())).toMatchObject({verdict: 'BadRevision', serve: 'a'});
    const standing = decide(later().remediation({lastDecision: explanation}).build());
    expect(standing).toMatchObject({verdict: 'SharedDependency', serve: 'b', action: undefined});
    const escalated = {...explanation, time: iso(NOW - MINUTE)};
    const called = decide(later().remediation({lastDecision: escalated}).build()).explanation;
    expect(called.considered).toContainEqual(expect.objectContaining({action: 'Escalate', taken: true}));
    // Told anew with other words, it still is what it was.
    expect(verdictOf(later().remediation({lastDecision: called}))).toBe('SharedDependency');
    expect(verdictOf(anObservation().baking('b').remediation({lastDecision: called}))).toBe('None');
    const lacked = decide(
      anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}).lacking('database: dns').build(),
    );
    expect(lacked.verdict).toBe('SharedDependency');
    expect(verdictOf(later().remediation({lastDecision: lacked.explanation}))).toBe('BadRevision');
  });

  test('are not told of where the old ones were hardly measured', () => {
    const hardly = anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 20, bad: 2});
    expect(ruledOut(hardly)).toContain('do not fail alike');
  });
});
