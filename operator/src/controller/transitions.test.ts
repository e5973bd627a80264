import {describe, expect, test} from '@jest/globals';
import {events, type Condition, type EventReason, type MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {anAction, aRestart, aScaleUp} from '../remediation/testing.ts';
import {transitionsBetween} from './transitions.ts';

type Remediation = NonNullable<MaintenanceApiStatus['remediation']>;
type Decision = NonNullable<Remediation['lastDecision']>;

const condition = (change: Pick<Condition, 'type' | 'status' | 'reason'> & Partial<Condition>): Condition => ({
  ...{message: 'words', observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z'},
  ...change,
});
const deciding = (change: Partial<Decision> = {}): Decision => ({
  ...{time: '2026-01-01T00:00:00Z', verdict: 'None', message: 'well', signals: [], ruledOut: [], considered: []},
  ...change,
});
const remediating = (change: Partial<Remediation>): MaintenanceApiStatus => ({remediation: {mode: 'Auto', ...change}});

const T1 = '2026-01-01T00:01:00Z';
const T2 = '2026-01-01T00:02:00Z';
const BREACHED = condition({type: 'ObjectivesMet', status: 'False', reason: 'ObjectiveBreached', message: 'too slow'});
const MET = condition({type: 'ObjectivesMet', status: 'True', reason: 'ObjectivesMet'});
const readOnly = (status: 'True' | 'False' | 'Unknown') =>
  condition({type: 'ReadOnly', status, reason: 'ReadOnly', message: 'in words'});
const ENDED_SO = {state: 'Ended', outcome: 'Helped', endedAt: T2, message: 'The breach ended.'} as const;
const ENDED = anAction(ENDED_SO);
const HELD = deciding({
  ...{verdict: 'BadRevision', time: T1},
  considered: [{action: 'Rollback', taken: false, guard: 'Mode', reason: 'mode is Observe'}],
});

const madeAt = (name: string, time: string) => ({
  ...{name, startedAt: time, completedAt: time, manifestKey: 'm', keyId: 'k'},
});
const OLD_PODS = {
  ...{renderVersion: 2, next: T2},
  pending: [{kind: 'Deployment' as const, name: 'shop', renderVersion: 1}],
};
const FAILURE = {job: 'j', time: T1, reason: 'StorageFull', message: 'no room'} as const;

/** One row an event: the status before, after, and what the note must say. */
const rows: [EventReason, MaintenanceApiStatus | undefined, MaintenanceApiStatus, string][] = [
  ['RevisionCreated', undefined, {revisions: {desired: 'b'}}, 'b'],
  ['RolloutStarted', {revisions: {serving: 'a'}}, {revisions: {serving: 'b'}}, 'b'],
  ['RolloutCompleted', {revisions: {serving: 'b'}}, {revisions: {serving: 'b', rolledOutAt: T1}}, 'bakes'],
  ['RevisionGood', {revisions: {lastKnownGood: 'a'}}, {revisions: {lastKnownGood: 'b'}}, 'b'],
  [
    'ReferenceMissing',
    {},
    {conditions: [condition({type: 'Stalled', status: 'True', reason: 'ReferenceMissing', message: 'Secret "x"'})]},
    'Secret "x"',
  ],
  [
    'ApplyRefused',
    {},
    {conditions: [condition({type: 'Stalled', status: 'True', reason: 'ApplyRefused', message: 'Service "x"'})]},
    'Service "x"',
  ],
  [
    'RolloutBlocked',
    {},
    {conditions: [condition({type: 'Ready', status: 'False', reason: 'ImagePullFailed', message: 'image "x"'})]},
    'image "x"',
  ],
  ['DatabaseInitialised', {}, {database: {state: 'Ready', serverUuid: 'u'}}, 'first time'],
  [
    'DatabaseUnreachable',
    {database: {state: 'Ready'}},
    {
      database: {state: 'Unreachable'},
      conditions: [condition({type: 'DatabaseReady', status: 'False', reason: 'DatabaseUnreachable', message: 'gone'})],
    },
    'gone',
  ],
  ['DatabaseRecovered', {database: {state: 'Unreachable'}}, {database: {state: 'Ready'}}, 'again'],
  [
    'BackupRequested',
    {backup: {request: {value: '1', backup: 'a', time: T1}}},
    {backup: {request: {value: '2', backup: 'b', time: T2}}},
    'MaintenanceApiBackup "b" was made, as maintenance-api.io/backup-now asks (2)',
  ],
  ['BackupSucceeded', {backup: {last: madeAt('a', T1)}}, {backup: {last: madeAt('b', T2)}}, 'Backup "b"'],
  ['BackupFailed', {}, {backup: {lastFailure: FAILURE}}, 'Job "j" made no backup (StorageFull): no room'],
  ['KeySaved', {backup: {keySaved: 'a'}}, {backup: {keySaved: 'b'}}, 'key "b"'],
  ['ObjectiveBreached', {conditions: [MET]}, {conditions: [BREACHED]}, 'too slow'],
  ['ActionHeld', {}, remediating({lastDecision: HELD}), 'Rollback was not taken (Mode): mode is Observe'],
  [
    'Escalated',
    {},
    {conditions: [condition({type: 'Remediating', status: 'False', reason: 'Escalated', message: 'decide'})]},
    'decide',
  ],
  [
    'RollbackStarted',
    {},
    remediating({action: anAction(), lastDecision: deciding({message: '20% of responses were bad'})}),
    'Rolling back from revision b to a because of BadRevision. 20% of responses were bad',
  ],
  [
    'RollbackCompleted',
    remediating({action: anAction({state: 'Applied'})}),
    remediating({action: anAction({state: 'Verifying'})}),
    'Revision a serves again',
  ],
  ['RollbackHelped', {}, remediating({recentActions: [ENDED]}), 'The breach ended.'],
  [
    'RollbackNotHelped',
    {},
    remediating({recentActions: [{...ENDED, outcome: 'NotHelped', message: 'It goes on.'}]}),
    'It goes on.',
  ],
  [
    'RestartStarted',
    {},
    remediating({action: aRestart(), lastDecision: deciding({message: 'It was Ready.'})}),
    'Evicting pod api-a-0 because of Hung. It was Ready.',
  ],
  ['RestartHelped', {}, remediating({recentActions: [aRestart(ENDED_SO)]}), 'The breach ended.'],
  ['RestartNotHelped', {}, remediating({recentActions: [aRestart({...ENDED_SO, outcome: 'Worse'})]}), 'ended.'],
  [
    'ScaleUpStarted',
    {},
    remediating({action: aScaleUp(), lastDecision: deciding({message: 'Three times the load.'})}),
    'At least 5 pods until 2026-03-02T12:30:00.000Z. Three times the load.',
  ],
  ['ScaleUpHelped', {}, remediating({recentActions: [aScaleUp(ENDED_SO)]}), 'The breach ended.'],
  ['ScaleUpNotHelped', {}, remediating({recentActions: [aScaleUp({...ENDED_SO, outcome: 'Worse'})]}), 'ended.'],
  [
    'FloorLowered',
    {replicas: {wanted: 5, ready: 5, updated: 5, floor: {minReplicas: 5, expiresAt: T1}}},
    {replicas: {wanted: 5, ready: 5, updated: 5}},
    'at least 5 pods were kept until',
  ],
  [
    'RestartAccepted',
    {restart: {value: '1', revision: 'a', time: T1}},
    {restart: {value: '2', revision: 'b', time: T2}},
    'Every pod of revision b is being replaced, as maintenance-api.io/restart asks (2)',
  ],
  ['UpgradePending', {}, {upgrade: OLD_PODS}, `Deployment "shop": they are replaced`],
  ['UpgradeCompleted', {upgrade: OLD_PODS}, {}, 'generation 2'],
  ['RemediationPaused', {}, remediating({paused: 'a migration by hand'}), 'a migration by hand'],
  ['RemediationResumed', remediating({paused: 'true'}), remediating({}), 'again'],
  ['ReadOnlyBegun', {conditions: [readOnly('Unknown')]}, {conditions: [readOnly('True')]}, 'words'],
  [
    'ReadOnlyEnded',
    {conditions: [readOnly('Unknown')], maintenance: {readOnly: true, since: 'then'}},
    {conditions: [readOnly('False')], maintenance: {readOnly: false, since: 'now'}},
    'words',
  ],
  ['ObjectiveMet', {conditions: [BREACHED]}, {conditions: [MET]}, 'words'],
];

describe('an event', () => {
  test.each(rows)('%s is emitted when it happens', (reason, before, after, says) => {
    const found = transitionsBetween(before, after);
    expect(found.map((transition) => transition.reason)).toEqual([reason]);
    expect(found[0]?.note).toContain(says);
  });

  test.each(rows)('%s is emitted once: repeating the write emits nothing', (_reason, _before, after) => {
    expect(transitionsBetween(after, after)).toEqual([]);
    expect(transitionsBetween(after, JSON.parse(JSON.stringify(after)) as MaintenanceApiStatus)).toEqual([]);
  });

  test('of the catalogue has a row here, but for those of a request', () => {
    const answers: EventReason[] = ['RetryAccepted', 'RetryUnknown'];
    const covered = [...new Set(rows.map(([reason]) => reason)), ...answers];
    expect(covered.sort()).toEqual(Object.keys(events).sort());
  });
});

describe('no event', () => {
  test.each<[string, MaintenanceApiStatus | undefined, MaintenanceApiStatus]>([
    ['for a met objective that was not judged before', {}, {conditions: [MET]}],
    ['for figures', {conditions: [MET], summary: {budget: '90%'}}, {conditions: [MET], summary: {budget: '80%'}}],
    [
      'for a rollout that is a rollback',
      remediating({action: anAction()}),
      {...remediating({action: anAction()}), revisions: {serving: 'a', rolledOutAt: T1}},
    ],
    ['for a decision that needs no action', {}, remediating({lastDecision: deciding({time: T2})})],
    ['for a database that starts', {database: {state: 'Starting'}}, {database: {state: 'Ready'}}],
    [
      'for an action that only moves on',
      remediating({action: anAction()}),
      remediating({action: anAction({state: 'Applied'})}),
    ],
  ])('%s', (_what, before, after) => {
    expect(transitionsBetween(before, after)).toEqual([]);
  });
});

test('of several, the order is the one in which a person should read them', () => {
  const after: MaintenanceApiStatus = {
    revisions: {desired: 'b', serving: 'b', rolledOutAt: T1},
    conditions: [BREACHED],
  };
  expect(transitionsBetween({conditions: [MET]}, after).map(({reason}) => reason)).toEqual([
    'RevisionCreated',
    'RolloutStarted',
    'RolloutCompleted',
    'ObjectiveBreached',
  ]);
});
