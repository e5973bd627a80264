import {describe, expect, test} from '@jest/globals';
import * as fc from 'fast-check';
import {
  maintenanceApiSpec,
  REVISION_FIELDS,
  type MaintenanceApiSpecInput,
  type RevisionData,
} from '../api/v1alpha1/index.ts';
import {canonicalJson} from './canonical.ts';
import {controllerRevision, revisionData, revisionHash, servedImage} from './revision.ts';
import {aMaintenanceApi, copyOf, fullSpec} from './testing/scenarios.ts';

type Input = Partial<MaintenanceApiSpecInput>;

const hashOf = (spec: Input, references: Record<string, string> = {}): string =>
  revisionHash(revisionData(aMaintenanceApi(spec), references));

const full = copyOf<MaintenanceApiSpecInput>(fullSpec);

/** JSON with the members of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe('revisionHash', () => {
  test('fits a label and a name', () => {
    expect(hashOf({})).toMatch(/^[0-9a-f]{12}$/);
  });

  test('is the same for the same spec, in whatever order its members come', () => {
    const data = revisionData(aMaintenanceApi(full), {'Secret/a': '1', 'ConfigMap/b': '2'});
    expect(revisionHash(reversed(data) as RevisionData)).toBe(revisionHash(data));
    expect(JSON.stringify(reversed(data))).not.toBe(JSON.stringify(data));
  });

  test('changes with each of the fields that change pods, and with nothing else', () => {
    const outside = Object.keys(full).filter(
      (field) => !(REVISION_FIELDS as readonly string[]).includes(field) && field !== 'database',
    );
    expect(outside.length + REVISION_FIELDS.length + 1).toBe(Object.keys(full).length);
    for (const field of REVISION_FIELDS) {
      expect([field, hashOf({[field]: full[field]})]).not.toEqual([field, hashOf({})]);
    }
    for (const field of outside) {
      expect([field, hashOf({[field]: full[field as keyof MaintenanceApiSpecInput]})]).toEqual([field, hashOf({})]);
    }
    expect(hashOf({replicas: 4})).toBe(hashOf({}));
  });

  test('changes with the name and the connections of the database, and with nothing else of it', () => {
    expect(hashOf({database: {name: 'other'}})).not.toBe(hashOf({}));
    expect(hashOf({database: {connectionsPerReplica: 3}})).not.toBe(hashOf({}));
    expect(hashOf({database: {managed: full.database?.managed}})).toBe(hashOf({}));
    expect(hashOf({database: {managed: {}}})).toBe(hashOf({}));
  });

  test('changes with the content of what env refers to', () => {
    expect(hashOf({}, {'Secret/a': '1'})).not.toBe(hashOf({}));
    expect(hashOf({}, {'Secret/a': '2'})).not.toBe(hashOf({}, {'Secret/a': '1'}));
  });

  test('stays over an upgrade of the operator', () => {
    const data = revisionData(aMaintenanceApi(full), {});
    expect(revisionHash({...data, renderVersion: data.renderVersion + 1})).toBe(revisionHash(data));
  });

  test.each<[string, Input, Input]>([
    ['an empty list', {env: [], imagePullSecrets: []}, {}],
    ['an empty group', {podTemplate: {metadata: {labels: {}}, tolerations: [], affinity: {}}}, {}],
    ['an empty value of a variable', {env: [{name: 'A', value: ''}]}, {env: [{name: 'A'}]}],
    [
      'another spelling of a quantity',
      {resources: {requests: {cpu: '0.1', memory: '128Mi'}, limits: {memory: '131072Ki'}}},
      {},
    ],
  ])('is the same for %s', (_, one, other) => {
    expect(hashOf(one)).toBe(hashOf(other));
  });

  test.each<[string, Input, Input]>([
    ['the order of variables', {env: [{name: 'A'}, {name: 'B'}]}, {env: [{name: 'B'}, {name: 'A'}]}],
    ['an empty label', {podTemplate: {metadata: {labels: {a: ''}}}}, {}],
    [
      'a selector of everything',
      {podTemplate: {affinity: {podAffinity: {x: [{labelSelector: {}}]}}}},
      {podTemplate: {affinity: {podAffinity: {x: [{}]}}}},
    ],
  ])('is another for %s', (_, one, other) => {
    expect(hashOf(one)).not.toBe(hashOf(other));
  });
});

describe('revisionData', () => {
  test('does not change its arguments and shares nothing with them', () => {
    const api = aMaintenanceApi(full);
    const before = JSON.stringify(api);
    const references = {'Secret/a': '1'};
    const data = revisionData(api, references);
    expect(JSON.stringify(api)).toBe(before);
    expect(data.references).not.toBe(references);
    expect(JSON.parse(JSON.stringify(data))).toEqual(data);
  });

  test('gives the same data again from what it gave', () => {
    const data = revisionData(aMaintenanceApi(full), {});
    const again = revisionData({...aMaintenanceApi(), spec: maintenanceApiSpec.parse({...full, ...data.spec})}, {});
    expect(canonicalJson(again)).toBe(canonicalJson(data));
  });
});

describe('canonicalJson', () => {
  test('does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test('loses nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('leaves undefined members out', () => {
    expect(canonicalJson({b: undefined, a: 1})).toBe('{"a":1}');
  });
});

describe('controllerRevision', () => {
  test('carries its number and data, and belongs to its resource', () => {
    const api = aMaintenanceApi();
    const data = revisionData(api, {});
    const hash = revisionHash(data);
    expect(controllerRevision(api, {hash, data, revision: 7})).toMatchObject({
      kind: 'ControllerRevision',
      metadata: {name: `shop-${hash}`, namespace: 'apis', ownerReferences: [{uid: api.metadata.uid, controller: true}]},
      revision: 7,
      data,
    });
  });
});

describe('the image by which a revision is served', () => {
  const tag = 'registry.example.com:5000/team/api:1';
  const digest = `registry.example.com:5000/team/api@sha256:${'1'.repeat(64)}`;
  const other = `registry.example.com:5000/team/api@sha256:${'2'.repeat(64)}`;
  const rolledBack = {image: tag, imageId: digest, carried: [], rollback: true};

  test.each([
    ['a rollback with none of its pods left goes to what had become good', rolledBack, digest],
    ['a rollback to pods that are there keeps their template', {...rolledBack, carried: [tag]}, tag],
    ['which may have the digest already', {...rolledBack, carried: [digest]}, digest],
    ['the Deployment comes before ReplicaSets', {...rolledBack, carried: [digest, tag]}, digest],
    ['an image that somebody else put there is not kept', {...rolledBack, carried: ['evil:1', other]}, digest],
    ['what the spec asks for is taken by its word', {...rolledBack, rollback: false}, tag],
    ['and stays as it is when the spec comes back to it', {...rolledBack, rollback: false, carried: [digest]}, digest],
    ['an image that was loaded, not pulled, has no digest to ask for', {...rolledBack, imageId: 'sha256:1'}, tag],
    ['nor has one that came from a mirror', {...rolledBack, imageId: digest.replace('registry.', 'mirror.')}, tag],
    ['or one of which nothing was recorded', {...rolledBack, imageId: undefined}, tag],
    [
      'a digest in the spec says it already',
      {...rolledBack, image: `${tag}@${digest.split('@')[1] ?? ''}`},
      `${tag}@${digest.split('@')[1] ?? ''}`,
    ],
    ['an image without a host', {...rolledBack, image: 'api:1', imageId: 'api@sha256:1'}, 'api@sha256:1'],
  ])('%s', (_name, given, expected) => {
    expect(servedImage(given)).toBe(expected);
  });
});
