import {describe, expect, test} from '@jest/globals';
import type {ChildResult} from '../act/children.ts';
import {conditionTypes, reasons, type Condition, type ConditionType} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {decide, type Decision, type Observation} from '../remediation/index.ts';
import {anAction, anObservation} from '../remediation/testing.ts';
import {conditionsOf, type ConditionInput} from './conditions.ts';

const NOW = new Date('2026-03-02T12:00:00.750Z');
const API = aMaintenanceApi();
const REST = anObservation().build();

const aChild = (change: Partial<ChildResult> = {}): ChildResult => ({
  ...{kind: 'Service', name: 'shop', refused: undefined, contested: false, differences: []},
  ...change,
});

/** A service at rest, with one thing changed. */
function input(change: Partial<ConditionInput> = {}): ConditionInput {
  return {
    api: API,
    now: NOW,
    observation: REST,
    decision: decide(REST),
    children: [aChild()],
    missing: [],
    problems: [],
    accessMissing: undefined,
    unread: undefined,
    database: {state: 'Ready'},
    presence: {PrometheusRule: 'Absent', PodMonitor: 'Absent', HTTPRoute: 'Absent'},
    backup: {status: 'True', reason: 'BackupReady', message: 'Backup "b" is there'},
    objectives: [],
    ...change,
  };
}

const withRelease = (release: Decision['release'], change: Partial<Decision> = {}): Partial<ConditionInput> => ({
  decision: {...decide(REST), release, ...change},
});
const withDeployment = (change: Partial<NonNullable<Observation['deployment']>>): Partial<ConditionInput> => {
  if (REST.deployment === undefined) throw new Error('a service at rest has a Deployment');
  return {observation: {...REST, deployment: {...REST.deployment, ...change}}};
};
const blocked = (pastDeadline: boolean): Partial<ConditionInput> =>
  withRelease({kind: 'Blocked', reason: 'ImagePullFailed', message: 'image x can not be pulled', pastDeadline});

function conditions(change: Partial<ConditionInput> = {}): Record<ConditionType, Condition> {
  return Object.fromEntries(conditionsOf(input(change)).map((condition) => [condition.type, condition])) as Record<
    ConditionType,
    Condition
  >;
}

const short = ({status, reason}: Condition): string => `${status} ${reason}`;

describe('Ready, Reconciling and Stalled', () => {
  const calm = 'False UpToDate';
  const going = 'True Progressing';
  const free = 'False NotStalled';

  test.each<[story: string, change: Partial<ConditionInput>, ready: string, reconciling: string, stalled: string]>([
    ['all is as asked', {}, 'True Ready', calm, free],
    [
      'a revision bakes',
      withRelease({kind: 'Baking', message: 'bakes', until: 0}),
      ...(['True Ready', calm, free] as const),
    ],
    [
      'a maintenance window never opens',
      {api: aMaintenanceApi({maintenanceWindows: [{schedule: '0 0 31 2 *'}]})},
      ...(['False MaintenanceWindowInvalid', calm, 'True MaintenanceWindowInvalid'] as const),
    ],
    [
      'a revision is rolled out',
      withRelease({kind: 'Progressing', message: '1 of 3'}),
      ...(['False Progressing', going, free] as const),
    ],
    [
      'the first one is awaited',
      withRelease({kind: 'Waiting', message: 'not yet'}),
      ...(['False Progressing', going, free] as const),
    ],
    ['a rollout is blocked', blocked(false), 'False ImagePullFailed', going, free],
    [
      'a rollout is blocked beyond its deadline',
      blocked(true),
      ...(['False ProgressDeadlineExceeded', calm, 'True ProgressDeadlineExceeded'] as const),
    ],
    [
      'a revision is being rolled back from',
      withRelease({kind: 'RollingBack', message: 'back to a'}, {action: anAction()}),
      ...(['False RevisionSuspended', going, free] as const),
    ],
    [
      'a revision was rolled back from, and that helped',
      withRelease({kind: 'Rejected', message: 'b is rejected'}),
      ...(['False RevisionRejected', calm, 'True RevisionRejected'] as const),
    ],
    [
      'a person has to decide',
      withRelease({kind: 'Escalated', message: 'decide'}),
      ...(['False Escalated', calm, 'True Escalated'] as const),
    ],
    [
      'the database starts',
      {database: {state: 'Starting', reason: 'VolumePending', message: 'pending', stalled: false}},
      ...(['False VolumePending', going, free] as const),
    ],
    [
      'the database does not answer',
      {database: {state: 'Unreachable', message: 'no answer'}},
      ...(['False DatabaseUnreachable', going, free] as const),
    ],
    [
      'data is missing',
      {database: {state: 'DataMissing', message: 'empty'}},
      ...(['False DataMissing', calm, 'True DataMissing'] as const),
    ],
    [
      'a Secret is missing',
      {missing: [{kind: 'Secret', name: 'licence', key: undefined}]},
      ...(['False ReferenceMissing', calm, 'True ReferenceMissing'] as const),
    ],
    [
      'a child is refused',
      {children: [aChild({refused: 'too large'})]},
      ...(['False ApplyRefused', calm, 'True ApplyRefused'] as const),
    ],
    ['a child is contested', {children: [aChild({contested: true})]}, 'False NotReady', going, free],
    ['a permission is missing', {accessMissing: 'apply this'}, 'False AccessMissing', calm, 'True AccessMissing'],
    ['Secrets could not be read', {unread: 'timed out'}, 'False Progressing', going, free],
    [
      'an account does not work',
      {problems: [{message: 'app can not log in', lasting: true}]},
      ...(['False AccountsInvalid', calm, 'True AccountsInvalid'] as const),
    ],
    [
      'accounts can not be checked',
      {problems: [{message: 'not checked', lasting: false}]},
      ...(['False AccountsInvalid', going, free] as const),
    ],
    ['pods are missing', withDeployment({readyReplicas: 2}), 'False NotReady', going, free],
    ['there is no Deployment', {observation: {...REST, deployment: undefined}}, 'False Progressing', going, free],
  ])('%s', (_story, change, ready, reconciling, stalled) => {
    const all = conditions(change);
    expect([short(all.Ready), short(all.Reconciling), short(all.Stalled)]).toEqual([ready, reconciling, stalled]);
  });

  test('a rejected revision leaves the service available', () => {
    const all = conditions(withRelease({kind: 'Rejected', message: 'b is rejected'}));
    expect(short(all.Available)).toBe('True Available');
  });

  test('the messages of all that is wrong are told, the most telling first', () => {
    const {Ready, Stalled} = conditions({
      ...blocked(false),
      missing: [{kind: 'Secret', name: 'licence', key: 'text'}],
      children: [aChild({refused: 'too large'})],
    });
    expect(Ready.message).toBe(
      'Secret "licence" has no key "text"; Service "shop" was refused: too large; image x can not be pulled',
    );
    expect(Stalled.message).toBe('Secret "licence" has no key "text"');
  });

  test('why it is not known what is asked for is told once', () => {
    const observation: Observation = {...REST, desired: undefined};
    const decision = decide(observation);
    expect(decision.release.kind).toBe('Blocked');
    const {Ready} = conditions({observation, decision, unread: 'GET secrets: 504'});
    expect(Ready.message).toBe('Looking again: GET secrets: 504');
  });

  test('paused is not on its way to anything', () => {
    const all = conditions({
      ...withDeployment({readyReplicas: 2}),
      api: {...API, spec: {...API.spec, paused: true}},
    });
    expect([short(all.Paused), short(all.Reconciling)]).toEqual(['True Paused', calm]);
    expect(short(conditions().Paused)).toBe('False NotPaused');
  });

  test('what this server does not keep is said, and no reason not to be ready', () => {
    const differences = [{path: '.spec.behavior.scaleUp.tolerance', why: 'Dropped'}] as const;
    const {Ready} = conditions({children: [aChild({kind: 'HorizontalPodAutoscaler', differences})]});
    expect(short(Ready)).toBe('True Ready');
    expect(Ready.message).toContain('.spec.behavior.scaleUp.tolerance of HorizontalPodAutoscaler "shop"');
  });
});

describe('an objective that is breached', () => {
  const objective = {name: 'availability', objective: '99.9%', current: '80%', budgetRemaining: '0%', coverage: '1%'};

  test('does not flip Ready', () => {
    const all = conditions({
      objectives: [{...objective, name: 'availability', state: 'Breached'}],
      decision: {...decide(REST), breached: true},
    });
    expect([short(all.ObjectivesMet), short(all.Ready)]).toEqual(['False ObjectiveBreached', 'True Ready']);
    expect(all.ObjectivesMet.message).toContain('availability');
  });

  test.each([
    ['Met', 'True ObjectivesMet'],
    ['Inconclusive', 'Unknown Inconclusive'],
  ] as const)('is told from one that is %s', (state, expected) => {
    const all = conditions({objectives: [{...objective, name: 'availability', state}]});
    expect(short(all.ObjectivesMet)).toBe(expected);
  });

  test('is breached by the act window alone, before the figures say so', () => {
    const all = conditions({decision: {...decide(REST), breached: true}});
    expect(short(all.ObjectivesMet)).toBe('False ObjectiveBreached');
  });
});

describe('Remediating', () => {
  test.each<[string, Partial<Decision>, string]>([
    ['no action', {}, 'False NoAction'],
    ['one that is recorded', {action: anAction()}, 'True RollingBack'],
    ['one that is applied', {action: anAction({state: 'Applied'})}, 'True RollingBack'],
    ['one whose effect is measured', {action: anAction({state: 'Verifying'})}, 'True Verifying'],
    ['one that ended', {action: anAction({state: 'Ended'})}, 'False NoAction'],
    ['one that a person has to decide', {release: {kind: 'Escalated', message: 'decide'}}, 'False Escalated'],
  ])('with %s', (_which, change, expected) => {
    expect(short(conditions({decision: {...decide(REST), ...change}}).Remediating)).toBe(expected);
  });

  test('calls a person for a good revision too, in the words of the decision that stands', () => {
    const rest = decide(REST);
    const considered = [{action: 'Escalate' as const, taken: true, reason: 'the database needs a person'}];
    const decision: Decision = {
      ...rest,
      verdict: 'DatabaseSaturated',
      explanation: {
        ...rest.explanation,
        message: 'The database is at its limits: connections. Escalate: the database needs a person.',
        considered,
      },
    };
    expect(conditions({decision}).Remediating).toMatchObject({
      status: 'False',
      reason: 'Escalated',
      message: 'DatabaseSaturated: The database is at its limits: connections; the database needs a person',
    });
    expect(short(conditions({decision}).Ready)).toBe('True Ready');
  });
});

test('Available goes by Ready pods, DatabaseReady by the database', () => {
  expect(short(conditions(withDeployment({readyReplicas: 0})).Available)).toBe('False NoReadyPods');
  const {DatabaseReady} = conditions({database: {state: 'Unreachable', message: 'no answer'}});
  expect([short(DatabaseReady), DatabaseReady.message]).toEqual(['False DatabaseUnreachable', 'no answer']);
});

describe('every condition', () => {
  const all = conditionsOf(input());

  test('is there, always, with a reason of the catalogue and the generation', () => {
    expect(all.map(({type}) => type)).toEqual([...conditionTypes]);
    for (const {reason, message, observedGeneration} of all) {
      expect(Object.keys(reasons)).toContain(reason);
      expect(message).not.toBe('');
      expect(observedGeneration).toBe(1);
    }
  });

  test('keeps the time of its last transition until its status changes, in whole seconds', () => {
    const then = '2026-01-01T00:00:00Z';
    const before = all.map((condition) => ({...condition, lastTransitionTime: then}));
    const known = {...API, status: {conditions: before}};
    const again = conditions({...withDeployment({readyReplicas: 0}), api: known});
    expect(again.Ready.lastTransitionTime).toBe('2026-03-02T12:00:00Z');
    expect(again.Paused.lastTransitionTime).toBe(then);
    expect(conditions({...blocked(true), api: known}).Paused.lastTransitionTime).toBe(then);
  });

  test('fits the schema, however long the messages of others are', () => {
    const long = conditionsOf(input({children: [aChild({refused: 'x'.repeat(10_000)})]}));
    expect(Math.max(...long.map(({message}) => message.length))).toBe(4096);
  });
});
