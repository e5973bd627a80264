import {describe, expect, test} from '@jest/globals';
import {decide} from './index.ts';
import {anObservation, HOUR, MINUTE, NOW, pods, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

const BAD = {valid: 250, bad: 50};

/** The reason why a verdict was ruled out. */
const ruledOut = (observation: ObservationBuilder, verdict: string): string | undefined =>
  decide(observation.build()).explanation.ruledOut.find((other) => other.verdict === verdict)?.reason;

describe('TelemetryGap', () => {
  const service = anObservation;

  test('is when fewer than half of the Ready pods can be read', () => {
    const readable = (failed: number): string => {
      const all = pods('a', 3).map((pod, i) => ({...pod, failedReads: i < failed ? 3 : 2}));
      return decide(service().with({pods: all}).build()).verdict;
    };
    expect([0, 1, 2, 3].map(readable)).toEqual(['None', 'None', 'TelemetryGap', 'TelemetryGap']);
  });

  test('is when none of the pods that are judged can be read, though most others can', () => {
    const decision = decide(anObservation().rollingOut('b').withPods('b', {failedReads: 3}).build());
    expect(decision.verdict).toBe('TelemetryGap');
    expect(decision.explanation.message).toContain('api-b-0 could not be read in 3 tries');
    expect(decision.explanation.signals).toEqual([
      expect.objectContaining({name: 'readable pods', value: '3 of 4', time: iso(NOW)}),
    ]);
  });

  test('names the Prometheus that tells nothing, and why', () => {
    const source = {prometheus: 'main', problem: 'it did not answer within 5 s'};
    const {explanation} = decide(service().withPods('a', {failedReads: 3}).with({source}).build());
    expect(explanation.message).toContain('in 3 tries: Prometheus "main": it did not answer within 5 s.');
    expect(explanation.signals).toMatchObject([{source: 'Prometheus "main"'}]);
  });

  test('is not for pods that are not Ready, leave, or were never tried', () => {
    const unready = pods('b', 5).map((pod) => ({...pod, ready: false, failedReads: 9}));
    const leaving = pods('c', 5).map((pod) => ({...pod, terminating: true, failedReads: 9}));
    const fresh = pods('a', 3).map(({failedReads: _, ...pod}) => pod);
    expect(
      decide(
        service()
          .with({pods: [...unready, ...leaving, ...fresh]})
          .build(),
      ).verdict,
    ).toBe('None');
  });
});

describe('DatabaseSaturated', () => {
  const breached = (): ObservationBuilder => anObservation().serving({valid: 15_000, bad: 3_000});

  test.each([
    ['refused connections and full threads', {connectionErrorsMax: 1, threadsConnected: 219, maxConnections: 230}],
    ['pool waits and slow queries', {poolWaits: 3, slowQueries: 2}],
    ['running threads and pool waits', {threadsRunning: 225, maxConnections: 230, poolWaits: 1}],
  ])('is by two signs: %s', (_, facts) => {
    const decision = decide(breached().withDatabase(facts).build());
    expect(decision.verdict).toBe('DatabaseSaturated');
    expect(decision.explanation.signals).toHaveLength(2);
    expect(decision.explanation.considered.map(({action, taken}) => [action, taken])).toEqual([
      ['Rollback', false],
      ['Restart', false],
      ['ScaleUp', false],
      ['Escalate', true],
    ]);
  });

  test.each([
    ['one sign', {connectionErrorsMax: 5}, 'only one sign of saturation: refused connections'],
    [
      'connections and running threads, which are the same sign',
      {threadsConnected: 230, threadsRunning: 230, maxConnections: 230},
      'only one sign of saturation: connections or running threads',
    ],
    ['no sign', {threadsConnected: 3, maxConnections: 230}, 'the database shows no sign of saturation'],
  ])('is not by %s', (_, facts, reason) => {
    expect(ruledOut(breached().withDatabase(facts), 'DatabaseSaturated')).toBe(reason);
  });

  test('is not without a breach', () => {
    expect(decide(anObservation().withDatabase({poolWaits: 3, slowQueries: 2}).build()).verdict).toBe('None');
  });

  test('is not when it began with a new revision: that is to blame, and rolled back', () => {
    const release = anObservation()
      .rollingOut('b')
      .answering('b', BAD, {valid: 500})
      .withDatabase({poolWaits: 3, slowQueries: 2});
    expect(decide(release.build())).toMatchObject({verdict: 'BadRevision', serve: 'a'});
    expect(ruledOut(release, 'DatabaseSaturated')).toContain('since the new revision is rolled out');
  });

  test('is not when the new pods bring most of the load, though it was saturated before', () => {
    const release = anObservation()
      .rollingOut('b')
      .answering('b', BAD, {valid: 500})
      .withDatabase({poolWaits: 3, slowQueries: 2, shareFromNewPods: 0.7})
      .explained('DatabaseSaturated', NOW - HOUR);
    expect(ruledOut(release, 'DatabaseSaturated')).toContain('70% of its load comes from pods of the new revision');
  });
});

describe('DatabaseDown', () => {
  test('is when its probe fails, and says since when and why', () => {
    const since = NOW - 20 * SECOND;
    const decision = decide(
      anObservation().withDatabase({reachable: false, unreachableSince: since, reason: 'ECONNREFUSED'}).build(),
    );
    expect(decision.verdict).toBe('DatabaseDown');
    expect(decision.explanation.message).toContain(`The database does not answer since ${iso(since)}: ECONNREFUSED.`);
    expect(decision.explanation.considered.map(({action, taken}) => [action, taken])).toEqual([
      ['Rollback', false],
      ['Restart', false],
      ['Hold', true],
    ]);
  });

  test('is not while a database is started for the first time, but is when that lasts too long', () => {
    const startedAgo = (ago: number): string =>
      decide(
        anObservation()
          .new()
          .withDatabase({reachable: false, unreachableSince: NOW - ago})
          .build(),
      ).verdict;
    expect(startedAgo(9 * MINUTE)).toBe('None');
    expect(startedAgo(11 * MINUTE)).toBe('DatabaseDown');
  });

  test('is no more when the measurements are all of after its outage', () => {
    const outage = {from: NOW - 2 * MINUTE, to: NOW - 80 * SECOND};
    const bake = anObservation()
      .baking('b', 10 * MINUTE)
      .answering('b', {valid: 750, bad: 150})
      .withDatabase({lastOutage: outage});
    expect(decide(bake.build()).verdict).toBe('BadRevision');
  });

  test('abstains where it can not be asked', () => {
    const release = anObservation()
      .rollingOut('b')
      .answering('b', BAD, {valid: 500})
      .with({
        database: {migrations: []},
      });
    expect(ruledOut(release, 'DatabaseDown')).toBe('its probe abstains');
  });
});

describe('RolloutBlocked', () => {
  const rollout = (): ObservationBuilder =>
    anObservation()
      .rollingOut('b')
      .withPods('b', {ready: false})
      .withDeployment({readyByRevision: {a: 3}});
  const waiting = (reason: string, message = 'because') => ({waiting: {container: 'api', reason, message}});

  test.each([
    [
      'an image that can not be pulled',
      rollout().withPods('b', waiting('ErrImagePull')),
      'ImagePullFailed',
      'image example.com/api:b can not be pulled',
    ],
    [
      'the wait for the next pull',
      rollout().withPods('b', waiting('ImagePullBackOff')),
      'ImagePullFailed',
      'image example.com/api:b can not be pulled',
    ],
    [
      'a missing Secret',
      rollout().withPods('b', waiting('CreateContainerConfigError', 'secret "keys" not found')),
      'ReferenceMissing',
      'pod api-b-0, container api: CreateContainerConfigError: secret "keys" not found',
    ],
    [
      'no node',
      rollout().withPods('b', {unschedulable: '0/3 nodes are available: 3 Insufficient cpu.'}),
      'Unschedulable',
      'pod api-b-0: 0/3 nodes are available: 3 Insufficient cpu.',
    ],
    [
      'a quota',
      rollout().withDeployment({replicaFailure: 'pods "x" is forbidden: exceeded quota: small'}),
      'QuotaExceeded',
      'pods can not be created: pods "x" is forbidden: exceeded quota: small',
    ],
    [
      'admission',
      rollout().withDeployment({replicaFailure: 'admission webhook "policy" denied the request'}),
      'RolloutBlocked',
      'pods can not be created: admission webhook "policy" denied the request',
    ],
    [
      'a container that can not be created',
      rollout().withPods('b', waiting('CreateContainerError', 'no command')),
      'RolloutBlocked',
      'pod api-b-0, container api: CreateContainerError: no command',
    ],
  ])('is by %s; the old pods serve, and the revision is held, not rejected', (_, observation, reason, message) => {
    const decision = decide(observation.build());
    expect(decision).toMatchObject({
      ...{verdict: 'RolloutBlocked', serve: 'b', action: undefined, revisionPatches: [], breached: false},
      release: {kind: 'Blocked', reason, message, pastDeadline: false},
    });
    expect(decision.explanation.considered).toEqual([
      {action: 'Rollback', taken: false, reason: 'the revision is held, not rejected: it never served'},
      {action: 'Hold', taken: true, reason: 'the old pods serve; it goes on by itself when the cause is gone'},
    ]);
  });

  test('calls a person past the deadline', () => {
    const late = rollout()
      .withPods('b', waiting('ErrImagePull'))
      .withDeployment({rolloutStartedAt: NOW - 11 * MINUTE});
    const decision = decide(late.build());
    expect(decision.release).toMatchObject({kind: 'Blocked', pastDeadline: true});
    expect(decision.explanation.considered.map(({action}) => action)).toEqual(['Rollback', 'Hold', 'Escalate']);
  });

  test('is by pods that never become Ready, past the deadline only', () => {
    const after = (ago: number) =>
      decide(
        rollout()
          .withDeployment({rolloutStartedAt: NOW - ago})
          .build(),
      );
    expect(after(9 * MINUTE)).toMatchObject({verdict: 'None', release: {kind: 'Progressing'}});
    expect(after(11 * MINUTE)).toMatchObject({
      verdict: 'RolloutBlocked',
      release: {
        kind: 'Blocked',
        reason: 'RolloutStuck',
        message: '0 of 3 pods of the new revision became Ready',
        pastDeadline: true,
      },
    });
  });

  test('goes on by itself when the cause is gone', () => {
    const before = rollout().withPods('b', waiting('ErrImagePull'));
    expect(decide(before.build()).release.kind).toBe('Blocked');
    expect(decide(before.with({pods: [...pods('a', 3), ...pods('b', 1)]}).build()).release.kind).toBe('Progressing');
  });

  test('does not hide that those pods that do serve fail', () => {
    const half = anObservation().rollingOut('b').answering('b', BAD, {valid: 500});
    const second = {...pods('b', 2)[1], ready: false, unschedulable: 'no node fits'};
    const both = half.with({pods: [...pods('a', 3), ...pods('b', 1), second as ReturnType<typeof pods>[number]]});
    expect(decide(both.build())).toMatchObject({verdict: 'BadRevision', serve: 'a'});
  });

  test('is not of pods that an autoscaler adds after the rollout', () => {
    const pending = {
      ...(pods('a', 4)[3] as ReturnType<typeof pods>[number]),
      ready: false,
      unschedulable: 'no node fits',
    };
    const scaled = anObservation()
      .with({pods: [...pods('a', 3), pending]})
      .withDeployment({rolloutComplete: false});
    expect(decide(scaled.build())).toMatchObject({verdict: 'None', release: {kind: 'Settled'}});
  });
});

describe('Unknown', () => {
  test('calls a person when it lasts, not at the first look', () => {
    const breached = (): ObservationBuilder => anObservation().serving({valid: 15_000, bad: 3_000});
    const first = decide(breached().build());
    expect(first).toMatchObject({verdict: 'Unknown', lookAgainMs: 5_000, release: {kind: 'Settled'}});
    expect(first.explanation.considered.map(({action}) => action)).toEqual(['Rollback', 'Hold']);
    const waited = (time: number) =>
      decide(
        breached()
          .remediation({lastDecision: {...first.explanation, time: iso(time)}})
          .build(),
      ).explanation.considered;
    expect(waited(NOW - 29 * SECOND).map(({action}) => action)).toEqual(['Rollback', 'Hold']);
    const called = waited(NOW - 30 * SECOND);
    expect(called.map(({action}) => action)).toEqual(['Rollback', 'Escalate']);
    expect(decide(breached().explained('Unknown', NOW, called).build()).explanation.considered).toEqual(called);
  });

  test('is when no pod is Ready, though pods were', () => {
    const down = anObservation().withPods('a', {ready: false}).withDeployment({readyReplicas: 0, readyByRevision: {}});
    const decision = decide(down.build());
    expect(decision).toMatchObject({verdict: 'Unknown', breached: true});
    expect(decision.explanation.message).toContain('No pod is Ready');
  });

  test('does not call a person for pods that are being replaced', () => {
    const fix = anObservation()
      .notKnowing('a', 'goodAt')
      .rollingOut('b')
      .answering('a', {valid: 700, bad: 200})
      .explained('Unknown', NOW - HOUR);
    const decision = decide(fix.build());
    expect(decision).toMatchObject({verdict: 'Unknown', release: {kind: 'Progressing'}, revisionPatches: []});
    expect(decision.explanation.considered[1]?.action).toBe('Hold');
  });
});
