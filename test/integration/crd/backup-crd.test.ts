import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {maintenanceApiBackupStatus} from '../../../operator/src/api/v1alpha1/index.ts';
import {boundaryOf} from './boundaries.ts';
import {Definition, STRICT, Trial} from './definition.ts';
import {backupRuleCases} from './rule-cases.ts';

/* Every constraint of the CRD of MaintenanceApiBackup, on either side, by a real API server. */
const definition = await Definition.read('maintenance-api.io_maintenanceapibackups.yaml', {maintenanceApi: 'tasks'});
const {collection, constraints} = definition;

let trial: Trial;

beforeAll(async () => {
  trial = await Trial.start(definition);
}, 900_000);

afterAll(async () => {
  await trial.close();
});

const shown = (value: unknown) => JSON.stringify(value).slice(0, 80);

describe.each(constraints.map((constraint) => ({id: constraint.id, constraint})))('$id', ({constraint}) => {
  const {accepted, refused, field, message} = boundaryOf(constraint);

  test.each(accepted.map((one) => ({one, value: shown(one.value)})))('admits $value', async ({one}) => {
    const verdict = await trial.verdictOn(constraint.path, one);
    expect(verdict).toMatchObject({accepted: true});
    const {status} = verdict.accepted ? verdict.object : {};
    if (status !== undefined) expect(maintenanceApiBackupStatus.parse(status)).toEqual(status);
  });

  test.each(refused.map((one) => ({one, value: shown(one.value)})))('refuses $value', async ({one}) => {
    const verdict = await trial.verdictOn(constraint.path, one);
    if (verdict.accepted) throw new Error('it was admitted');
    expect(verdict.causes.filter((cause) => cause.field === field && cause.message.includes(message))).toHaveLength(1);
  });

  test('has a case on either side', () => {
    expect(accepted).not.toHaveLength(0);
    expect(refused).not.toHaveLength(0);
  });
});

test('every rule has its case, and every case its rule', () => {
  const rules = constraints.filter(({kind}) => kind === 'rule').map(({path, detail}) => `${path}: ${detail ?? ''}`);
  expect(backupRuleCases.map(({path, message}) => `${path}: ${message}`)).toEqual(rules);
  expect(constraints.length).toBeGreaterThan(20);
});

test('columns show what it says', async () => {
  const status = {phase: 'Succeeded', bytes: 123, rows: 7, keyId: 'k1', manifestKey: 'a/b', message: 'none'};
  const object = await trial.created(definition.base('columns'));
  await trial.server.must('PUT', `${collection}/columns/status?${STRICT}`, {...object, status});
  const answer = await trial.server.table(`${collection}/columns`);
  expect(answer.rows[0]?.cells.slice(0, 6)).toEqual(['columns', 'tasks', 'Succeeded', 123, 7, 'k1']);
  expect(answer.columnDefinitions.map(({name, priority}) => `${name} ${String(priority)}`)).toEqual([
    ...['Name 0', 'API 0', 'Phase 0', 'Bytes 0', 'Rows 0', 'Key 0', 'Completed 0', 'Manifest 1', 'Message 1', 'Age 0'],
  ]);
});
