import {describe, expect, test} from '@jest/globals';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {Attempts} from './attempts.ts';
import {RevisionWriter} from './revisions.ts';
import {aMaintenanceApi, anError, FakeServer} from './testing.ts';

const API = aMaintenanceApi();
const REVISION = {
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata: {
    ...{name: 'shop-abc', namespace: 'apis'},
    ownerReferences: [
      {apiVersion: API.apiVersion, kind: API.kind, name: 'shop', uid: API.metadata.uid, controller: true},
    ],
  },
  revision: 3,
};
const HANDLE = {name: 'shop-abc', uid: 'u1', resourceVersion: '42'};

function aWriter() {
  const server = new FakeServer();
  const noted: string[] = [];
  const writer = new RevisionWriter({
    client: server,
    attempts: new Attempts(new FakeClock()),
    guard: () => undefined,
    onWrite: (owner, key, version) => noted.push(`${owner} ${key}@${version}`),
  });
  return {server, noted, writer};
}

describe('a revision', () => {
  test('is created with its data and number, and the cache is told', async () => {
    const {server, noted, writer} = aWriter();
    expect(await writer.create(API, REVISION, 't')).toEqual({kind: 'Done', value: true});
    expect(server.asked[0]).toMatchObject({verb: 'create', body: REVISION});
    expect(noted).toEqual(['apis/shop apis/shop-abc@101']);
  });

  test('that is there already is said to be there: the caller must not try again at once', async () => {
    const {noted, writer} = aWriter();
    await writer.create(API, REVISION, 't');
    expect(await writer.create(API, REVISION, 't')).toEqual({kind: 'Done', value: false});
    expect(noted).toHaveLength(1);
  });

  test('that an orphaning deletion left is taken over with its facts, on the version that was read', async () => {
    const {server, noted, writer} = aWriter();
    const facts = {'maintenance-api.io/good': '2026-03-01T00:00:00Z'};
    const orphan = {...REVISION, metadata: {name: 'shop-abc', resourceVersion: '7', annotations: facts}};
    server.objects.set('ControllerRevision/shop-abc', orphan);
    expect(await writer.create(API, REVISION, 't')).toEqual({kind: 'Done', value: true});
    expect(server.asked.at(-1)).toMatchObject({
      verb: 'patch',
      body: {metadata: {resourceVersion: '7', ownerReferences: REVISION.metadata.ownerReferences}},
    });
    expect(server.objects.get('ControllerRevision/shop-abc')?.metadata.annotations).toEqual(facts);
    expect(noted).toHaveLength(1);
  });

  test('that a quota refuses is not asked for at every look', async () => {
    const {server, writer} = aWriter();
    server.refuse = () => {
      throw anError(403, 'Forbidden');
    };
    for (let look = 0; look < 5; look++) {
      expect(await writer.create(API, REVISION, 't')).toEqual({kind: 'Refused', message: '403 Forbidden'});
    }
    expect(server.log).toHaveLength(1);
  });

  test('gets facts by a merge patch with the resourceVersion that was read; null removes one', async () => {
    const {server, noted, writer} = aWriter();
    await writer.annotate(API, HANDLE, {'example.com/good': 'now', 'example.com/suspended': null});
    expect(server.asked[0]).toMatchObject({
      object: 'ControllerRevision/shop-abc',
      body: {
        metadata: {resourceVersion: '42', annotations: {'example.com/good': 'now', 'example.com/suspended': null}},
      },
      options: {type: 'merge'},
    });
    expect(noted).toEqual(['apis/shop apis/shop-abc@101']);
  });

  test('whose facts changed meanwhile is read again: the conflict passes through', async () => {
    const {server, writer} = aWriter();
    server.refuse = () => {
      throw anError(409, 'Conflict');
    };
    await expect(writer.annotate(API, HANDLE, {})).rejects.toMatchObject({kind: 'Conflict'});
  });

  test('is deleted only as it was read', async () => {
    const {server, writer} = aWriter();
    await writer.remove(API, HANDLE, 't');
    expect(server.asked[0]).toMatchObject({verb: 'delete', options: {uid: 'u1', resourceVersion: '42'}});
  });

  test('is written by nobody without a lease', async () => {
    const server = new FakeServer();
    const writer = new RevisionWriter({
      client: server,
      attempts: new Attempts(new FakeClock()),
      guard: () => {
        throw new Error('no lease');
      },
      onWrite: () => undefined,
    });
    await expect(writer.create(API, REVISION, 't')).rejects.toThrow('no lease');
    await expect(writer.annotate(API, HANDLE, {})).rejects.toThrow('no lease');
    await expect(writer.remove(API, HANDLE, 't')).rejects.toThrow('no lease');
    expect(server.log).toEqual([]);
  });
});
