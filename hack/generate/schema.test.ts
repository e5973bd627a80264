import {describe, expect, test} from '@jest/globals';
import {z} from 'zod';

import {nodes, NotStructural, toStructural} from './schema.ts';

const structural = (type: z.ZodType) =>
  toStructural(z.toJSONSchema(type, {target: 'openapi-3.0', io: 'input'}), 'spec');

describe('toStructural', () => {
  test('an integer or string becomes one schema with the bounds of both', () => {
    const type = z
      .union([
        z.int().min(0).max(9),
        z
          .string()
          .max(5)
          .regex(/^a\/b$/),
      ])
      .meta({'x-kubernetes-int-or-string': true});
    expect(structural(type)).toEqual({
      'x-kubernetes-int-or-string': true,
      minimum: 0,
      maximum: 9,
      maxLength: 5,
      pattern: '^a/b$',
    });
  });

  test('a map keeps the bounds of its values and loses the schema of its keys', () => {
    expect(structural(z.record(z.string().max(3), z.string().max(5)).meta({maxProperties: 2}))).toEqual({
      type: 'object',
      additionalProperties: {type: 'string', maxLength: 5},
      maxProperties: 2,
    });
  });

  test('what is passed on as it is has no schema for its members', () => {
    const type = z.record(z.string(), z.unknown()).meta({'x-kubernetes-preserve-unknown-fields': true});
    expect(structural(type)).toEqual({type: 'object', 'x-kubernetes-preserve-unknown-fields': true});
  });

  test('an enumeration of integers has no range', () => {
    expect(structural(z.int().meta({enum: [28, 30]}))).toEqual({type: 'integer', enum: [28, 30]});
  });

  test('a group of defaults has an empty default, and its members theirs', () => {
    expect(structural(z.object({a: z.object({b: z.int().min(0).max(5).default(3)}).prefault({})}))).toEqual({
      type: 'object',
      properties: {
        a: {type: 'object', default: {}, properties: {b: {type: 'integer', default: 3, minimum: 0, maximum: 5}}},
      },
    });
  });

  test.each([
    ['a union', z.union([z.string(), z.boolean()]), 'anyOf'],
    ['an exclusive bound', z.number().gt(0), 'exclusiveMinimum'],
    ['a nullable field', z.string().nullable(), 'nullable'],
  ])('%s is refused', (_what, type, keyword) => {
    expect(() => structural(z.object({field: type}))).toThrow(NotStructural);
    expect(() => structural(z.object({field: type}))).toThrow(`spec.field: ${keyword}`);
  });
});

test('nodes names every member by its path, with its parent and whether it is required', () => {
  const schema = structural(
    z.object({list: z.array(z.object({name: z.string()})), map: z.record(z.string(), z.boolean()).optional()}),
  );
  const all = [...nodes({path: 'spec', schema, required: true})];
  expect(all.map(({path, required, parent}) => [path, required, parent?.path])).toEqual([
    ['spec', true, undefined],
    ['spec.list', true, 'spec'],
    ['spec.list[]', false, 'spec.list'],
    ['spec.list[].name', true, 'spec.list[]'],
    ['spec.map', false, 'spec'],
    ['spec.map{}', false, 'spec.map'],
  ]);
});
