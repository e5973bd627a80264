import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {canonical, ownedFields, ownedHash, wantedFields, wantedHash, type Json} from './owned-fields.ts';
import type {FieldsV1, KubeObject} from './types.ts';

const us = 'us';

function live(fieldsV1: FieldsV1, rest: object, entry: object = {}): KubeObject {
  const managed = {manager: us, operation: 'Apply', apiVersion: 'apps/v1', fieldsType: 'FieldsV1', fieldsV1, ...entry};
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    ...rest,
    metadata: {
      name: 'd',
      namespace: 'n',
      uid: 'u',
      resourceVersion: '1',
      managedFields: [managed],
      ...metadataOf(rest),
    },
  };
}

function metadataOf(rest: object): object {
  return 'metadata' in rest ? (rest.metadata as object) : {};
}

describe('what we own', () => {
  test('is what the server says, not what others set beside it', () => {
    const object = live(
      {
        'f:metadata': {'f:labels': {'f:ours': {}}},
        'f:spec': {
          'f:replicas': {},
          'f:selector': {},
          'f:template': {
            'f:spec': {
              'f:containers': {
                'k:{"name":"api"}': {
                  '.': {},
                  'f:name': {},
                  'f:image': {},
                  'f:ports': {'k:{"containerPort":80,"protocol":"TCP"}': {'.': {}, 'f:containerPort': {}}},
                },
              },
            },
          },
        },
      },
      {
        metadata: {labels: {ours: '1', theirs: '2'}},
        spec: {
          replicas: 3,
          paused: true,
          selector: {matchLabels: {a: 'b'}},
          template: {
            spec: {
              dnsPolicy: 'ClusterFirst',
              containers: [
                {name: 'sidecar', image: 's'},
                {name: 'api', image: 'i', resources: {}, ports: [{containerPort: 80, protocol: 'TCP'}]},
              ],
            },
          },
        },
      },
    );
    expect(ownedFields(object, us)).toEqual({
      metadata: {labels: {ours: '1'}},
      spec: {
        replicas: 3,
        selector: {matchLabels: {a: 'b'}},
        template: {spec: {containers: [{name: 'api', image: 'i', ports: [{containerPort: 80}]}]}},
      },
    });
  });

  test('items of sets by their value, items of lists by place', () => {
    const object = live(
      {'f:metadata': {'f:finalizers': {'v:"ours"': {}}}, 'f:list': {'i:1': {}}},
      {metadata: {finalizers: ['theirs', 'ours']}, list: ['a', 'b']},
    );
    expect(ownedFields(object, us)).toEqual({metadata: {finalizers: ['ours']}, list: ['b']});
  });

  test('an item or field owned as such, without content', () => {
    const object = live(
      {'f:map': {'.': {}}, 'f:list': {'.': {}}, 'f:scalar': {'.': {}}},
      {map: {others: 1}, list: [1], scalar: 5},
    );
    expect(ownedFields(object, us)).toEqual({map: {}, list: [], scalar: 5});
  });

  test.each([
    ['another manager', {manager: 'them'}],
    ['an update instead of an apply', {operation: 'Update'}],
    ['a subresource', {subresource: 'status'}],
    ['another version of the API', {apiVersion: 'apps/v1beta1'}],
  ])('is not what belongs to %s', (_name, entry) => {
    const object = live({'f:spec': {'f:replicas': {}}}, {spec: {replicas: 1}}, entry);
    expect(ownedFields(object, us)).toBeUndefined();
    expect(ownedHash(object, us)).toBeUndefined();
  });

  test('is nothing where there are no managed fields', () => {
    expect(ownedHash({apiVersion: 'v1', kind: 'X', metadata: {name: 'x'}}, us)).toBeUndefined();
  });

  test('a field that someone took away is missing', () => {
    const fields = {'f:spec': {'f:a': {}, 'f:b': {}}};
    expect(ownedFields(live(fields, {spec: {a: 1}}), us)).toEqual({spec: {a: 1}});
  });
});

describe('the hash', () => {
  const wanted = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {name: 'd', namespace: 'n', labels: {a: 'b'}},
    spec: {replicas: 3, paused: undefined},
  };
  const fields = {'f:metadata': {'f:labels': {'f:a': {}}}, 'f:spec': {'f:replicas': {}}};

  test('is equal when what is wanted is what we own', () => {
    const object = live(fields, {metadata: {labels: {a: 'b'}}, spec: {replicas: 3, other: 1}});
    expect(ownedHash(object, us)).toBe(wantedHash(wanted));
  });

  test.each([
    ['another value', {metadata: {labels: {a: 'c'}}, spec: {replicas: 3}}],
    ['another type', {metadata: {labels: {a: 'b'}}, spec: {replicas: '3'}}],
    ['a missing field', {metadata: {labels: {a: 'b'}}, spec: {}}],
  ])('differs with %s', (_name, rest) => {
    expect(ownedHash(live(fields, rest), us)).not.toBe(wantedHash(wanted));
  });

  test('leaves out what identifies the object, and metadata that is nothing else', () => {
    expect(wantedFields({...wanted, metadata: {name: 'x'}})).toEqual({spec: {replicas: 3}});
    const renamed = {...wanted, metadata: {...wanted.metadata, name: 'other', namespace: 'other'}};
    expect(wantedHash(renamed)).toBe(wantedHash(wanted));
  });

  test('does not depend on the order of keys, but on that of lists', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = value as Json;
        expect(canonical(reversed(json))).toBe(canonical(json));
      }),
    );
    expect(canonical([1, 2])).not.toBe(canonical([2, 1]));
  });
});

function reversed(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(reversed);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, child]) => [key, reversed(child)]),
    );
  }
  return value;
}
