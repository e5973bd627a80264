import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {parse} from 'yaml';
import {controlPlane, type ControlPlane} from '../../../hack/cluster/index.ts';
import {rootOf, type Crd} from '../../../hack/generate/crd.ts';
import {maintenanceApiBackupStatus} from '../../../operator/src/api/v1alpha1/index.ts';
import {boundaryOf} from './boundaries.ts';
import {constraintsOf} from './constraints.ts';
import {placed, type Json} from './objects.ts';
import {backupRuleCases, type Try} from './rule-cases.ts';
import {Server, type Verdict} from './server.ts';

/* Every constraint of the CRD of MaintenanceApiBackup, on either side, by a real API server. */
const file = join(import.meta.dirname, '../../../crds/maintenance-api.io_maintenanceapibackups.yaml');
const crd = parse(await readFile(file, 'utf8'), {version: '1.1'}) as Crd;
const root = rootOf(crd);
const constraints = constraintsOf(root);
const COLLECTION = '/apis/maintenance-api.io/v1alpha1/namespaces/default/maintenanceapibackups';
const STRICT = 'fieldValidation=Strict';

const base = (name: string): Json => ({
  apiVersion: 'maintenance-api.io/v1alpha1',
  kind: 'MaintenanceApiBackup',
  metadata: {name},
  spec: {maintenanceApi: 'tasks'},
});

let control: ControlPlane;
let server: Server;
let stored: Json;
let named = 0;

const created = (object: Json) => server.must('POST', `${COLLECTION}?${STRICT}`, object);

beforeAll(async () => {
  control = await controlPlane();
  server = new Server(await readFile(control.kubeconfigPath, 'utf8'));
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await server.must('POST', `${definitions}?${STRICT}`, crd);
  await server.served(COLLECTION);
  stored = await created(base('stored'));
}, 900_000);

afterAll(async () => {
  await server.close();
  await control.stop();
});

/** What the API server would say to an object with this value at this path. */
async function verdictOn(path: string, {value, from}: Try): Promise<Verdict> {
  if (path.split('.')[0] === 'status') {
    const object = placed(root.schema, {...stored, status: {}}, path, value);
    return server.send('PUT', `${COLLECTION}/stored/status?dryRun=All&${STRICT}`, object);
  }
  if (from === undefined)
    return server.send('POST', `${COLLECTION}?dryRun=All&${STRICT}`, placed(root.schema, base('tried'), path, value));
  const name = `from-${String(named++)}`;
  const before = await created(placed(root.schema, base(name), path, from));
  const {spec} = placed(root.schema, base(name), path, value);
  return server.send('PUT', `${COLLECTION}/${name}?dryRun=All&${STRICT}`, {...before, spec});
}

const shown = (value: unknown) => JSON.stringify(value).slice(0, 80);

describe.each(constraints.map((constraint) => ({id: constraint.id, constraint})))('$id', ({constraint}) => {
  const {accepted, refused, field, message} = boundaryOf(constraint);

  test.each(accepted.map((one) => ({one, value: shown(one.value)})))('admits $value', async ({one}) => {
    const verdict = await verdictOn(constraint.path, one);
    expect(verdict).toMatchObject({accepted: true});
    const {status} = verdict.accepted ? verdict.object : {};
    if (status !== undefined) expect(maintenanceApiBackupStatus.parse(status)).toEqual(status);
  });

  test.each(refused.map((one) => ({one, value: shown(one.value)})))('refuses $value', async ({one}) => {
    const verdict = await verdictOn(constraint.path, one);
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
  const object = await created(base('columns'));
  await server.must('PUT', `${COLLECTION}/columns/status?${STRICT}`, {...object, status});
  const answer = await server.table(`${COLLECTION}/columns`);
  expect(answer.rows[0]?.cells.slice(0, 6)).toEqual(['columns', 'tasks', 'Succeeded', 123, 7, 'k1']);
  expect(answer.columnDefinitions.map(({name, priority}) => `${name} ${String(priority)}`)).toEqual([
    ...['Name 0', 'API 0', 'Phase 0', 'Bytes 0', 'Rows 0', 'Key 0', 'Completed 0', 'Manifest 1', 'Message 1', 'Age 0'],
  ]);
});
