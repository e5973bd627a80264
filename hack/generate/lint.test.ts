import {describe, expect, test} from '@jest/globals';

import {maintenanceApiCrd, type Crd} from './crd.ts';
import {lintCrd, lintRules} from './lint.ts';
import type {Schema} from './schema.ts';

const crd = maintenanceApiCrd();
const [version] = crd.spec.versions;
const root = version.schema.openAPIV3Schema;

/** The CRD with one more field in its spec or status. */
function withField(part: 'spec' | 'status', name: string, field: Schema, required = false): Crd {
  const before = root.properties?.[part] ?? {};
  const changed: Schema = {
    ...before,
    properties: {...before.properties, [name]: field},
    ...(required && {required: [...(before.required ?? []), name]}),
  };
  const openAPIV3Schema: Schema = {...root, properties: {...root.properties, [part]: changed}};
  return {...crd, spec: {...crd.spec, versions: [{...version, schema: {openAPIV3Schema}}]}};
}

const described = {description: 'A field.'} as const;
const text: Schema = {...described, type: 'string', maxLength: 5};
const list = (more: Schema): Schema => ({...described, type: 'array', maxItems: 3, ...more});

/** A violation of each rule: the name of the field, and what it is. */
const violations: Readonly<Record<string, readonly (readonly [string, Schema, boolean?])[]>> = {
  'bounded-string': [
    ['x', {...described, type: 'string'}],
    ['x', {...described, type: 'string', pattern: '^a+$'}],
    ['x', {...described, 'x-kubernetes-int-or-string': true, minimum: 0, maximum: 1}],
    ['x', list({'x-kubernetes-list-type': 'atomic', items: {type: 'string'}})],
    ['x', {...described, type: 'object', maxProperties: 1, additionalProperties: {type: 'string'}}],
  ],
  'bounded-integer': [
    ['x', {...described, type: 'integer'}],
    ['x', {...described, type: 'integer', minimum: 1}],
    ['x', {...described, type: 'integer', maximum: 1}],
    ['x', {...described, 'x-kubernetes-int-or-string': true, maxLength: 5}],
  ],
  'bounded-list': [['x', {...described, type: 'array', 'x-kubernetes-list-type': 'atomic', items: {type: 'boolean'}}]],
  'bounded-map': [
    ['x', {...described, type: 'object', additionalProperties: {type: 'boolean'}}],
    ['x', {...described, type: 'object', 'x-kubernetes-preserve-unknown-fields': true}],
  ],
  'no-float': [
    ['x', {...described, type: 'number'}],
    ['x', {...described, type: 'string', maxLength: 9, format: 'double'}],
  ],
  'no-duration': [
    ['x', {...text, format: 'duration'}],
    ['probeTimeout', text],
    ['window', {...described, type: 'integer', minimum: 0, maximum: 9}],
  ],
  'no-phase': [['phase', text]],
  'list-type': [
    ['x', list({items: {type: 'boolean'}})],
    ['x', list({'x-kubernetes-list-type': 'map', items: {type: 'object'}})],
    [
      'x',
      list({
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {type: 'object', properties: {name: text}},
      }),
    ],
    ['x', list({'x-kubernetes-list-type': 'atomic', 'x-kubernetes-list-map-keys': ['a'], items: {type: 'boolean'}})],
  ],
  'required-or-default': [['x', {...text, default: 'a'}, true]],
  description: [
    ['x', {type: 'boolean'}],
    ['x', {type: 'boolean', description: 'no sentence'}],
    ['x', {...described, type: 'object', properties: {inner: {type: 'boolean'}}}],
  ],
  typed: [['x', described]],
  'rule-message': [
    ['x', {...text, 'x-kubernetes-validations': [{rule: 'self == "a"'}]}],
    ['x', {...text, 'x-kubernetes-validations': [{rule: 'self == "a"', message: 'wrong value'}]}],
  ],
};

/** The name that is shown to people may be one in status. */
const specOnly = new Set(['probeTimeout', 'window']);

describe('the generated CRD', () => {
  test('keeps every convention, in spec and status', () => {
    expect(lintCrd(crd)).toEqual([]);
  });

  test('a rule that nothing violates here is not tested', () => {
    expect([...Object.keys(violations), 'column-path', 'status-subresource'].sort()).toEqual([...lintRules].sort());
  });
});

describe.each(Object.entries(violations))('%s', (rule, cases) => {
  const planted = cases.flatMap(([name, field, required]) =>
    (['spec', 'status'] as const)
      .filter((part) => part === 'spec' || !specOnly.has(name))
      .map((part) => ({part, name, field, required, shown: JSON.stringify(field)})),
  );
  test.each(planted)('turns red for $part.$name $shown', ({part, name, field, required}) => {
    const found = lintCrd(withField(part, name, field, required));
    expect(found.map((finding) => finding.rule)).toContain(rule);
    expect(found.filter(({path}) => !path.startsWith(`${part}.${name}`))).toEqual([]);
  });
});

describe('the version', () => {
  const withVersion = (more: object): Crd => ({...crd, spec: {...crd.spec, versions: [{...version, ...more}]}});

  test('column-path turns red for a column of a field that does not exist', () => {
    const column = {name: 'X', type: 'string', description: 'X.', jsonPath: '.status.summary.missing'};
    expect(lintCrd(withVersion({additionalPrinterColumns: [column]}))).toEqual([
      expect.objectContaining({rule: 'column-path', path: '.status.summary.missing'}),
    ]);
  });

  test('status-subresource turns red without the subresource', () => {
    expect(lintCrd(withVersion({subresources: {}}))).toEqual([expect.objectContaining({rule: 'status-subresource'})]);
  });
});
