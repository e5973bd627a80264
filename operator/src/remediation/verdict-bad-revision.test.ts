import {describe, expect, test} from '@jest/globals';
import {decide} from './index.ts';
import {anObservation, MINUTE, NOW, pods, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

const BAD = {valid: 250, bad: 50};

/** The reason why a verdict was ruled out. */
const ruledOut = (observation: ObservationBuilder, verdict: string): string | undefined =>
  decide(observation.build()).explanation.ruledOut.find((other) => other.verdict === verdict)?.reason;

describe('BadRevision', () => {
  test('is by new pods that do worse than old ones beside them, and shows both', () => {
    const decision = decide(anObservation().rollingOut('b').answering('b', BAD, {valid: 500, bad: 1}).build());
    expect(decision.explanation.message).toBe(
      'Revision b does worse than the old pods beside it: 20% of responses were bad (50 of 250 in 15s; availability acts ' +
        'above 1.44%); availability in the same 15s: 20% (50 of 250) at new pods, 0.2% (1 of 500) at old ones.',
    );
    expect(decision.explanation.signals).toEqual([
      {
        ...{name: 'availability, new pods', value: '20% bad (50 of 250)', threshold: '1.44%', window: '15s'},
        ...{source: 'readings of pods', time: iso(NOW)},
      },
      expect.objectContaining({name: 'errorRate, new pods', threshold: '10%'}),
      expect.objectContaining({name: 'availability, old pods', value: '0.2% bad (1 of 500)'}),
      expect.objectContaining({name: 'errorRate, old pods'}),
    ]);
    expect(decision.explanation.ruledOut.map(({verdict}) => verdict)).toEqual([
      'TelemetryGap',
      'InfraFault',
      'DatabaseSaturated',
      'DatabaseDown',
      'SharedDependency',
      'BackupInterference',
      'RolloutBlocked',
      'ConfigChange',
    ]);
  });

  test('is by latency alone', () => {
    const slow = anObservation().rollingOut('b').answering('b', {valid: 250, slow: 60}, {valid: 500, slow: 10});
    const decision = decide(slow.build());
    expect(decision).toMatchObject({verdict: 'BadRevision', serve: 'a'});
    expect(decision.explanation.message).toContain(
      '24% of responses were slow (60 of 250 in 15s; latency acts above 5%)',
    );
  });

  test('is by a breach that began after its rollout under no more load, on two pods', () => {
    const decision = decide(
      anObservation()
        .baking('b')
        .answering('b', {valid: 750, bad: 150})
        .with({load: {current: 74, beforeRollout: 50}})
        .build(),
    );
    expect(decision).toMatchObject({verdict: 'BadRevision', serve: 'a'});
    expect(decision.explanation.message).toContain('at 74 requests per second (50 before)');
  });

  test.each([
    ['before', {current: 50}],
    ['now', {beforeRollout: 50}],
    ['before, when there was none', {current: 50, beforeRollout: 0}],
  ])('is not by its onset where the load %s is not known', (_, load) => {
    const bake = anObservation().baking('b').answering('b', {valid: 750, bad: 150}).with({load});
    expect(ruledOut(bake, 'BadRevision')).toBe(
      'the load before its rollout is not known, and no old pod is left to compare with',
    );
  });

  describe('that was shown while old pods were there', () => {
    const bake = (): ObservationBuilder => anObservation().baking('b').answering('b', {valid: 750, bad: 150});
    const since = NOW - 20 * SECOND;
    const shown = (verdict: 'BadRevision' | 'ConfigChange' | 'Unknown', time = since): ObservationBuilder =>
      bake().with({load: {}}).explained(verdict, time).standing({desired: 'b'});

    test.each(['BadRevision', 'ConfigChange'] as const)('is known by %s after they are gone', (verdict) => {
      const decision = decide(shown(verdict).build());
      expect(decision.verdict).toBe('BadRevision');
    });

    test.each([
      ['was not shown', shown('Unknown')],
      ['was shown of what was rolled out before', shown('BadRevision', NOW - 10 * MINUTE)],
      ['is retried', shown('BadRevision').with({retry: 'b'})],
    ])('is judged anew where it %s', (_, observation) => {
      expect(ruledOut(observation, 'BadRevision')).toBe(
        'the load before its rollout is not known, and no old pod is left to compare with',
      );
    });
  });

  test('is not by a breach that began before its rollout', () => {
    const bake = anObservation()
      .baking('b')
      .answering('b', {valid: 750, bad: 150})
      .explained('Unknown', NOW - 10 * MINUTE);
    expect(ruledOut(bake.standing({desired: 'b'}), 'BadRevision')).toBe('the breach began before its rollout');
  });

  test('waits for old pods to be measured before anything else is believed', () => {
    const release = anObservation().rollingOut('b').answering('b', BAD, {valid: 5});
    expect(ruledOut(release, 'BadRevision')).toBe('too little was measured of the old pods beside it to compare');
    expect(decide(release.build())).toMatchObject({release: {kind: 'Progressing'}, lookAgainMs: 5_000});
  });

  test('is by a crash loop on it alone, without any measurement', () => {
    const decision = decide(anObservation().rollingOut('b').crashing('b').with({revisionWindows: []}).build());
    expect(decision).toMatchObject({verdict: 'BadRevision', serve: 'a', action: {fromRevision: 'b'}});
    expect(decision.explanation.message).toContain(
      'crash again and again (Error, exit code 1), and 3 pods of the old one are Ready',
    );
  });

  test.each([
    [
      'when old pods crash as well',
      anObservation()
        .rollingOut('b')
        .crashing('b')
        .with({
          pods: [
            ...pods('a', 2),
            ...pods('a', 1).map((pod) => ({...pod, ready: false, restarts: 4})),
            ...pods('b', 1).map((pod) => ({...pod, ready: false, restarts: 4})),
          ],
        }),
    ],
    ['when no old pod is Ready beside it', anObservation().baking('b').crashing('b')],
    [
      'after a single crash',
      anObservation()
        .rollingOut('b')
        .withPods('b', {
          ready: false,
          restarts: 1,
          waiting: {container: 'api', reason: 'CrashLoopBackOff', message: ''},
        }),
    ],
    ['after crashes that it recovered from', anObservation().rollingOut('b').withPods('b', {restarts: 5})],
  ])('is not by crashes %s', (_, observation) => {
    const decision = decide(observation.build());
    expect(decision).toMatchObject({serve: 'b', action: undefined});
    expect(decision.verdict).not.toBe('BadRevision');
  });
});
