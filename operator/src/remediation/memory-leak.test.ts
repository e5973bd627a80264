import {describe, expect, test} from '@jest/globals';
import type {Explanation} from '../api/v1alpha1/index.ts';
import {decide} from './index.ts';
import {anObservation, aRestart, HOUR, MINUTE, NOW, pods, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

/** All three pods of a good revision climb, one is nearest to its limit. */
const leaking = (): ObservationBuilder => anObservation().using('a', [0.91, 0.96, 0.93], 0.1);
const decided = (observation: ObservationBuilder): ReturnType<typeof decide> => decide(observation.build());
const restartOf = (observation: ObservationBuilder): Explanation['considered'][number] | undefined =>
  decided(observation).explanation.considered.find(({action}) => action === 'Restart');
const ruledOut = (observation: ObservationBuilder): string | undefined =>
  decided(observation).explanation.ruledOut.find(({verdict}) => verdict === 'MemoryLeak')?.reason;
/** One pod was killed for want of memory. */
const killed = (restarts: number, ago = MINUTE, observation = anObservation()): ObservationBuilder =>
  observation.with({
    pods: observation
      .build()
      .pods.map((pod) =>
        pod.uid === 'a-1'
          ? {...pod, restarts, lastTermination: {reason: 'OOMKilled', exitCode: 137, at: NOW - ago}}
          : pod,
      ),
  });

describe('memory that climbs to its limit, on a good revision', () => {
  test('has the pod evicted that is nearest, before it is killed', () => {
    const decision = decided(leaking());
    expect(decision).toMatchObject({
      ...{verdict: 'MemoryLeak', serve: 'a', revisionPatches: [], release: {kind: 'Settled'}},
      action: {
        ...{kind: 'Restart', verdict: 'MemoryLeak', targetUid: 'a-1', targetName: 'api-a-1', state: 'Recorded'},
        message: expect.stringContaining('Memory of pod api-a-1 climbs: 96% of its limit, 10% more than 600s before.'),
      },
    });
    expect(decision.explanation.message).toContain('Raise spec.resources.limits.memory');
    expect(decision.explanation.signals[0]).toMatchObject({value: '96%, grown by 10%', threshold: '90%, grown by 5%'});
  });

  test('one at a time', () => {
    const first = decided(leaking()).action;
    const again = decided(leaking().remediation({action: first}).with({freshId: 'another'}));
    expect(again.action).toEqual(first);
    const ended = aRestart({state: 'Ended', outcome: 'Helped', verdict: 'MemoryLeak', endedAt: iso(NOW - MINUTE)});
    expect(restartOf(leaking().remediation({recentActions: [ended]}))).toMatchObject({taken: false, guard: 'Cooldown'});
  });

  test('of one pod alone is a leak beside others that do with less', () => {
    expect(decided(anObservation().using('a', [0.95, 0.4, 0.74], 0.1)).action).toMatchObject({targetUid: 'a-0'});
  });
});

describe('nothing is evicted', () => {
  const gone = {state: 'Ended' as const, endedAt: iso(NOW - 10 * MINUTE)};
  const cases: [string, ObservationBuilder, string, string | undefined][] = [
    ['when memory is high and flat', anObservation().using('a', [0.98, 0.97, 0.99]), 'None', undefined],
    ['when it grew by less than noise', anObservation().using('a', [0.98, 0.97, 0.99], 0.049), 'None', undefined],
    [
      'when it fills up to less than its limit',
      anObservation().using('a', [0.95, 0.95, 0.95], 0.3, 0.99),
      'None',
      undefined,
    ],
    ['when it climbs far below its limit', anObservation().using('a', [0.89, 0.5, 0.4], 0.3), 'None', undefined],
    [
      'when no limit is known',
      leaking()
        .withPods('a', {})
        .with({pods: pods('a', 3)}),
      'None',
      undefined,
    ],
    ['when the load grew as well', leaking().with({load: {current: 76, baseline: 50}}), 'None', undefined],
    ['when the revision is young', anObservation().baking('b').using('b', [0.95, 0.95, 0.95], 0.1), 'None', undefined],
    [
      'while a rollout is under way',
      anObservation().rollingOut('b').using('a', [0.95, 0.95, 0.95], 0.1),
      'None',
      undefined,
    ],
    ['when the database is down', leaking().withDatabase({reachable: false}), 'DatabaseDown', undefined],
    ['when too few pods can be read', leaking().withPods('a', {failedReads: 3}), 'TelemetryGap', undefined],
    [
      'by one witness: others are near their limit too, and do not climb',
      anObservation()
        .using('a', [0.8, 0.8, 0.8])
        .with({
          pods: [
            ...anObservation().using('a', [0.95], 0.1).build().pods.slice(0, 1),
            ...anObservation().using('a', [0.8, 0.8, 0.8]).build().pods.slice(1),
          ],
        }),
      'MemoryLeak',
      'Witnesses',
    ],
    [
      'when nobody else would serve meanwhile',
      killed(1, MINUTE, leaking().with({pods: leaking().build().pods.slice(1, 2)})),
      'MemoryLeak',
      'Witnesses',
    ],
    ['in a pause', leaking().asking({paused: true}), 'MemoryLeak', 'Paused'],
    [
      'where restarts are only observed',
      leaking().asking({remediation: {actions: {restart: 'Observe'}}}),
      'MemoryLeak',
      'Mode',
    ],
    [
      'after one that did not help',
      leaking().remediation({recentActions: [aRestart({...gone, outcome: 'NotHelped'})]}),
      'MemoryLeak',
      'LastDidNotHelp',
    ],
  ];

  test.each(cases)('%s', (_, observation, verdict, guard) => {
    const decision = decided(observation);
    expect(decision).toMatchObject({verdict, action: undefined, serve: observation.build().desired});
    expect(decision.heldBy).toBe(guard);
  });

  test('and the reason is told', () => {
    const unwell = (observation: ObservationBuilder): ObservationBuilder =>
      observation.serving({valid: 15_000, bad: 3_000});
    expect(ruledOut(unwell(anObservation().using('a', [0.98])))).toContain('no memory climbs near its limit');
    expect(ruledOut(unwell(leaking().with({load: {current: 100, baseline: 50}})))).toContain('the load is 2 times');
  });
});

describe('a pod that was killed for want of memory', () => {
  test('again has begun anew by itself: a person is called, with advice', () => {
    const decision = decided(killed(2));
    expect(decision).toMatchObject({verdict: 'MemoryLeak', action: undefined});
    expect(decision.explanation.message).toContain('Pod api-a-1 was killed for want of memory again');
    expect(restartOf(killed(2))).toMatchObject({taken: false, reason: expect.stringContaining('anew by itself')});
    const lasting = decided(killed(2).explained('MemoryLeak', NOW - 30 * SECOND));
    expect(lasting.explanation.considered).toContainEqual(expect.objectContaining({action: 'Escalate', taken: true}));
  });

  test('once, or long ago, is no leak', () => {
    expect(decided(killed(1)).verdict).toBe('None');
    expect(decided(killed(2, HOUR)).verdict).toBe('MemoryLeak');
    expect(decided(killed(2, HOUR + SECOND)).verdict).toBe('None');
  });

  test('confirms that another leaks', () => {
    const one = (observation: ObservationBuilder): ObservationBuilder =>
      observation.with({
        pods: observation.build().pods.map((pod) => {
          const {memory: _, ...rest} = pod;
          return pod.uid === 'a-0' ? pod : rest;
        }),
      });
    expect(decided(one(leaking())).heldBy).toBe('Witnesses');
    expect(decided(killed(1, 5 * HOUR, one(leaking()))).action).toMatchObject({targetUid: 'a-0'});
  });
});

describe('the eviction of a pod that leaks', () => {
  const action = aRestart({verdict: 'MemoryLeak', targetUid: 'a-1', targetName: 'api-a-1'});

  test('goes on while the pod is Ready, as it is all the time', () => {
    expect(decided(leaking().remediation({action})).action).toMatchObject({id: action.id, state: 'Recorded'});
  });

  test('is not begun where its container began anew meanwhile', () => {
    const anew = leaking().with({
      pods: leaking()
        .build()
        .pods.map((pod) => (pod.uid === 'a-1' ? {...pod, runningSince: NOW - 10 * SECOND} : pod)),
    });
    expect(decided(anew.remediation({action})).recentActions[0]).toMatchObject({
      ...{outcome: 'Interrupted', message: expect.stringContaining('began anew')},
    });
  });

  test('is judged though another pod leaks as well', () => {
    const since = NOW - MINUTE;
    const verifying = {...action, state: 'Verifying' as const, appliedAt: iso(since), rolledOutAt: iso(since)};
    expect(decided(leaking().remediation({action: verifying})).recentActions[0]).toMatchObject({outcome: 'Helped'});
  });
});
