import {describe, expect, test} from '@jest/globals';
import {revisionAnnotations, type ActionRecord} from '../api/v1alpha1/index.ts';
import {decide, measuredSince} from './index.ts';
import {
  anAction,
  anObservation,
  counted,
  HOUR,
  MINUTE,
  NOW,
  SECOND,
  type ObservationBuilder,
  type Responses,
} from './testing.ts';
import {iso} from './text.ts';

const {suspended, rejected} = revisionAnnotations;

/** b was rolled back from; the Deployment carries `carries`. */
function rollingBack(action: Partial<ActionRecord>, carries = 'a'): ObservationBuilder {
  return anObservation()
    .releasing('b')
    .knowing('b', {suspendedAt: NOW - 5 * MINUTE, breachedAt: NOW - 5 * MINUTE})
    .standing({serving: 'a', rolledOutAt: action.rolledOutAt})
    .remediation({action: anAction(action)})
    .withDeployment({revision: carries})
    .with({serviceWindow: undefined});
}

/** Its rollout is complete since `ago`, and this came since. */
function verifying(ago: number, responses?: Responses): ObservationBuilder {
  const since = NOW - ago;
  const times = {appliedAt: iso(since - 10 * SECOND), rolledOutAt: iso(since)};
  const serviceWindow = responses && counted(responses, Math.max(since, NOW - 5 * MINUTE));
  return rollingBack({state: 'Verifying', ...times}).with({serviceWindow});
}

const end = (observation: ObservationBuilder): ActionRecord | undefined => decide(observation.build()).recentActions[0];

describe('an action', () => {
  test('stays Recorded until the suspension is on the revision, which is asked for until it is', () => {
    const observation = rollingBack({}).with({
      revisions: rollingBack({})
        .build()
        .revisions.map(({suspendedAt: _, ...facts}) => facts),
    });
    expect(decide(observation.build())).toMatchObject({
      ...{serve: 'a', action: {state: 'Recorded'}},
      revisionPatches: [{hash: 'b', annotations: {[suspended]: iso(NOW - 5 * MINUTE)}}],
    });
  });

  test('stays Recorded until the Deployment carries its target, and serves it all the while', () => {
    expect(decide(rollingBack({}, 'b').build())).toMatchObject({
      ...{serve: 'a', verdict: 'BadRevision', action: anAction(), revisionPatches: []},
      release: {kind: 'RollingBack', message: expect.stringContaining('from revision b to a')},
    });
  });

  test('is Applied when the Deployment carries it', () => {
    const applied = decide(rollingBack({}).withDeployment({rolloutComplete: false}).build()).action;
    expect(applied).toEqual(anAction({state: 'Applied', appliedAt: iso(NOW)}));
  });

  test('is Verifying when it is rolled out, and keeps the times that were recorded', () => {
    expect(decide(rollingBack({}).build()).action).toEqual(
      anAction({state: 'Verifying', appliedAt: iso(NOW), rolledOutAt: iso(NOW)}),
    );
    const times = {appliedAt: iso(NOW - MINUTE), rolledOutAt: iso(NOW - 10 * SECOND)};
    const again = rollingBack({state: 'Verifying', ...times}).withDeployment({rolloutComplete: false});
    expect(decide(again.build()).action).toEqual(anAction({state: 'Verifying', ...times}));
  });

  test('goes on where the revision that it left is gone', () => {
    const observation = rollingBack({});
    const [target] = observation.build().revisions;
    const decision = decide(observation.with({revisions: target === undefined ? [] : [target]}).build());
    expect(decision).toMatchObject({serve: 'a', rolledOutAt: NOW, action: {state: 'Verifying'}});
  });

  test('is not ended before the suspension is on the revision that it leaves', () => {
    const unsuspended = rollingBack({})
      .build()
      .revisions.map(({suspendedAt: _, ...facts}) => facts);
    const early = rollingBack({}).with({revisions: unsuspended}).withPods('a', {imageId: 'sha256:other'});
    for (const observation of [early, early.withDeployment({uid: 'new'})]) {
      expect(decide(observation.build())).toMatchObject({serve: 'a', action: {state: 'Recorded'}, recentActions: []});
    }
  });
});

describe('it ended as', () => {
  const cases: [string, ObservationBuilder, ActionRecord['outcome'], string][] = [
    [
      'Helped by enough good responses',
      verifying(MINUTE, {valid: 3_000, bad: 2}),
      'Helped',
      '2 of 3000 responses were bad, 0 slow',
    ],
    ['nothing within the first minute', verifying(59 * SECOND, {valid: 3_000}), undefined, ''],
    ['nothing with too few responses to tell', verifying(2 * MINUTE, {valid: 300, bad: 1}), undefined, ''],
    ['nothing while no response came', verifying(9 * MINUTE), undefined, ''],
    [
      'NotHelped when the breach goes on',
      verifying(MINUTE, {valid: 3_000, bad: 600}),
      'NotHelped',
      'Since the rollback 20% of responses were bad (600 of 3000',
    ],
    [
      'Helped after ten minutes with few responses and no breach',
      verifying(10 * MINUTE, {valid: 10}),
      'Helped',
      'No objective was breached',
    ],
    [
      'NotHelped after ten minutes with hardly any response',
      verifying(10 * MINUTE, {valid: 9}),
      'NotHelped',
      'Too few responses came',
    ],
    [
      'Worse when no pod is Ready',
      verifying(MINUTE).withDeployment({readyReplicas: 0, readyByRevision: {}}),
      'Worse',
      'No pod of revision a is Ready.',
    ],
    [
      'nothing while the database is down',
      verifying(2 * MINUTE, {valid: 900, bad: 900}).withDatabase({reachable: false}),
      undefined,
      '',
    ],
    [
      'NotHelped when the database is down for ten minutes',
      verifying(10 * MINUTE, {valid: 900, bad: 900}).withDatabase({reachable: false}),
      'NotHelped',
      'could not be judged: The database does not answer',
    ],
    [
      'nothing while its pods can not be read',
      verifying(2 * MINUTE, {valid: 3_000}).withPods('a', {failedReads: 3}),
      undefined,
      '',
    ],
    [
      'Helped without responses when crashes were the reason',
      forCrashes(verifying(MINUTE)),
      'Helped',
      'The pods that crashed are gone',
    ],
    [
      'TargetChanged when a pod runs another image',
      verifying(5 * SECOND).withPods('a', {imageId: 'sha256:other'}),
      'TargetChanged',
      'runs sha256:other, but revision a became good as sha256:a',
    ],
    [
      'nothing when it is the same image under another name',
      rollingBack({state: 'Applied', appliedAt: iso(NOW - MINUTE)})
        .withDeployment({rolloutComplete: false})
        .withPods('a', {imageId: 'mirror.example.com/api@sha256:a'}),
      undefined,
      '',
    ],
    [
      'NotHelped when its pods do not become available in the time that a rollout may take',
      rollingBack({state: 'Applied', appliedAt: iso(NOW - 11 * MINUTE)})
        .withDeployment({rolloutComplete: false})
        .withPods('a', {ready: false, waiting: {container: 'api', reason: 'ImagePullBackOff', message: 'gone'}}),
      'NotHelped',
      'Revision a did not roll out: image example.com/api:a can not be pulled.',
    ],
    [
      'nothing yet while it may still roll out',
      rollingBack({state: 'Applied', appliedAt: iso(NOW - 10 * MINUTE)}).withDeployment({rolloutComplete: false}),
      undefined,
      '',
    ],
    [
      'nothing, though a window from before its rollout is at hand',
      verifying(2 * MINUTE).serving({valid: 15_000, bad: 9_000}, NOW - 3 * MINUTE),
      undefined,
      '',
    ],
    [
      'Interrupted when another revision is released',
      verifying(MINUTE).releasing('c'),
      'Interrupted',
      'revision c was released meanwhile',
    ],
    [
      'Interrupted when its revision is retried',
      verifying(MINUTE).with({retry: 'b'}),
      'Interrupted',
      'revision b is retried',
    ],
    [
      'Interrupted when the Deployment is another',
      verifying(5 * SECOND).withDeployment({uid: 'new'}),
      'Interrupted',
      'the Deployment was replaced',
    ],
    ['nothing when a person releases what it rolls back to', verifying(5 * SECOND).with({desired: 'a'}), undefined, ''],
    ['nothing while the Deployment is not seen', verifying(5 * SECOND).with({deployment: undefined}), undefined, ''],
    [
      'nothing while the Secret of the wanted revision is missing',
      verifying(5 * SECOND).with({desired: undefined}),
      undefined,
      '',
    ],
  ];

  test.each(cases)('%s', (_, observation, outcome, message) => {
    const ended = end(observation);
    expect(ended?.outcome).toBe(outcome);
    if (outcome === undefined) {
      expect(decide(observation.build()).action?.id).toBe('action-1');
      return;
    }
    expect(ended).toMatchObject({id: 'action-1', state: 'Ended', endedAt: iso(NOW)});
    expect(ended?.message).toMatch(/^Revision b fails\. /);
    expect(ended?.message).toContain(message);
    expect(decide(observation.build()).action).toBeUndefined();
  });

  function forCrashes(observation: ObservationBuilder): ObservationBuilder {
    const {action, explanation} = decide(anObservation().rollingOut('b').crashing('b').build());
    expect(action).toBeDefined();
    return observation.remediation({lastDecision: explanation});
  }
});

describe('after it', () => {
  test('helped, the revision is Rejected, also when that could not be written at once', () => {
    const ended = decide(verifying(MINUTE, {valid: 3_000}).build());
    expect(ended.revisionPatches).toEqual([{hash: 'b', annotations: {[rejected]: iso(NOW)}}]);
    const [record] = ended.recentActions;
    const later = rollingBack({}).remediation({recentActions: record === undefined ? [] : [record], action: undefined});
    expect(decide(later.with({now: NOW + HOUR}).build())).toMatchObject({
      ...{serve: 'a', revisionPatches: ended.revisionPatches},
      release: {kind: 'Rejected'},
    });
    expect(decide(later.knowing('b', {rejectedAt: NOW}).build())).toMatchObject({
      ...{serve: 'a', revisionPatches: []},
      release: {kind: 'Rejected', message: expect.stringContaining('retry: b')},
    });
  });

  test('did not help, a person decides, and nothing is undone', () => {
    const decision = decide(verifying(MINUTE, {valid: 3_000, bad: 600}).build());
    expect(decision).toMatchObject({serve: 'a', release: {kind: 'Escalated'}, revisionPatches: [], verdict: 'Unknown'});
  });

  test('was interrupted by a release, that is served, and the revision that was left stays suspended', () => {
    const decision = decide(verifying(MINUTE).releasing('c').build());
    expect(decision).toMatchObject({serve: 'c', action: undefined, revisionPatches: []});
    expect(decide(verifying(MINUTE).releasing('c').with({desired: 'b'}).build()).serve).toBe('a');
  });

  test('was interrupted by a retry, its revision serves again', () => {
    expect(decide(verifying(MINUTE).with({retry: 'b'}).build())).toMatchObject({serve: 'b', action: undefined});
  });

  test('was interrupted by a retry before it was begun, the retry is not judged by what was measured before', () => {
    const limits = {cooldownSeconds: 0, maxActionsPerHour: 4};
    const observation = anObservation()
      .rollingOut('b')
      .answering('b', {valid: 250, bad: 50}, {valid: 500})
      .asking({remediation: {mode: 'Auto', actions: {rollback: 'Auto'}, limits}})
      .remediation({action: anAction()})
      .with({retry: 'b'});
    const decision = decide(observation.build());
    expect(decision).toMatchObject({serve: 'b', action: undefined, recentActions: [{outcome: 'Interrupted'}]});
  });

  test('is begun again after a retry, the revision is not Rejected for the one before', () => {
    const before = anAction({id: 'before', state: 'Ended', outcome: 'Helped', endedAt: iso(NOW - HOUR)});
    expect(
      decide(
        rollingBack({}, 'b')
          .remediation({recentActions: [before]})
          .build(),
      ).revisionPatches,
    ).toEqual([]);
  });

  test('ended, at most 20 are remembered, each once', () => {
    const known = Array.from({length: 20}, (_, i) =>
      anAction({id: `old-${i}`, state: 'Ended', outcome: 'Helped', endedAt: iso(NOW - HOUR)}),
    );
    const decision = decide(verifying(MINUTE, {valid: 3_000}).remediation({recentActions: known}).build());
    expect(decision.recentActions.map(({id}) => id)).toEqual(['action-1', ...known.slice(0, 19).map(({id}) => id)]);
    const stale = verifying(MINUTE, {valid: 3_000}).remediation({
      recentActions: [anAction({state: 'Ended'}), ...known.slice(0, 3)],
    });
    expect(decide(stale.build()).recentActions.map(({id}) => id)).toEqual(['action-1', 'old-0', 'old-1', 'old-2']);
  });

  test('a record that stands as Ended in its place is not taken for one under way', () => {
    const odd = anObservation().remediation({
      action: anAction({state: 'Ended', outcome: 'Helped', endedAt: iso(NOW - HOUR)}),
    });
    expect(decide(odd.build())).toMatchObject({action: undefined, recentActions: [{id: 'action-1'}]});
  });
});

describe('what serves is measured since', () => {
  const action = anAction({state: 'Ended', rolledOutAt: iso(NOW - MINUTE)});
  test.each([
    ['nothing is known', undefined, undefined],
    ['nothing was rolled out', {}, undefined],
    ['its rollout', {revisions: {rolledOutAt: iso(NOW)}}, NOW],
    [
      'the rollout of the action',
      {revisions: {rolledOutAt: iso(NOW - HOUR)}, remediation: {mode: 'Auto' as const, action}},
      NOW - MINUTE,
    ],
    [
      'the rollout of the last action',
      {revisions: {rolledOutAt: iso(NOW - HOUR)}, remediation: {mode: 'Auto' as const, recentActions: [action]}},
      NOW - MINUTE,
    ],
  ])('%s', (_, status, since) => {
    expect(measuredSince(status)).toBe(since);
  });
});
