import {describe, expect, test} from '@jest/globals';
import {Registry} from 'prom-client';
import {createAuthority} from '../act/pki.ts';
import {
  resourceMetrics,
  type Condition,
  type MaintenanceApiStatus,
  type ObjectiveStatus,
} from '../api/v1alpha1/index.ts';
import type {DatabaseView} from './conditions.ts';
import {ResourceMetrics, type ResourceFacts} from './resource-metrics.ts';

const condition = (type: Condition['type'], status: Condition['status']): Condition => ({
  ...{type, status, reason: 'Ready', message: '', observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z'},
});
const objective = (name: ObjectiveStatus['name'], budgetRemaining: string): ObjectiveStatus => ({
  ...{name, objective: '', current: '', budgetRemaining, coverage: '', state: 'Met'},
});
const facts = (change: Partial<ResourceFacts> = {}): ResourceFacts => ({
  status: {},
  database: {state: 'Ready'},
  certificates: undefined,
  backupDue: undefined,
  ...change,
});

/** The samples of resources that a scrape reads. */
async function scraped(told: Readonly<Record<string, ResourceFacts>>): Promise<string[]> {
  const registry = new Registry();
  const metrics = new ResourceMetrics(registry);
  for (const [key, fact] of Object.entries(told)) metrics.tell(key, fact);
  return samples(registry);
}

async function samples(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('maintenance_api_'));
}

const own = 'namespace="apis",maintenanceapi="shop"';
const about = async (change: Partial<ResourceFacts>, metric: string): Promise<string[]> =>
  (await scraped({'apis/shop': facts(change)})).filter((line) => line.startsWith(`${metric}{`));

describe('maintenance_api_up', () => {
  const replicas = (ready: number): MaintenanceApiStatus => ({replicas: {wanted: 2, ready, updated: 2}});
  test.each<[string, MaintenanceApiStatus, string[]]>([
    ['a pod is ready', replicas(1), [`maintenance_api_up{${own}} 1`]],
    ['none is, but one was', {...replicas(0), revisions: {lastKnownGood: 'a'}}, [`maintenance_api_up{${own}} 0`]],
    [
      'none is, after a first rollout',
      {...replicas(0), revisions: {rolledOutAt: '2026-01-01T00:00:00Z'}},
      [`maintenance_api_up{${own}} 0`],
    ],
    ['it is being created', replicas(0), []],
  ])('when %s', async (_what, status, expected) => {
    expect(await about({status}, 'maintenance_api_up')).toEqual(expected);
  });
});

describe('what is told of backups', () => {
  const backups = async (change: Partial<ResourceFacts>): Promise<string[]> =>
    (await scraped({'apis/shop': facts(change)})).filter((line) => line.startsWith('maintenance_api_backup_'));
  const ready = (status: Condition['status'], reason: Condition['reason']): MaintenanceApiStatus => ({
    conditions: [{...condition('BackupReady', status), reason}],
  });

  test.each<[Condition['status'], Condition['reason'], string[]]>([
    ['False', 'BucketMissing', [`maintenance_api_backup_problem{${own},reason="BucketMissing"} 1`]],
    ['False', 'KeyOnlyInCluster', [`maintenance_api_backup_problem{${own},reason="KeyOnlyInCluster"} 1`]],
    ['False', 'NoBackups', []],
    ['False', 'BackupsSuspended', []],
    ['Unknown', 'Observing', []],
    ['True', 'BackupReady', []],
  ])('when BackupReady is %s because of %s', async (status, reason, expected) => {
    expect(await backups({status: ready(status, reason)})).toEqual(expected);
  });

  test('is when one was due, and until when the newest has everything', async () => {
    const last = {
      ...{name: 'b', startedAt: '2026-03-02T02:00:05.500Z', completedAt: '2026-03-02T02:01:00Z'},
      ...{manifestKey: 'k', keyId: 'own'},
    };
    const told = await backups({status: {backup: {last}}, backupDue: Date.parse('2026-03-02T02:00:00Z')});
    expect(told).toEqual([
      `maintenance_api_backup_due_timestamp_seconds{${own}} 1772416800`,
      `maintenance_api_backup_last_success_timestamp_seconds{${own}} 1772416805.5`,
    ]);
  });
});

describe('maintenance_api_database_up', () => {
  test.each<[DatabaseView, string[]]>([
    [{state: 'Ready'}, [`maintenance_api_database_up{${own}} 1`]],
    [{state: 'Unreachable', message: ''}, [`maintenance_api_database_up{${own}} 0`]],
    [{state: 'DataMissing', message: ''}, [`maintenance_api_database_up{${own}} 0`]],
    [{state: 'Starting', reason: 'DatabaseStarting', message: '', stalled: false}, []],
  ])('of %j', async (database, expected) => {
    expect(await about({database}, 'maintenance_api_database_up')).toEqual(expected);
  });
});

test('maintenance_api_condition has each condition with its status', async () => {
  const status = {conditions: [condition('Ready', 'False'), condition('Stalled', 'True')]};
  expect(await about({status}, 'maintenance_api_condition')).toEqual([
    `maintenance_api_condition{${own},type="Ready",status="False"} 1`,
    `maintenance_api_condition{${own},type="Stalled",status="True"} 1`,
  ]);
});

test('the error budget is a share, also an overspent one, and nothing where it is unknown', async () => {
  const status = {
    slo: [objective('availability', '83%'), objective('latency', '-12%'), objective('errorRate', 'unknown')],
  };
  expect(await about({status}, 'maintenance_api_error_budget_remaining_ratio')).toEqual([
    `maintenance_api_error_budget_remaining_ratio{${own},objective="availability"} 0.83`,
    `maintenance_api_error_budget_remaining_ratio{${own},objective="latency"} -0.12`,
  ]);
});

test('a certificate ends when it does; one that can not be read tells nothing', async () => {
  const {certificate} = await createAuthority(new Date('2026-03-01T00:00:00Z'));
  const end = Date.parse('2026-03-01T00:00:00Z') / 1000 + 3650 * 86_400;
  const name = 'maintenance_api_certificate_expiry_timestamp_seconds';
  expect(await about({certificates: {server: 'damaged', authority: certificate}}, name)).toEqual([
    `${name}{${own},certificate="authority"} ${end}`,
  ]);
});

test('what was told before is gone with the next, and everything of a resource with the resource', async () => {
  const registry = new Registry();
  const metrics = new ResourceMetrics(registry);
  metrics.tell('apis/shop', facts({status: {conditions: [condition('Ready', 'False')]}}));
  metrics.tell('apis/other', facts());
  expect(await samples(registry)).toContain(`maintenance_api_condition{${own},type="Ready",status="False"} 1`);
  metrics.tell('apis/shop', facts({status: {conditions: [condition('Ready', 'True')]}}));
  const conditions = (await samples(registry)).filter((line) => line.includes('type="Ready"'));
  expect(conditions).toEqual([`maintenance_api_condition{${own},type="Ready",status="True"} 1`]);
  metrics.forget('apis/shop');
  expect(await samples(registry)).toEqual(['maintenance_api_database_up{namespace="apis",maintenanceapi="other"} 1']);
});

test('every metric of the catalogue is registered', async () => {
  const registry = new Registry();
  new ResourceMetrics(registry).tell('apis/shop', facts());
  const page = await registry.metrics();
  for (const [name, {help}] of Object.entries(resourceMetrics)) expect(page).toContain(`# HELP ${name} ${help}\n`);
});
