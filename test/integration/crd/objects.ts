import type {Schema} from '../../../hack/generate/schema.ts';
import {beside, formats, patterns, samples, samplesWith, type PatternCases} from './cases.ts';

/** An object as JSON. */
export type Json = Record<string, unknown>;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `under` with every member of `over` in its place. */
function merged(under: unknown, over: unknown): unknown {
  if (!isJson(under) || !isJson(over)) return over;
  const result: Json = {...under};
  for (const [name, value] of Object.entries(over)) result[name] = name in under ? merged(under[name], value) : value;
  return result;
}

/** Strings for a schema with a pattern or a format. @throws Error when no case is known */
export function stringCases({pattern, format}: Schema): PatternCases | undefined {
  if (pattern === undefined && format === undefined) return undefined;
  const found = pattern === undefined ? formats[format ?? ''] : patterns[pattern];
  if (found === undefined) throw new Error(`no case for ${pattern ?? format ?? ''}`);
  return found;
}

/** One of a schema's distinct valid values, as far as there are so many. */
function nth(schema: Schema, path: string, index: number): unknown {
  if (path in samples) return samples[path];
  if (schema.enum !== undefined) return schema.enum[index % schema.enum.length];
  const strings = stringCases(schema);
  if (strings !== undefined) return strings.nth(index);
  if (schema.type === 'string') return `v${index}`;
  if (schema.type === 'integer') return (schema.minimum ?? 0) + index;
  if (schema.type === 'boolean') return false;
  if (schema.type === 'array') return [];
  const members = (schema.required ?? []).map((name) => [name, schema.properties?.[name] ?? {}] as const);
  return Object.fromEntries(members.map(([name, member]) => [name, nth(member, `${path}.${name}`, 0)]));
}

/** A valid value with as little in it as the schema asks for. */
export function sample(schema: Schema, path: string): unknown {
  return nth(schema, path, 0);
}

/** So many items of a list, distinct as far as their keys have so many values. */
export function listOf(list: Schema, path: string, count: number): readonly unknown[] {
  const items = list.items ?? {};
  const [key] = list['x-kubernetes-list-map-keys'] ?? [];
  return Array.from({length: count}, (_, index) => {
    const item = sample(items, `${path}[]`);
    if (key === undefined || !isJson(item)) return item;
    return {...item, [key]: nth(items.properties?.[key] ?? {}, `${path}[].${key}`, index)};
  });
}

/** So many entries of a map. */
export function mapOf(map: Schema, path: string, count: number): Json {
  const value = map.additionalProperties === undefined ? {} : sample(map.additionalProperties, `${path}{}`);
  return Object.fromEntries(Array.from({length: count}, (_, index) => [`k${index}`, value]));
}

/** Members of a path: names, `[]` for an item of a list, `{}` for a value of a map. */
function segments(path: string): readonly string[] {
  return path.match(/\[\]|\{\}|[^.[\]{}]+/g) ?? [];
}

function put(holder: {schema: Schema; path: string; value: unknown}, rest: readonly string[], value: unknown): unknown {
  const [segment, ...further] = rest;
  if (segment === undefined) return value;
  const {schema, path} = holder;
  if (segment === '[]') return [put(itemOf(schema, `${path}[]`, further[0]), further, value)];
  const isEntry = segment === '{}';
  const member = (isEntry ? schema.additionalProperties : schema.properties?.[segment]) ?? {};
  const memberPath = isEntry ? `${path}{}` : path === '' ? segment : `${path}.${segment}`;
  const name = isEntry ? ENTRY : segment;
  const object = isJson(holder.value) ? holder.value : {};
  const present = object[name] ?? sample(member, memberPath);
  return {...object, [name]: put({schema: member, path: memberPath, value: present}, further, value)};
}

/** An item of a list; which one may depend on the member of it that is on trial. */
function itemOf(
  {items = {}}: Schema,
  path: string,
  member: string | undefined,
): {schema: Schema; path: string; value: unknown} {
  return {schema: items, path, value: samplesWith[`${path}.${member ?? ''}`] ?? sample(items, path)};
}

/** The key under which a value of a map is placed. */
const ENTRY = 'k';

/** The field at a path as the API server names it. */
export function fieldOf(path: string): string {
  return path.replaceAll('[]', '[0]').replaceAll('{}', `.${ENTRY}`);
}

/** A valid object with this value at this path, and the least that must stand beside it. */
export function placed(root: Schema, base: Json, path: string, value: unknown): Json {
  const context = Object.entries(beside)
    .filter(([prefix]) => path === prefix || path.startsWith(`${prefix}.`))
    .reduce((object: unknown, [, more]) => merged(object, more), base);
  const whole =
    path === '' ? merged(context, value) : put({schema: root, path: '', value: context}, segments(path), value);
  return whole as Json;
}
