import {createHash} from 'node:crypto';
import type {FieldsV1, KubeObject, WritableObject} from './types.ts';

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  // A Record can't refer to itself.
  [key: string]: Json;
}

/** 128 bits are beyond any accident, at 22 characters for each cached object. */
const HASH_LENGTH = 22;

/**
 * Hash of what `manager` owns by server-side apply in a live object: computed when the object comes in, so that the
 * object needn't be kept. Undefined when the manager owns nothing in this version of the API.
 */
export function ownedHash(live: KubeObject, manager: string): string | undefined {
  const fields = ownedFields(live, manager);
  return fields === undefined ? undefined : hashOf(live.apiVersion, fields);
}

/** The same hash of an object about to be applied: equal hashes = applying it would change nothing. */
export function wantedHash(wanted: WritableObject): string {
  return hashOf(wanted.apiVersion, wantedFields(wanted));
}

/**
 * The part of a live object that `manager` owns by server-side apply, without what identifies the object. Undefined when
 * it owns nothing, or in another version of the API only (its field names would mean other fields).
 */
export function ownedFields(live: KubeObject, manager: string): Json | undefined {
  const applied = (live.metadata.managedFields ?? []).filter(
    (entry) => entry.manager === manager && entry.operation === 'Apply' && (entry.subresource ?? '') === '',
  );
  const [entry] = applied;
  if (applied.length !== 1 || entry?.fieldsV1 === undefined || entry.apiVersion !== live.apiVersion) {
    return undefined;
  }
  return extract(live as Json, entry.fieldsV1);
}

/** What of an object to be applied ends up as owned fields: all but what identifies it. */
export function wantedFields(wanted: WritableObject): Json {
  const {
    apiVersion: _apiVersion,
    kind: _kind,
    metadata,
    ...rest
  } = JSON.parse(JSON.stringify(wanted)) as WritableObject;
  const {name: _name, namespace: _namespace, ...ownMetadata} = metadata;
  return Object.keys(ownMetadata).length === 0 ? rest : {...rest, metadata: ownMetadata as Json};
}

/**
 * The values at the paths of a field set (FieldsV1): `f:name` a field, `k:{…}` the item of a list with these keys,
 * `v:…` an item by its value, `i:n` by its place; no children = the whole value; `.` says that the value itself is owned.
 */
function extract(value: Json, fields: FieldsV1): Json {
  const paths = Object.keys(fields).filter((path) => path !== '.');
  if (paths.length === 0) {
    return Object.hasOwn(fields, '.') ? emptied(value) : value;
  }
  if (Array.isArray(value)) {
    return extractItems(value, fields, paths);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const result: JsonObject = {};
  for (const path of paths) {
    const name = path.slice(2);
    const child = value[name];
    const childFields = fields[path];
    if (path.startsWith('f:') && child !== undefined && childFields !== undefined) {
      result[name] = extract(child, childFields);
    }
  }
  return result;
}

/** Items in the order they have in the live list, which is the order they were applied in. */
function extractItems(items: readonly Json[], fields: FieldsV1, paths: readonly string[]): Json[] {
  const selectors = paths.map((path) => ({matches: itemMatcher(path), fields: fields[path] ?? {}}));
  return items.flatMap((item, index) => {
    const selector = selectors.find(({matches}) => matches(item, index));
    return selector === undefined ? [] : [extract(item, selector.fields)];
  });
}

function itemMatcher(path: string): (item: Json, index: number) => boolean {
  const text = path.slice(2);
  switch (path.slice(0, 2)) {
    case 'k:': {
      const keys = Object.entries(JSON.parse(text) as Record<string, Json>);
      return (item) =>
        typeof item === 'object' &&
        item !== null &&
        !Array.isArray(item) &&
        keys.every(([name, value]) => canonical(item[name] ?? null) === canonical(value));
    }
    case 'v:': {
      const wanted = canonical(JSON.parse(text) as Json);
      return (item) => canonical(item) === wanted;
    }
    case 'i:':
      return (_item, index) => index === Number(text);
    default:
      return () => false;
  }
}

/** Owned as such, without any of its content. */
function emptied(value: Json): Json {
  if (Array.isArray(value)) {
    return [];
  }
  return typeof value === 'object' && value !== null ? {} : value;
}

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

function hashOf(apiVersion: string, fields: Json): string {
  return createHash('sha256').update(apiVersion).update(canonical(fields)).digest('base64url').slice(0, HASH_LENGTH);
}
