import {describe, expect, test} from '@jest/globals';
import type {ActionRecord, Explanation} from '../api/v1alpha1/index.ts';
import {decide} from './index.ts';
import {anObservation, aScaleUp, counted, HOUR, MINUTE, NOW, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

const autoscaling = {minReplicas: 2, maxReplicas: 10};
const CONNECTIONS = {maxConnections: 155, threadsConnected: 30};

/** Three times the load of before on a good revision, whose three pods use all of the CPU that they request. */
const anOverload = (): ObservationBuilder =>
  anObservation()
    .asking({autoscaling})
    .withPods('a', {cpuShare: 1.2})
    .serving({valid: 40_000, bad: 9_000, slow: 20_000})
    .withDatabase(CONNECTIONS)
    .with({load: {current: 150, beforeRollout: 50, baseline: 50}});

const scaleUpOf = (observation: ObservationBuilder): Explanation['considered'][number] | undefined =>
  decide(observation.build()).explanation.considered.find(({action}) => action === 'ScaleUp');

describe('load beyond what the pods can take, on a good revision', () => {
  test('raises the least number of pods for half an hour, and rolls nothing back', () => {
    const decision = decide(anOverload().build());
    expect(decision).toMatchObject({
      ...{verdict: 'Overload', serve: 'a', revisionPatches: []},
      action: {
        ...{kind: 'ScaleUp', verdict: 'Overload', targetUid: 'autoscaler-uid', state: 'Recorded'},
        ...{minReplicas: 5, expiresAt: iso(NOW + 30 * MINUTE)},
      },
      floor: {minReplicas: 5, expiresAt: NOW + 30 * MINUTE},
    });
    expect(decision.explanation.signals.map(({name}) => name)).toContain('CPU of what pods request');
  });

  test('never above maxReplicas', () => {
    const observation = anOverload().asking({autoscaling: {minReplicas: 2, maxReplicas: 4}});
    expect(decide(observation.build()).action).toMatchObject({minReplicas: 4});
  });
});

describe('the number of pods is not raised', () => {
  const cases: [string, ObservationBuilder, string, string | undefined][] = [
    ['when the load is as before', anOverload().with({load: {current: 75, baseline: 50}}), 'Unknown', undefined],
    ['when the load before is not known', anOverload().with({load: {current: 150}}), 'Unknown', undefined],
    ['when the pods have CPU to spare', anOverload().withPods('a', {cpuShare: 0.69}), 'Unknown', undefined],
    ['when no objective is breached', anOverload().serving({valid: 40_000}), 'None', undefined],
    [
      'when the database is at its limits: more pods would ask more of it',
      anOverload().withDatabase({connectionErrorsMax: 4, threadsConnected: 150}),
      'DatabaseSaturated',
      undefined,
    ],
    ['when the database is down', anOverload().withDatabase({reachable: false}), 'DatabaseDown', undefined],
    [
      'when pods that were asked for are not Ready',
      anOverload().withDeployment({wantedReplicas: 4}),
      'Overload',
      'PodsPending',
    ],
    ['at the maximum', anOverload().asking({autoscaling: {minReplicas: 2, maxReplicas: 3}}), 'Overload', 'AtMaximum'],
    ['when connections would not do', anOverload().withDatabase({maxConnections: 79}), 'Overload', 'Connections'],
    [
      'when it is not known whether they do',
      anOverload().with({database: {reachable: true}}),
      'Overload',
      'Connections',
    ],
    [
      'where the spec gives the number of pods',
      anOverload().with({spec: {...anOverload().build().spec, replicas: 3}, autoscaler: undefined}),
      'Overload',
      'NoAutoscaler',
    ],
    ['before the database was asked', anOverload().withDatabase({askedAt: NOW - MINUTE}), 'Overload', 'Witnesses'],
    ['in mode Observe', anOverload().asking({remediation: {mode: 'Observe'}}), 'Overload', 'Mode'],
    [
      'where it is only observed',
      anOverload().asking({remediation: {actions: {scaleUp: 'Observe'}}}),
      'Overload',
      'Mode',
    ],
    ['while a person paused remediation', anOverload().with({pause: 'true'}), 'Overload', 'Paused'],
    [
      'a second time where the first did not help',
      anOverload().remediation({
        recentActions: [aScaleUp({state: 'Ended', outcome: 'NotHelped', endedAt: iso(NOW - 20 * MINUTE)})],
      }),
      'Overload',
      'LastDidNotHelp',
    ],
  ];

  test.each(cases)('%s', (_, observation, verdict, guard) => {
    const decision = decide(observation.build());
    expect(decision.action).toBeUndefined();
    expect(decision.verdict).toBe(verdict);
    if (verdict === 'Overload') expect(scaleUpOf(observation)).toMatchObject({taken: false, guard});
  });
});

describe('a floor that was raised', () => {
  const ended = (change: Partial<ActionRecord> = {}): ActionRecord =>
    aScaleUp({
      ...{state: 'Ended', outcome: 'Helped', recordedAt: iso(NOW - 10 * MINUTE), endedAt: iso(NOW - 5 * MINUTE)},
      ...{expiresAt: iso(NOW + 20 * MINUTE)},
      ...change,
    });
  const floor = (observation: ObservationBuilder) => decide(observation.build()).floor;
  const after = (record: ActionRecord): ObservationBuilder =>
    anObservation()
      .asking({autoscaling})
      .remediation({recentActions: [record]});

  test('holds until its end by the record alone, then the spec holds', () => {
    expect(floor(after(ended()))).toEqual({minReplicas: 5, expiresAt: NOW + 20 * MINUTE});
    expect(floor(after(ended({outcome: 'NotHelped'})))).toBeDefined();
    expect(floor(after(ended({expiresAt: iso(NOW)})))).toBeUndefined();
    expect(floor(after(ended({outcome: 'Interrupted'})))).toBeUndefined();
  });

  test('is looked at when it ends', () => {
    expect(decide(after(ended({expiresAt: iso(NOW + 12 * SECOND)})).build()).lookAgainMs).toBe(12_000);
  });

  test('never exceeds what the spec allows by now, and does not count where the spec asks for as much', () => {
    expect(floor(after(ended()).asking({autoscaling: {minReplicas: 2, maxReplicas: 4}}))).toMatchObject({
      minReplicas: 4,
    });
    expect(floor(after(ended()).asking({autoscaling: {minReplicas: 5, maxReplicas: 9}}))).toBeUndefined();
  });
});

describe('a ScaleUp under way', () => {
  const under = (change: Partial<ActionRecord>, ready = 5, minReplicas = 5): ObservationBuilder =>
    anObservation()
      .asking({autoscaling})
      .with({autoscaler: {uid: 'autoscaler-uid', minReplicas}})
      .withDeployment({wantedReplicas: 5, readyReplicas: ready})
      .remediation({action: aScaleUp(change)});
  const verifying = (length: number, responses?: {valid: number; bad?: number}): ObservationBuilder => {
    const since = NOW - length;
    const observation = under({state: 'Verifying', appliedAt: iso(since - MINUTE), rolledOutAt: iso(since)});
    return observation.with({serviceWindow: responses && counted(responses, Math.max(since, NOW - 5 * MINUTE))});
  };
  const end = (observation: ObservationBuilder): ActionRecord | undefined =>
    decide(observation.build()).recentActions[0];

  test('is Applied when the autoscaler has it, and Verifying when so many pods are Ready', () => {
    expect(decide(under({}, 3, 2).build()).action).toMatchObject({state: 'Recorded'});
    expect(decide(under({}, 3).build()).action).toMatchObject({state: 'Applied', appliedAt: iso(NOW)});
    expect(decide(under({}).build()).action).toMatchObject({state: 'Verifying', rolledOutAt: iso(NOW)});
  });

  test('helped when the breach ended since so many are Ready', () => {
    expect(end(verifying(59 * SECOND, {valid: 5_000}))).toBeUndefined();
    expect(end(verifying(MINUTE, {valid: 5_000}))).toMatchObject({outcome: 'Helped'});
    expect(end(verifying(MINUTE, {valid: 5_000, bad: 2_000}))).toMatchObject({outcome: 'NotHelped'});
    expect(end(verifying(9 * MINUTE, {valid: 5}))).toBeUndefined();
    expect(end(verifying(10 * MINUTE, {valid: 5}))).toMatchObject({outcome: 'NotHelped'});
  });

  test('did not help when the pods do not come', () => {
    const late = (length: number): ObservationBuilder => under({state: 'Applied', appliedAt: iso(NOW - length)}, 3);
    expect(end(late(5 * MINUTE))).toBeUndefined();
    expect(end(late(5 * MINUTE + SECOND))).toMatchObject({outcome: 'NotHelped'});
  });

  test('ends where a person fixes the number of pods or lowers the maximum', () => {
    expect(end(under({}).asking({autoscaling: {minReplicas: 2, maxReplicas: 4}}))).toMatchObject({
      outcome: 'Interrupted',
    });
    const fixed = under({}).with({spec: {...under({}).build().spec, replicas: 3}});
    expect(end(fixed)).toMatchObject({outcome: 'Interrupted'});
    expect(decide(fixed.build()).floor).toBeUndefined();
  });

  test('leaves the release alone, and is told', () => {
    const decision = decide(under({}, 3, 2).build());
    expect(decision).toMatchObject({serve: 'a', release: {kind: 'Settled'}, rolledOutAt: NOW - 5 * HOUR});
    expect(decision.explanation.considered).toEqual([expect.objectContaining({action: 'ScaleUp', taken: true})]);
  });
});
