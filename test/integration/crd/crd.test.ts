import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {nodes, type Schema} from '../../../hack/generate/schema.ts';
import {maintenanceApiSpec} from '../../../operator/src/api/v1alpha1/index.ts';
import {boundaryOf} from './boundaries.ts';
import {alsoBroken, beside, formats, patterns, samples} from './cases.ts';
import {constraintsOf, type Constraint} from './constraints.ts';
import {Definition, STRICT, Trial} from './definition.ts';
import type {Json} from './objects.ts';
import {ruleCases} from './rule-cases.ts';
import type {Cause} from './server.ts';

const NOT_CHECKED = 'some validation rules were not checked because the object was invalid';

const definition = await Definition.read('maintenance-api.io_maintenanceapis.yaml', {image: 'example/api:1.0.0'});
const {collection, constraints, root} = definition;
const base = (name: string): Json => definition.base(name);

let trial: Trial;

beforeAll(async () => {
  trial = await Trial.start(definition);
}, 900_000);

afterAll(async () => {
  await trial.close();
});

const shown = (value: unknown) => JSON.stringify(value).slice(0, 80);

/** Complaints that a constraint's refused value can't but cause too, as a list longer than its keys have values. */
function alsoTrue({id, kind}: Constraint, {reason, message}: Cause): boolean {
  const rule = alsoBroken[id];
  return (kind === 'maxItems' && reason === 'FieldValueDuplicate') || (rule !== undefined && message.endsWith(rule));
}

describe.each(constraints.map((constraint) => ({id: constraint.id, constraint})))('$id', ({constraint}) => {
  const {accepted, refused, field, message} = boundaryOf(constraint);

  test.each(accepted.map((one) => ({one, value: shown(one.value)})))('admits $value', async ({one}) => {
    const verdict = await trial.verdictOn(constraint.path, one);
    expect(verdict).toMatchObject({accepted: true});
    // The operator reads what the API server stored through the same types: they admit it too, and lose nothing of it.
    const {spec} = verdict.accepted ? verdict.object : {};
    expect(maintenanceApiSpec.parse(spec)).toEqual(spec);
  });

  test.each(refused.map((one) => ({one, value: shown(one.value)})))('refuses $value', async ({one}) => {
    const verdict = await trial.verdictOn(constraint.path, one);
    if (verdict.accepted) throw new Error('it was admitted');
    const complaints = verdict.causes.filter((cause) => !cause.message.includes(NOT_CHECKED));
    const expected = complaints.filter((cause) => cause.field === field && cause.message.includes(message));
    expect(expected).toHaveLength(1);
    expect(complaints.filter((cause) => !expected.includes(cause) && !alsoTrue(constraint, cause))).toEqual([]);
  });

  test('has a case on either side', () => {
    expect(accepted).not.toHaveLength(0);
    expect(refused).not.toHaveLength(0);
  });
});

describe('the tables of cases', () => {
  const used = (kinds: readonly string[]) => constraints.filter(({kind}) => kinds.includes(kind));

  test('have a case for every constraint', () => {
    expect(constraints.length).toBeGreaterThan(300);
    expect(() => constraints.map(boundaryOf)).not.toThrow();
  });

  test('have no case for a rule that does not exist', () => {
    const rules = used(['rule']).map(({path, detail}) => `${path}: ${detail ?? ''}`);
    expect(ruleCases.map(({path, message}) => `${path}: ${message}`).sort()).toEqual(rules.sort());
  });

  test('have no case for a pattern or format that does not exist', () => {
    expect(new Set(used(['pattern']).map(({schema}) => schema.pattern))).toEqual(new Set(Object.keys(patterns)));
    expect(new Set(used(['format']).map(({schema}) => schema.format))).toEqual(new Set(Object.keys(formats)));
  });

  test('name no path or constraint that does not exist', () => {
    const paths = [...nodes(root)].map(({path}) => path);
    expect(paths).toEqual(expect.arrayContaining([...Object.keys(beside), ...Object.keys(samples)]));
    expect(constraints.map(({id}) => id)).toEqual(expect.arrayContaining(Object.keys(alsoBroken)));
  });

  const planted: readonly (readonly [string, Schema])[] = [
    ['a pattern', {type: 'string', pattern: '^unknown$'}],
    ['a rule', {type: 'string', 'x-kubernetes-validations': [{rule: 'true', message: 'unknown'}]}],
    ['a format', {type: 'string', format: 'uri'}],
  ];

  test.each(planted)('miss %s that is new', (_what, schema) => {
    const [constraint] = constraintsOf({path: 'spec.planted', schema, required: false});
    if (constraint === undefined) throw new Error('it was not seen');
    expect(() => boundaryOf(constraint)).toThrow(/^no case for/);
  });

  test('do not overlook a keyword that is new', () => {
    const schema = {type: 'integer', multipleOf: 2} as Schema;
    expect(() => constraintsOf({path: 'spec.planted', schema, required: false})).toThrow('multipleOf');
  });
});

describe('a spec with an image alone', () => {
  test('gets every default', async () => {
    expect(trial.stored['spec']).toEqual(maintenanceApiSpec.parse({image: 'example/api:1.0.0'}));
  });

  test('with an empty group gets the defaults of that group', async () => {
    const autoscaling = {};
    const object = await trial.server.must('POST', `${collection}?dryRun=All&${STRICT}`, {
      ...base('tried'),
      spec: {image: 'example/api:1.0.0', autoscaling},
    });
    expect(object['spec']).toEqual(maintenanceApiSpec.parse({image: 'example/api:1.0.0', autoscaling}));
  });
});

describe('a field that does not exist', () => {
  test.each(['spec', 'spec.database.managed', 'spec.slo.source.scrape'])('is refused in %s', async (path) => {
    const verdict = await trial.verdictOn(`${path}.unknown`, {value: 1});
    expect(verdict).toMatchObject({accepted: false, code: 400});
    expect(verdict).toMatchObject({message: expect.stringContaining(`unknown field "${path}.unknown"`)});
  });
});

test('removing database does not get around its immutable fields', async () => {
  const before = await trial.created({
    ...base('removal'),
    spec: {image: 'a:1', database: {managed: {storage: {size: '2Gi'}}}},
  });
  const verdict = await trial.server.send('PUT', `${collection}/removal?dryRun=All&${STRICT}`, {
    ...before,
    spec: {image: 'a:1'},
  });
  await trial.server.must('DELETE', `${collection}/removal`);
  expect(verdict).toMatchObject({
    accepted: false,
    causes: [{field: 'spec.database', message: expect.stringContaining('storage.size is immutable')}],
  });
});

test('columns show what status says, in the order of the CRD', async () => {
  const status = {
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Ready',
        message: '',
        observedGeneration: 1,
        lastTransitionTime: '2026-11-23T05:00:00Z',
      },
    ],
    summary: {
      available: '2/3',
      revision: 'abc',
      slo: 'Met',
      budget: '98%',
      database: 'Ready',
      remediation: 'Auto',
      message: 'All is well',
    },
  };
  const object = await trial.created(base('columns'));
  await trial.server.must('PUT', `${collection}/columns/status?${STRICT}`, {...object, status});
  const answer = await trial.server.table(`${collection}/columns`);
  await trial.server.must('DELETE', `${collection}/columns`);
  expect(answer.columnDefinitions.map(({name, priority}) => `${name} ${priority}`)).toEqual([
    'Name 0',
    'Ready 0',
    'Available 0',
    'Revision 0',
    'SLO 0',
    'Budget 0',
    'Backup 0',
    'Database 1',
    'Remediation 1',
    'Message 1',
    'Age 0',
  ]);
  expect(answer.rows[0]?.cells.slice(0, 10)).toEqual([
    'columns',
    'True',
    '2/3',
    'abc',
    'Met',
    '98%',
    null,
    'Ready',
    'Auto',
    'All is well',
  ]);
});
