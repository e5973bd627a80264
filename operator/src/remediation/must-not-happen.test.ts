import {describe, expect, test} from '@jest/globals';
import {decide} from './index.ts';
import {
  anAction,
  anObservation,
  DAY,
  HOUR,
  migration,
  MINUTE,
  NOW,
  pods,
  SECOND,
  type ObservationBuilder,
} from './testing.ts';
import {iso} from './text.ts';

/** Everything that a rollback needs: a young revision that is plainly worse than the old one beside it. */
const aBadRelease = (): ObservationBuilder =>
  anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 1});

/** The same without old pods: two thirds of a bake later. */
const aBadBake = (): ObservationBuilder => anObservation().baking('b').answering('b', {valid: 750, bad: 150});

test('the releases that all of this is about are rolled back', () => {
  for (const release of [aBadRelease(), aBadBake()]) {
    expect(decide(release.build())).toMatchObject({
      ...{serve: 'a', verdict: 'BadRevision', breached: true, heldBy: undefined, rolledOutAt: undefined},
      release: {kind: 'RollingBack'},
      action: {
        ...{id: 'fresh-id', kind: 'Rollback', verdict: 'BadRevision', state: 'Recorded', recordedAt: iso(NOW)},
        ...{fromRevision: 'b', toRevision: 'a', targetUid: 'deployment-uid'},
      },
    });
  }
});

describe('there is no rollback', () => {
  const cases: [string, ObservationBuilder, string][] = [
    [
      'when the database is down',
      aBadRelease().withDatabase({reachable: false, unreachableSince: NOW - 10 * SECOND}),
      'DatabaseDown',
    ],
    [
      'when the database recovers from a crash',
      aBadBake().withDatabase({reachable: false, recovering: true, unreachableSince: NOW - 10 * SECOND}),
      'DatabaseDown',
    ],
    [
      'when the responses that failed are of an outage of the database that just ended',
      aBadBake().withDatabase({lastOutage: {from: NOW - 40 * SECOND, to: NOW - 10 * SECOND}}),
      'DatabaseDown',
    ],
    [
      'when the database is saturated since before the release',
      aBadBake()
        .withDatabase({connectionErrorsMax: 4, threadsConnected: 228, maxConnections: 230})
        .explained('DatabaseSaturated', NOW - HOUR),
      'DatabaseSaturated',
    ],
    [
      'under overload with a good release',
      anObservation()
        .serving({valid: 40_000, bad: 9_000, slow: 20_000})
        .with({load: {current: 400, beforeRollout: 50}}),
      'Unknown',
    ],
    ['under overload while a release bakes', aBadBake().with({load: {current: 80, beforeRollout: 50}}), 'Unknown'],
    [
      'under overload that hits old pods as well',
      anObservation()
        .rollingOut('b')
        .answering('b', {valid: 250, bad: 60, slow: 200}, {valid: 500, bad: 100, slow: 390})
        .with({load: {current: 400, beforeRollout: 50}}),
      'Unknown',
    ],
    [
      'when there are too few samples',
      anObservation().rollingOut('b').answering('b', {valid: 9, bad: 9}, {valid: 200}),
      'None',
    ],
    [
      'when the share could be chance',
      anObservation().rollingOut('b').answering('b', {valid: 500, bad: 10}, {valid: 1000}),
      'None',
    ],
    [
      'when the old revision fails just as much',
      anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 98}),
      'SharedDependency',
    ],
    ['when old and new pods can not use the same', aBadRelease().lacking('database: dns'), 'SharedDependency'],
    ['when the node of its pod is silent', anObservation().baking('b').onLostNode('b', MINUTE, 3), 'InfraFault'],
    [
      'when the release is that of another content of a Secret, which the target would read too',
      aBadRelease()
        .knowing('a', {references: {'Secret/mail': 'before'}})
        .knowing('b', {references: {'Secret/mail': 'after'}}),
      'ConfigChange',
    ],
    ['when the new pods can not be scraped', aBadRelease().withPods('b', {failedReads: 3}), 'TelemetryGap'],
    ['when most pods can not be scraped', aBadRelease().withPods('a', {failedReads: 3}), 'TelemetryGap'],
    ['by measurements that are stale', aBadRelease().with({now: NOW + 2 * MINUTE}), 'None'],
    [
      'by measurements that are no numbers',
      anObservation().rollingOut('b').answering('b', {valid: Number.NaN, bad: Number.NaN}, {valid: 500}),
      'None',
    ],
    ['without a last known good', aBadRelease().notKnowing('a', 'goodAt'), 'BadRevision'],
    ['to a suspended revision', aBadRelease().knowing('a', {suspendedAt: NOW - HOUR}), 'BadRevision'],
    ['to a rejected revision', aBadRelease().knowing('a', {rejectedAt: NOW - HOUR}), 'BadRevision'],
    [
      'across an unreadable migration',
      aBadRelease().withDatabase({migrations: [migration(3), migration(4, false), migration(5)]}),
      'BadRevision',
    ],
    ['where migrations are not known', aBadRelease().with({database: {reachable: true}}), 'BadRevision'],
    [
      'where it is not known which migrations the target had seen',
      aBadRelease().notKnowing('a', 'schemaVersion'),
      'BadRevision',
    ],
    [
      'to a target that became good more than 30 days ago',
      aBadRelease().knowing('a', {goodAt: NOW - 31 * DAY}),
      'BadRevision',
    ],
    [
      'by one pod alone, without old ones beside it: there is no second witness',
      anObservation()
        .baking('b')
        .with({pods: pods('b', 1)})
        .answering('b', {valid: 250, bad: 50}),
      'BadRevision',
    ],
    [
      'when one pod fails and another of the same revision does not',
      anObservation()
        .baking('b')
        .answeringByPod('b', [{valid: 600, bad: 300}, {valid: 600}, {valid: 600}]),
      'BadRevision',
    ],
    [
      'when one pod crashes and the others of the revision serve well',
      anObservation().rollingOut('b').answering('b', {valid: 2_000}).crashing('b'),
      'BadRevision',
    ],
    ['in a pause', aBadRelease().asking({paused: true}), 'BadRevision'],
    ['while a person paused remediation', aBadRelease().with({pause: 'true'}), 'BadRevision'],
    [
      'in mode Observe',
      aBadRelease().asking({remediation: {mode: 'Observe', actions: {rollback: 'Auto'}, limits: {}}}),
      'BadRevision',
    ],
    [
      'where rollbacks are only observed',
      aBadRelease().asking({remediation: {mode: 'Auto', actions: {rollback: 'Observe'}, limits: {}}}),
      'BadRevision',
    ],
    [
      'of a revision that became good',
      aBadBake()
        .knowing('b', {goodAt: NOW - MINUTE})
        .serving({valid: 900, bad: 200}),
      'Unknown',
    ],
    ['for a rollout that is blocked', blocked(), 'RolloutBlocked'],
  ];

  test.each(cases)('%s', (_, observation, verdict) => {
    const decision = decide(observation.build());
    expect(decision.action).toBeUndefined();
    expect(decision.verdict).toBe(verdict);
    expect(decision.serve).toBe(observation.build().desired);
    expect(decision.revisionPatches.flatMap((p) => Object.keys(p.annotations))).not.toContain(
      'maintenance-api.io/suspended',
    );
  });

  test('twice for one breach: what is under way goes on, also with another id at hand', () => {
    const first = decide(aBadRelease().build());
    const again = decide(aBadRelease().with({freshId: 'another'}).remediation({action: first.action}).build());
    expect(again.action).toEqual(first.action);
    expect(again.serve).toBe('a');
    expect(again.recentActions).toEqual([]);
  });

  test('twice for one breach: an action that ended just now cools down', () => {
    const ended = anAction({state: 'Ended', endedAt: iso(NOW - MINUTE), outcome: 'Interrupted', fromRevision: 'c'});
    const decision = decide(
      aBadRelease()
        .remediation({recentActions: [ended]})
        .build(),
    );
    expect(decision).toMatchObject({action: undefined, heldBy: 'Cooldown', serve: 'b'});
  });
});

function blocked(): ObservationBuilder {
  const waiting = {container: 'api', reason: 'ImagePullBackOff', message: 'not found'};
  return anObservation()
    .rollingOut('b')
    .withPods('b', {ready: false, waiting})
    .withDeployment({readyByRevision: {a: 3}});
}
