import {describe, expect, test} from '@jest/globals';
import {maintenanceApiStatus, type MaintenanceApi, type ObjectiveStatus} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {decide, type Decision, type Observation} from '../remediation/index.ts';
import {anAction, anObservation, migration, NOW} from '../remediation/testing.ts';
import {conditionsOf} from './conditions.ts';
import {statusOf, type StatusInput} from './status.ts';

const API = aMaintenanceApi();
const REST = anObservation().build();

const objective = (change: Partial<ObjectiveStatus> = {}): ObjectiveStatus => ({
  ...{name: 'availability', objective: '99.9%', current: '100%', budgetRemaining: '100%', coverage: '1%', state: 'Met'},
  ...change,
});

function input(change: Partial<StatusInput> & {observation?: Observation; decision?: Decision} = {}): StatusInput {
  const observation = change.observation ?? REST;
  const decision = change.decision ?? decide(observation);
  const database = change.database ?? {state: 'Ready'};
  const objectives = change.objectives ?? [objective()];
  const conditions = conditionsOf({
    ...{api: API, now: new Date(NOW), observation, decision, children: [], missing: [], problems: []},
    ...{accessMissing: undefined, unread: undefined, database, objectives},
    presence: {PrometheusRule: 'Absent', PodMonitor: 'Absent', HTTPRoute: 'Absent'},
    backup: {status: 'Unknown', reason: 'Observing', message: 'None so far'},
  });
  return {
    ...{api: API, observation, decision, conditions, objectives, database, serverUuid: 'the-uuid', maxConnections: 151},
    backup: undefined,
    ...change,
  };
}

const asking = (change: object): MaintenanceApi => aMaintenanceApi({remediation: change});

describe('the status', () => {
  test('of a service at rest says so in few words', () => {
    const status = statusOf(input());
    expect(status).toMatchObject({
      observedGeneration: 1,
      summary: {
        ...{available: '3/3', revision: 'a', slo: 'Met', budget: '100%', database: 'Ready', remediation: 'Auto'},
      },
      revisions: {desired: 'a', serving: 'a', lastKnownGood: 'a'},
      replicas: {wanted: 3, ready: 3, updated: 3},
      database: {state: 'Ready', serverUuid: 'the-uuid', schemaVersion: '3', maxConnections: 151},
      remediation: {mode: 'Auto', recentActions: [], breaker: {state: 'Closed'}},
    });
    expect(status.summary?.message).toBeUndefined();
    expect(status.remediation?.action).toBeUndefined();
  });

  test.each<[string, StatusInput]>([
    ['at rest', input()],
    ['of a new resource', input({observation: anObservation().new().build(), serverUuid: undefined, objectives: []})],
    ['without a Deployment', input({observation: {...REST, deployment: undefined}})],
    ['while rolling back', input({decision: {...decide(REST), action: anAction({state: 'Applied'})}})],
    ['with an open breaker', input({decision: {...decide(REST), breaker: {state: 'Open', openedAt: NOW}}})],
  ])('%s is one that the API server takes', (_which, told) => {
    const stored: unknown = JSON.parse(JSON.stringify(statusOf(told)));
    expect(maintenanceApiStatus.parse(stored)).toEqual(stored);
  });
});

describe('the summary', () => {
  test('tells the worst objective and the smallest budget', () => {
    const objectives = [
      objective({budgetRemaining: '40%'}),
      objective({name: 'latency', state: 'Breached', budgetRemaining: '-12%'}),
      objective({name: 'errorRate', state: 'Breached', budgetRemaining: 'unknown'}),
    ];
    expect(statusOf(input({objectives})).summary).toMatchObject({
      slo: 'Breached (latency, errorRate)',
      budget: '-12%',
    });
    const unknown = [objective({state: 'Inconclusive', budgetRemaining: 'unknown'})];
    const {summary} = statusOf(input({objectives: unknown}));
    expect([summary?.slo, summary?.budget]).toEqual(['Inconclusive', undefined]);
  });

  test.each<[string, Partial<StatusInput>, string]>([
    ['the mode', {}, 'Auto'],
    [
      'the stricter of two modes',
      {api: asking({actions: {rollback: 'Observe', restart: 'Observe', scaleUp: 'Observe'}})},
      'Observe',
    ],
    ['one action may be taken', {api: asking({actions: {rollback: 'Observe'}})}, 'Auto'],
    ['the mode for all', {api: asking({mode: 'Observe'})}, 'Observe'],
    ['the action under way', {decision: {...decide(REST), action: anAction()}}, 'Rollback Recorded'],
    [
      'that a person must decide',
      {decision: {...decide(REST), release: {kind: 'Escalated', message: ''}}},
      'Escalated',
    ],
    [
      'that no more actions are taken',
      {decision: {...decide(REST), breaker: {state: 'Open', openedAt: NOW}}},
      'Observe (breaker open)',
    ],
  ])('says of remediation %s', (_what, change, expected) => {
    expect(statusOf(input(change)).summary?.remediation).toBe(expected);
  });

  test('has the reason not to be ready as its message, or what was decided', () => {
    const observation: Observation = {...REST, deployment: undefined};
    const unready = statusOf(input({observation, decision: {...decide(observation), verdict: 'None'}}));
    expect(unready.summary?.message).toContain('Deployment');
    const decision = decide(REST);
    const explanation = {...decision.explanation, message: 'x'.repeat(2000)};
    const long = statusOf(input({decision: {...decision, verdict: 'BadRevision', explanation}}));
    expect(long.summary?.message).toHaveLength(1024);
  });
});

describe('revisions', () => {
  test('that were rolled back from are told until that is lifted', () => {
    const observation = anObservation()
      .havingHad('b', {suspendedAt: NOW - 1000})
      .havingHad('c', {suspendedAt: NOW - 2000, rejectedAt: NOW - 1000})
      .havingHad('d', {suspendedAt: NOW})
      .build();
    const lifted = {hash: 'd', annotations: {'maintenance-api.io/suspended': null}};
    const decision = {...decide(observation), revisionPatches: [lifted]};
    expect(statusOf(input({observation, decision})).revisions?.suspended).toEqual([
      {hash: 'b', state: 'Suspended', time: '2026-03-02T11:59:59Z'},
      {hash: 'c', state: 'Rejected', time: '2026-03-02T11:59:59Z'},
    ]);
  });

  test('that are told are not more than the schema has room for', () => {
    const builder = anObservation();
    for (let i = 0; i < 60; i++) builder.havingHad(`r${String(i)}`, {suspendedAt: NOW});
    const observation = builder.build();
    const suspended = statusOf(input({observation})).revisions?.suspended ?? [];
    expect([suspended.length, suspended.at(-1)?.hash]).toEqual([50, 'r59']);
  });
});

describe('the database', () => {
  test('keeps the schema version that was seen last while no pod tells it', () => {
    const observation: Observation = {...REST, database: {reachable: true}};
    const known = {...API, status: {database: {state: 'Ready' as const, schemaVersion: '7'}}};
    expect(statusOf(input({observation, api: known})).database?.schemaVersion).toBe('7');
    const newer = {...REST, database: {reachable: true, migrations: [migration(9), migration(8)]}};
    expect(statusOf(input({observation: newer, api: known})).database?.schemaVersion).toBe('9');
    expect(statusOf(input({observation})).database?.schemaVersion).toBeUndefined();
  });

  test('that answers and is at its limits is saturated', () => {
    const decision: Decision = {...decide(REST), verdict: 'DatabaseSaturated'};
    expect(statusOf(input({decision})).database?.state).toBe('Saturated');
    const unreachable = {state: 'Unreachable', message: 'gone'} as const;
    expect(statusOf(input({decision, database: unreachable})).database?.state).toBe('Unreachable');
  });
});

test('the same observation gives the same status', () => {
  expect(statusOf(input())).toEqual(statusOf(input()));
});
