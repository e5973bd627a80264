import {describe, expect, test} from '@jest/globals';
import {decide, sharedBreach} from './index.ts';
import {anObservation, aRestart, counted, HOUR, MINUTE, NOW, pods, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

const lost = (): ObservationBuilder => anObservation().onLostNode('a', MINUTE);
const evicted = {pod: 'api-a-9', node: 'node-1', reason: 'The node was low on resource: memory.', at: NOW - MINUTE};
/** One pod is missing since its node took it away. */
const takenAway = (): ObservationBuilder =>
  anObservation()
    .with({nodeEvictions: [evicted], pods: pods('a', 2)})
    .withDeployment({readyReplicas: 2, readyByRevision: {a: 2}});
/** One of many resources, which breaches like so many others. */
const stormy = (others: number, size = 10, ago = MINUTE): ObservationBuilder =>
  anObservation()
    .serving({valid: 15_000, bad: 3_000})
    .with({
      fleet: {
        ...{size, breachedSince: NOW - MINUTE},
        others: Array.from({length: others}, (_, i) => ({since: NOW - ago, ...(i < 2 ? {name: `shop-${i}`} : {})})),
      },
    });

const actionsOf = (observation: ObservationBuilder): unknown =>
  decide(observation.build()).explanation.considered.map(({action, taken}) => [action, taken]);
const ruledOut = (observation: ObservationBuilder): string | undefined =>
  decide(observation.build()).explanation.ruledOut.find(({verdict}) => verdict === 'InfraFault')?.reason;

describe('a node that is silent', () => {
  test('is named; nothing is evicted or rolled back, and a person is called when it lasts', () => {
    const decision = decide(lost().build());
    expect(decision).toMatchObject({verdict: 'InfraFault', action: undefined, serve: 'a', release: {kind: 'Settled'}});
    expect(decision.explanation.message).toContain(
      'The node of pod api-a-0 (node node-1) is not heard of any more. Its other pods are fine.',
    );
    expect(decision.explanation.signals).toEqual([
      expect.objectContaining({name: 'node that is silent', value: 'node-1', window: '60s', time: iso(NOW)}),
    ]);
    const held = [
      ['Rollback', false],
      ['Restart', false],
      ['Hold', true],
    ];
    expect(actionsOf(lost())).toEqual(held);
    expect(actionsOf(lost().explained('InfraFault', NOW - 29 * SECOND))).toEqual(held);
    expect(actionsOf(lost().explained('InfraFault', NOW - 30 * SECOND))).toEqual([...held, ['Escalate', true]]);
  });

  test('is the cause also where no pod is left Ready', () => {
    const {verdict, explanation} = decide(anObservation().onLostNode('a', MINUTE, 3).build());
    expect(verdict).toBe('InfraFault');
    expect(explanation.message).not.toContain('other pods');
    expect(decide(anObservation().hanging('a', MINUTE, 3).build()).verdict).toBe('Unknown');
  });

  test('is not the cause where pods on other nodes fail as well', () => {
    const failing = lost().with({
      revisionWindows: [
        {
          ...{revision: 'a', ...counted({valid: 900, bad: 300}, NOW - MINUTE)},
          pods: [{podUid: 'a-1', ...counted({valid: 900, bad: 300}, NOW - MINUTE)}],
        },
      ],
    });
    expect(ruledOut(failing.serving({valid: 9_000, bad: 3_000}))).toContain('fail as well: api-a-1');
    expect(decide(failing.build())).toMatchObject({verdict: 'Unknown', action: undefined});
  });

  test('keeps no pod on another node from being replaced that hangs', () => {
    const all = lost()
      .build()
      .pods.map((pod) => (pod.uid === 'a-1' ? {...pod, ready: false, notReadySince: NOW - MINUTE} : pod));
    const decision = decide(
      lost()
        .with({pods: [...all, ...pods('a', 4).slice(3)]})
        .build(),
    );
    expect(decision).toMatchObject({verdict: 'Hung', action: {kind: 'Restart', targetUid: 'a-1'}});
  });

  test('keeps no bad release from being rolled back', () => {
    const release = anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 1});
    const all = release.build().pods.map((pod) => (pod.uid === 'a-0' ? {...pod, ready: false, nodeLost: true} : pod));
    expect(decide(release.with({pods: all}).build())).toMatchObject({verdict: 'BadRevision', serve: 'a'});
  });

  test('interrupts the eviction of its pod that was not begun', () => {
    const decision = decide(lost().remediation({action: aRestart()}).build());
    expect(decision.action).toBeUndefined();
    expect(decision.recentActions[0]).toMatchObject({
      ...{outcome: 'Interrupted', message: expect.stringContaining('is not heard of any more')},
    });
  });

  test('lets no release become good meanwhile, and its bake begins anew', () => {
    const baking = (): ObservationBuilder => anObservation().baking('b', HOUR);
    expect(decide(baking().onLostNode('b', MINUTE).build())).toMatchObject({
      ...{verdict: 'InfraFault', revisionPatches: [], lastKnownGood: 'a'},
    });
    expect(
      decide(
        baking()
          .explained('InfraFault', NOW - MINUTE)
          .build(),
      ).rolledOutAt,
    ).toBe(NOW);
    expect(
      decide(
        baking()
          .explained('Hung', NOW - MINUTE)
          .build(),
      ).rolledOutAt,
    ).toBe(NOW - HOUR);
  });
});

describe('a node that takes a pod away', () => {
  test('is named with its reason, as long as the pod is missing', () => {
    const decision = decide(takenAway().build());
    expect(decision).toMatchObject({verdict: 'InfraFault', action: undefined});
    expect(decision.explanation.message).toContain(
      'Node node-1 took pod api-a-9 away: The node was low on resource: memory.',
    );
    expect(
      decide(
        anObservation()
          .with({nodeEvictions: [evicted]})
          .build(),
      ).verdict,
    ).toBe('None');
  });

  test('is history after ten minutes', () => {
    const ago = (ms: number): ObservationBuilder => takenAway().with({nodeEvictions: [{...evicted, at: NOW - ms}]});
    expect(decide(ago(10 * MINUTE).build()).verdict).toBe('InfraFault');
    expect(decide(ago(10 * MINUTE + 1).build()).verdict).toBe('None');
  });
});

describe('many resources that breach at once', () => {
  test.each([
    ['three of ten', 2, 10, 'InfraFault'],
    ['two of ten', 1, 10, 'Unknown'],
    ['two of two', 1, 2, 'Unknown'],
    ['three of fifteen', 2, 15, 'InfraFault'],
    ['three of sixteen', 2, 16, 'Unknown'],
  ])('%s', (_, others, size, verdict) => {
    expect(decide(stormy(others, size).build())).toMatchObject({verdict, action: undefined});
  });

  test('are named where they share the namespace, else counted', () => {
    const {message, signals} = decide(stormy(4).build()).explanation;
    expect(message).toContain("5 of the operator's 10 resources");
    expect(message).toContain('beside this one shop-0, shop-1, 2 more.');
    expect(signals).toEqual([expect.objectContaining({value: '5 of 10', threshold: '3 and 20%'})]);
  });

  test('have nothing in common when one broke long after the others', () => {
    expect(decide(stormy(4, 10, 6 * MINUTE).build()).verdict).toBe('InfraFault');
    expect(decide(stormy(4, 10, 6 * MINUTE + SECOND).build()).verdict).toBe('Unknown');
  });

  test('hold what one of them would do: more pods, and a rollback by the onset alone', () => {
    const fleet = stormy(4).build().fleet;
    const overloaded = stormy(0)
      .with({load: {current: 200, baseline: 50, beforeRollout: 50}})
      .withPods('a', {cpuShare: 0.9})
      .withDatabase({maxConnections: 300})
      .with({fleet: {size: 10, others: []}});
    expect(decide(overloaded.build()).action).toMatchObject({kind: 'ScaleUp'});
    expect(decide(overloaded.with({fleet}).build())).toMatchObject({verdict: 'InfraFault', action: undefined});
    const baked = anObservation().baking('b').answering('b', {valid: 750, bad: 150});
    expect(decide(baked.build())).toMatchObject({verdict: 'BadRevision', serve: 'a'});
    expect(decide(baked.with({fleet}).build())).toMatchObject({verdict: 'InfraFault', serve: 'b', action: undefined});
  });

  test('do not hold the rollback of one whose old pods do better on the same machines', () => {
    const release = anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 1});
    expect(decide(release.with({fleet: stormy(4).build().fleet}).build())).toMatchObject({
      ...{verdict: 'BadRevision', serve: 'a'},
    });
  });

  test('are those whose own release is not the cause', () => {
    expect(sharedBreach(decide(stormy(0).build()))).toBe(true);
    expect(sharedBreach(decide(anObservation().build()))).toBe(false);
    const release = anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 1});
    const rolledBack = decide(release.build());
    expect(sharedBreach(rolledBack)).toBe(false);
    expect(sharedBreach(decide(release.remediation({action: rolledBack.action}).build()))).toBe(false);
  });
});
