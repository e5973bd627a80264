import {describe, expect, test} from '@jest/globals';
import type {ActionRecord, Explanation} from '../api/v1alpha1/index.ts';
import {decide} from './index.ts';
import {anObservation, aRestart, HOUR, MINUTE, NOW, pods, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

const aHungPod = (): ObservationBuilder => anObservation().hanging('a', 40 * SECOND);
const restartOf = (observation: ObservationBuilder): Explanation['considered'][number] | undefined =>
  decide(observation.build()).explanation.considered.find(({action}) => action === 'Restart');

describe('a pod that hangs beside others that are Ready', () => {
  test('is evicted: that one, of the revision that serves', () => {
    const decision = decide(aHungPod().build());
    expect(decision).toMatchObject({
      ...{verdict: 'Hung', serve: 'a', heldBy: undefined, revisionPatches: [], release: {kind: 'Settled'}},
      action: {
        ...{id: 'fresh-id', kind: 'Restart', verdict: 'Hung', targetUid: 'a-0', targetName: 'api-a-0'},
        ...{state: 'Recorded', recordedAt: iso(NOW), message: expect.stringContaining('api-a-0')},
      },
      explanation: {considered: [{action: 'Restart', taken: true}]},
    });
    expect(decision.action).not.toHaveProperty('fromRevision');
  });

  test('is the one that hangs for longest', () => {
    const observation = aHungPod().with({
      pods: aHungPod()
        .build()
        .pods.concat(pods('a', 5).slice(3))
        .map((pod) => (pod.uid === 'a-1' ? {...pod, ready: false, notReadySince: NOW - MINUTE} : pod)),
    });
    expect(decide(observation.build()).action).toMatchObject({targetUid: 'a-1'});
  });

  test('is looked at closely before it counts as hung', () => {
    const observation = anObservation().hanging('a', 20 * SECOND);
    expect(decide(observation.build())).toMatchObject({verdict: 'None', action: undefined, lookAgainMs: 5_000});
    expect(decide(anObservation().build()).lookAgainMs).toBe(30_000);
  });
});

describe('nothing is evicted', () => {
  const outage = {from: NOW - 2 * MINUTE, to: NOW - 10 * SECOND};
  const cases: [string, ObservationBuilder, string][] = [
    ['when it is not Ready for a moment', anObservation().hanging('a', 29 * SECOND), 'None'],
    ['when no other pod of the revision is Ready', anObservation().hanging('a', MINUTE, 3), 'Unknown'],
    ['when more pods hang than are Ready', anObservation().hanging('a', MINUTE, 2), 'None'],
    ['when the database is down', aHungPod().withDatabase({reachable: false, unreachableSince: NOW}), 'DatabaseDown'],
    ['when the database came back a moment ago', aHungPod().withDatabase({lastOutage: outage}), 'None'],
    [
      'when its container began to run after it was not Ready: it restarts by itself',
      aHungPod().with({
        pods: aHungPod()
          .build()
          .pods.map((pod) => ({...pod, runningSince: NOW - 20 * SECOND})),
      }),
      'None',
    ],
    [
      'when its container does not run',
      aHungPod().with({
        pods: aHungPod()
          .build()
          .pods.map(({runningSince: _, ...pod}) => pod),
      }),
      'None',
    ],
    [
      'when it leaves anyway',
      aHungPod().with({
        pods: aHungPod()
          .build()
          .pods.map((pod) => ({...pod, terminating: !pod.ready})),
      }),
      'None',
    ],
    [
      'of a rollout whose new pod was never Ready',
      anObservation()
        .rollingOut('b')
        .withPods('b', {ready: false, notReadySince: NOW - MINUTE, runningSince: NOW - 50 * SECOND}),
      'None',
    ],
    [
      'of a revision that still bakes: what hangs speaks against it',
      anObservation().baking('b').hanging('b', MINUTE),
      'Hung',
    ],
    ['in a pause', aHungPod().asking({paused: true}), 'Hung'],
    ['while a person paused remediation', aHungPod().with({pause: 'true'}), 'Hung'],
    ['in mode Observe', aHungPod().asking({remediation: {mode: 'Observe'}}), 'Hung'],
    ['where restarts are only observed', aHungPod().asking({remediation: {actions: {restart: 'Observe'}}}), 'Hung'],
    ['before the database was asked', aHungPod().withDatabase({askedAt: NOW - MINUTE}), 'Hung'],
    ['when too few pods can be read', aHungPod().withPods('a', {failedReads: 3}), 'TelemetryGap'],
  ];

  test.each(cases)('%s', (_, observation, verdict) => {
    const decision = decide(observation.build());
    expect(decision.action).toBeUndefined();
    expect(decision.verdict).toBe(verdict);
  });

  test('and a revision that still bakes does not become good, and a person is called when it lasts', () => {
    const baking = (): ObservationBuilder => anObservation().baking('b', HOUR).hanging('b', MINUTE);
    expect(decide(anObservation().baking('b', HOUR).build()).lastKnownGood).toBe('a');
    expect(
      Object.keys(decide(anObservation().baking('b', HOUR).build()).revisionPatches[0]?.annotations ?? {}),
    ).toContain('maintenance-api.io/good');
    expect(decide(baking().build()).revisionPatches).toEqual([]);
    const lasting = decide(
      baking()
        .explained('Hung', NOW - MINUTE)
        .build(),
    );
    expect(lasting).toMatchObject({release: {kind: 'Escalated'}});
  });

  test('while the database is asked, which the decision asks for', () => {
    expect(
      decide(
        aHungPod()
          .withDatabase({askedAt: NOW - MINUTE})
          .build(),
      ).asksDatabase,
    ).toBe(true);
    expect(decide(aHungPod().build()).asksDatabase).toBe(false);
  });
});

describe('guards of a restart', () => {
  const ended = (ago: number, change: Partial<ActionRecord> = {}): ActionRecord =>
    aRestart({
      ...{id: `ended-${ago}`, state: 'Ended', outcome: 'Helped', targetUid: 'gone', targetName: 'api-gone'},
      ...{recordedAt: iso(NOW - ago - 2 * MINUTE), endedAt: iso(NOW - ago)},
      ...change,
    });
  const limits = {cooldownSeconds: 300, maxActionsPerHour: 2};
  const after = (...recentActions: ActionRecord[]): ObservationBuilder =>
    aHungPod().asking({remediation: {limits}}).remediation({recentActions});

  test('the next is held by the cool-down, then by the hourly limit, then by the breaker', () => {
    expect(restartOf(after(ended(MINUTE)))).toMatchObject({taken: false, guard: 'Cooldown'});
    expect(restartOf(after(ended(10 * MINUTE), ended(20 * MINUTE)))).toMatchObject({guard: 'HourlyLimit'});
    const open = {state: 'Open' as const, openedAt: iso(NOW - MINUTE)};
    expect(restartOf(after().remediation({breaker: open}))).toMatchObject({guard: 'Breaker'});
    expect(restartOf(after(ended(10 * MINUTE)))).toMatchObject({taken: true});
  });

  test('a rollback that ended counts for the cool-down of a restart', () => {
    const rollback = {kind: 'Rollback' as const, verdict: 'BadRevision' as const, fromRevision: 'x', toRevision: 'a'};
    expect(restartOf(after(ended(MINUTE, rollback)))).toMatchObject({guard: 'Cooldown'});
  });

  test('one that did not help calls a person for an hour: no second pod is evicted', () => {
    const failed = after(ended(10 * MINUTE, {outcome: 'NotHelped'}));
    expect(restartOf(failed)).toMatchObject({taken: false, guard: 'LastDidNotHelp'});
    expect(decide(failed.build()).explanation.considered).toContainEqual(
      expect.objectContaining({action: 'Escalate', taken: true}),
    );
    expect(restartOf(after(ended(61 * MINUTE, {outcome: 'NotHelped'})))).toMatchObject({taken: true});
  });
});

describe('a restart under way', () => {
  const under = (change: Partial<ActionRecord>, observation = anObservation()): ObservationBuilder =>
    observation.remediation({action: aRestart(change)});
  const left = (): ObservationBuilder =>
    anObservation()
      .with({pods: pods('a', 3).slice(1)})
      .withDeployment({readyReplicas: 2});
  const replacedBy = (change: object): ObservationBuilder =>
    left().with({
      pods: [...pods('a', 3).slice(1), {...pods('a', 4)[3], createdAt: NOW - 50 * SECOND, ...change} as never],
    });
  const end = (observation: ObservationBuilder): ActionRecord | undefined =>
    decide(observation.build()).recentActions[0];

  test('stays Recorded while the pod is there, is Applied when it leaves, Verifying when its replacement is Ready', () => {
    const recorded = {recordedAt: iso(NOW - MINUTE)};
    expect(decide(under(recorded, aHungPod()).build()).action).toMatchObject({state: 'Recorded'});
    const leaving = aHungPod().with({
      pods: aHungPod()
        .build()
        .pods.map((pod) => ({...pod, terminating: !pod.ready})),
    });
    expect(decide(under(recorded, leaving).build()).action).toMatchObject({state: 'Applied', appliedAt: iso(NOW)});
    expect(decide(under(recorded, left()).build()).action).toMatchObject({state: 'Applied'});
    const starting = replacedBy({ready: false});
    expect(decide(under(recorded, starting).build()).action).toMatchObject({state: 'Applied'});
    expect(decide(under(recorded, replacedBy({})).build()).action).toMatchObject({
      ...{state: 'Verifying', rolledOutAt: iso(NOW), id: 'restart-1'},
    });
  });

  test('serves the same revision and leaves the release alone', () => {
    const decision = decide(under({}, aHungPod()).build());
    expect(decision).toMatchObject({serve: 'a', release: {kind: 'Settled'}, lookAgainMs: 5_000, revisionPatches: []});
    expect(decision.rolledOutAt).toBe(NOW - 5 * HOUR);
  });

  test('whose replacement is not Ready within 60 s did not help, and no other pod is evicted', () => {
    const late = (seconds: number): ObservationBuilder =>
      under({state: 'Applied', appliedAt: iso(NOW - seconds * SECOND)}, left().hanging('a', MINUTE, 2));
    expect(end(late(60))).toBeUndefined();
    expect(end(late(61))).toMatchObject({outcome: 'NotHelped', state: 'Ended'});
    expect(decide(late(61).build()).action).toBeUndefined();
  });

  test('is judged after the stabilization window', () => {
    const verifying = (seconds: number, observation = replacedBy({})): ObservationBuilder => {
      const since = NOW - seconds * SECOND;
      const times = {appliedAt: iso(since - 10 * SECOND), rolledOutAt: iso(since)};
      return under({state: 'Verifying', ...times}, observation);
    };
    expect(end(verifying(59))).toBeUndefined();
    expect(end(verifying(60))).toMatchObject({outcome: 'Helped', endedAt: iso(NOW)});
    const none = (): ObservationBuilder =>
      replacedBy({}).withPods('a', {ready: false}).withDeployment({readyReplicas: 0, readyByRevision: {}});
    expect(end(verifying(60, none()))).toMatchObject({outcome: 'Worse'});
    const breached = replacedBy({}).serving({valid: 1_000, bad: 300}, NOW - 50 * SECOND);
    expect(end(verifying(60, breached))).toMatchObject({outcome: 'NotHelped'});
    const blind = (): ObservationBuilder => replacedBy({}).withDatabase({reachable: false});
    expect(end(verifying(60, blind()))).toBeUndefined();
    expect(end(verifying(600, blind()))).toMatchObject({outcome: 'NotHelped'});
  });

  test.each<[string, ObservationBuilder, string]>([
    ['the pod is Ready again', anObservation(), 'is Ready again'],
    ['another revision is released', aHungPod().releasing('b'), 'released meanwhile'],
  ])('ends where %s before it was begun', (_, observation, why) => {
    expect(end(under({}, observation))).toMatchObject({outcome: 'Interrupted', message: expect.stringContaining(why)});
  });

  test('is given up where its budget does not admit it for ten minutes', () => {
    const asked = (minutes: number): ObservationBuilder =>
      under({recordedAt: iso(NOW - minutes * MINUTE)}, anObservation().hanging('a', 15 * MINUTE));
    expect(end(asked(10))).toBeUndefined();
    expect(end(asked(10.1))).toMatchObject({outcome: 'Interrupted'});
  });

  test('is no rollback: its revision is neither suspended nor rejected when it helped', () => {
    const helped = aRestart({state: 'Ended', outcome: 'Helped', endedAt: iso(NOW - MINUTE)});
    const decision = decide(
      anObservation()
        .knowing('a', {suspendedAt: NOW})
        .remediation({recentActions: [helped]})
        .build(),
    );
    expect(decision.revisionPatches.flatMap(({annotations}) => Object.keys(annotations))).not.toContain(
      'maintenance-api.io/rejected',
    );
  });
});
