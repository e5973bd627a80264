import {describe, expect, test} from '@jest/globals';
import {assess} from './assessment.ts';
import {stopped, type Candidate} from './guards.ts';
import {decide} from './index.ts';
import {
  anAction,
  anObservation,
  DAY,
  HOUR,
  migration,
  MINUTE,
  NOW,
  SECOND,
  type ObservationBuilder,
} from './testing.ts';
import {iso} from './text.ts';
import {witnesses} from './witnesses.ts';

const aBadRelease = (): ObservationBuilder =>
  anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 1});

const ended = (ago: number, change: Parameters<typeof anAction>[0] = {}) =>
  anAction({
    ...{id: `ended-${ago}`, state: 'Ended', outcome: 'Helped', fromRevision: 'x'},
    ...{recordedAt: iso(NOW - ago - 2 * MINUTE), endedAt: iso(NOW - ago)},
    ...change,
  });

const limits = (cooldownSeconds: number, maxActionsPerHour: number) => ({
  remediation: {
    mode: 'Auto' as const,
    actions: {rollback: 'Auto' as const},
    limits: {cooldownSeconds, maxActionsPerHour},
  },
});

test('the first guard in their order is the one that is named', () => {
  const everything = aBadRelease()
    .asking({
      paused: true,
      remediation: {mode: 'Observe', actions: {rollback: 'Auto'}, limits: {cooldownSeconds: 300, maxActionsPerHour: 1}},
    })
    .remediation({recentActions: [ended(MINUTE)], breaker: {state: 'Open', openedAt: iso(NOW - MINUTE)}})
    .knowing('a', {goodAt: NOW - 31 * DAY, suspendedAt: NOW - DAY})
    .withDatabase({migrations: [migration(4, false)]});
  const auto = limits(300, 1);
  const steps: [string, (o: ObservationBuilder) => ObservationBuilder][] = [
    ['Paused', (o) => o],
    ['Mode', (o) => o.asking({paused: false})],
    ['ReadOnly', (o) => o.asking({...auto, maintenance: {readOnly: true}})],
    ['Cooldown', (o) => o.asking({maintenance: {readOnly: false}})],
    ['HourlyLimit', (o) => o.remediation({recentActions: [ended(10 * MINUTE)]})],
    ['Breaker', (o) => o.remediation({recentActions: []})],
    ['TargetTooOld', (o) => o.remediation({breaker: {state: 'Closed'}})],
    ['TargetSuspended', (o) => o.knowing('a', {goodAt: NOW - DAY})],
    ['SchemaGate', (o) => o.with({revisions: o.build().revisions.map(({suspendedAt: _, ...facts}) => facts)})],
  ];
  let observation = everything;
  for (const [guard, step] of steps) {
    observation = step(observation);
    expect(decide(observation.build()).heldBy).toBe(guard);
  }
  expect(decide(observation.asking({release: {schemaGate: 'Off'}}).build())).toMatchObject({
    heldBy: undefined,
    serve: 'a',
  });
});

test('an action under way stops every other', () => {
  const o = aBadRelease().build();
  const revisions = new Map(o.revisions.map((facts) => [facts.hash, facts]));
  const a = assess(o, {revisions, target: revisions.get('a'), serve: 'b', rolledOutAt: undefined, recentActions: []});
  const candidate: Candidate = {
    a,
    kind: 'Rollback',
    action: anAction(),
    recentActions: [],
    breaker: {state: 'Closed'},
    witnesses: witnesses(a),
  };
  expect(stopped(candidate)).toEqual({guard: 'ActionUnderWay', reason: 'action action-1 is under way'});
  expect(stopped({...candidate, action: undefined})).toBeUndefined();
});

describe('the cool-down', () => {
  test('counts from the end of the last action, says when it ends, and passes then', () => {
    const after = (ago: number) =>
      decide(
        aBadRelease()
          .remediation({recentActions: [ended(ago)]})
          .build(),
      );
    const held = after(299 * SECOND);
    expect(held).toMatchObject({heldBy: 'Cooldown', serve: 'b', release: {kind: 'Progressing'}});
    expect(held.explanation).toMatchObject({
      actAt: iso(NOW + SECOND),
      considered: [
        {action: 'Rollback', taken: false, guard: 'Cooldown'},
        {action: 'Hold', taken: true},
      ],
    });
    expect(after(300 * SECOND)).toMatchObject({heldBy: undefined, serve: 'a'});
  });
});

describe('the hourly limit', () => {
  test('counts actions of the last hour and says when one more is allowed', () => {
    const recentActions = [10, 20, 30, 40].map((minutes) => ended(minutes * MINUTE));
    const held = decide(aBadRelease().remediation({recentActions}).build());
    expect(held.heldBy).toBe('HourlyLimit');
    expect(held.explanation.actAt).toBe(iso(NOW + 18 * MINUTE));
    const fewer = [...recentActions.slice(0, 3), ended(61 * MINUTE)];
    expect(decide(aBadRelease().remediation({recentActions: fewer}).build()).serve).toBe('a');
  });

  test('is also what the record has room for', () => {
    const recentActions = Array.from({length: 20}, (_, i) => ended((i + 1) * MINUTE));
    const held = decide(aBadRelease().asking(limits(0, 60)).remediation({recentActions}).build());
    expect(held.heldBy).toBe('HourlyLimit');
  });
});

describe('the breaker', () => {
  const failed = (...hours: number[]) => hours.map((h) => ended(h * HOUR, {outcome: 'NotHelped'}));

  test('opens after three actions in four hours that did not help', () => {
    const breaker = (recentActions: ReturnType<typeof failed>) =>
      decide(anObservation().remediation({recentActions}).build()).breaker;
    expect(breaker(failed(0.5, 2, 3.9))).toEqual({state: 'Open', openedAt: NOW});
    expect(breaker(failed(0.5, 2, 4.1))).toEqual({state: 'Closed'});
    expect(breaker([...failed(0.5, 2), ended(HOUR)])).toEqual({state: 'Closed'});
    expect(breaker([...failed(0.5, 2), ended(HOUR, {outcome: 'Interrupted'})])).toEqual({state: 'Closed'});
    expect(breaker([...failed(0.5, 2), ended(HOUR, {outcome: 'Worse'})]).state).toBe('Open');
  });

  test('stays open until an hour was healthy, and what had opened it does not open it again', () => {
    const open = {state: 'Open' as const, openedAt: iso(NOW - 90 * MINUTE)};
    const recentActions = failed(1.6, 2, 3);
    const after = (verdict: 'None' | 'Unknown', ago: number) =>
      decide(
        anObservation()
          .remediation({breaker: open, recentActions})
          .explained(verdict, NOW - ago)
          .build(),
      ).breaker;
    expect(after('None', 59 * MINUTE).state).toBe('Open');
    expect(after('Unknown', 2 * HOUR).state).toBe('Open');
    const closed = after('None', 61 * MINUTE);
    expect(closed).toEqual({state: 'Closed', openedAt: NOW - 90 * MINUTE});
    const then = anObservation().remediation({breaker: {...open, state: 'Closed'}, recentActions});
    expect(decide(then.build()).breaker.state).toBe('Closed');
  });

  test('does not close by an hour before it opened', () => {
    const open = {state: 'Open' as const, openedAt: iso(NOW - 10 * MINUTE)};
    const decision = decide(
      anObservation()
        .remediation({breaker: open})
        .explained('None', NOW - 3 * HOUR)
        .build(),
    );
    expect(decision.breaker.state).toBe('Open');
  });
});

describe('the schema gate', () => {
  test.each([
    ['no later migration', [migration(1), migration(3)], undefined],
    ['later ones that can be read', [migration(3), migration(4), migration(5)], undefined],
    ['an unreadable one that the target had seen', [migration(3, false), migration(4)], undefined],
    [
      'a later one that can not be read',
      [migration(4, false)],
      'revision a (migration 3) can not read what migration 4 made',
    ],
    [
      'one among later ones',
      [migration(4), migration(5, false), migration(6)],
      'revision a (migration 3) can not read what migration 5 made',
    ],
  ])('with %s', (_, migrations, reason) => {
    const decision = decide(aBadRelease().withDatabase({migrations}).build());
    expect(decision.heldBy).toBe(reason === undefined ? undefined : 'SchemaGate');
    if (reason !== undefined)
      expect(decision.release).toMatchObject({kind: 'Escalated', message: expect.stringContaining(reason)});
  });
});

describe('a guard that only a person can lift', () => {
  test('makes the release Escalated at once, with what was measured and what stopped it', () => {
    const decision = decide(aBadRelease().notKnowing('a', 'goodAt').build());
    expect(decision.heldBy).toBe('NoRollbackTarget');
    expect(decision.release).toEqual({
      kind: 'Escalated',
      message: expect.stringMatching(
        /^Revision b does worse .* Rollback not taken: no other revision ever became good\. Escalate: a person has to decide\.$/,
      ),
    });
    expect(decision.explanation.considered.map(({action, taken}) => [action, taken])).toEqual([
      ['Rollback', false],
      ['Escalate', true],
    ]);
  });

  test('says the same as long as it stands, whatever is measured meanwhile', () => {
    const escalates = aBadRelease().notKnowing('a', 'goodAt');
    const first = decide(escalates.build());
    const later = escalates.remediation({lastDecision: first.explanation}).answering('b', {valid: 500, bad: 90});
    expect(decide(later.build()).release).toEqual(first.release);
  });

  test('but evidence gets half a minute to become complete', () => {
    const alone = (): ObservationBuilder =>
      anObservation()
        .baking('b')
        .answeringByPod('b', [{valid: 250, bad: 50}]);
    const first = decide(alone().build());
    expect(first).toMatchObject({heldBy: 'Witnesses', release: {kind: 'Baking'}});
    const later = alone().remediation({lastDecision: {...first.explanation, time: iso(NOW - 30 * SECOND)}});
    expect(decide(later.build())).toMatchObject({heldBy: 'Witnesses', release: {kind: 'Escalated'}});
  });
});

describe('witnesses', () => {
  const heard = (builder: ObservationBuilder) => {
    const o = builder.build();
    const revisions = new Map(o.revisions.map((facts) => [facts.hash, facts]));
    const a = assess(o, {revisions, target: revisions.get('a'), serve: 'b', rolledOutAt: undefined, recentActions: []});
    return Object.fromEntries(witnesses(a).map(({name, answer}) => [name, answer]));
  };

  test.each([
    ['one bad new pod beside old ones', aBadRelease(), ['Confirms', 'Confirms', 'Abstains', 'Abstains']],
    [
      'old pods that fail as much',
      anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500, bad: 100}),
      ['Confirms', 'Contradicts', 'Abstains', 'Abstains'],
    ],
    [
      'several bad pods alone',
      anObservation().baking('b').answering('b', {valid: 750, bad: 150}),
      ['Confirms', 'Abstains', 'Confirms', 'Abstains'],
    ],
    [
      'one bad pod among good ones',
      anObservation()
        .baking('b')
        .answeringByPod('b', [{valid: 600, bad: 300}, {valid: 600}]),
      ['Confirms', 'Abstains', 'Contradicts', 'Abstains'],
    ],
    [
      'a crash loop beside old pods',
      anObservation().rollingOut('b').crashing('b').with({revisionWindows: []}),
      ['Abstains', 'Confirms', 'Abstains', 'Confirms'],
    ],
    [
      'one pod that crashes while the others serve well',
      anObservation().rollingOut('b').answering('b', {valid: 2_000}).crashing('b'),
      ['Contradicts', 'Confirms', 'Abstains', 'Confirms'],
    ],
  ])('are heard of %s', (_, observation, [podReadings, contrast, twoPods, podStatus]) => {
    expect(heard(observation)).toEqual({podReadings, contrast, twoPods, podStatus, database: 'Abstains'});
  });

  test('let nothing happen before the database was asked after the newest response', () => {
    const asked = (askedAt: number): ObservationBuilder => {
      const {database} = aBadRelease().build();
      return aBadRelease().with({database: {...database, reachable: true, askedAt}});
    };
    const newest = Math.max(
      ...aBadRelease()
        .build()
        .revisionWindows.map(({to}) => to),
    );
    expect(heard(asked(newest - 1))).toMatchObject({database: 'Awaited'});
    expect(decide(asked(newest - 1).build())).toMatchObject({action: undefined, heldBy: 'Witnesses'});
    expect(decide(asked(newest).build()).action).toMatchObject({kind: 'Rollback'});
  });
});
