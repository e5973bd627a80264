import {expect, test} from '@jest/globals';
import type {MaintenanceApi} from '../api/v1alpha1/index.ts';
import {LeaseTooOldError, type OwnerReference} from '../runtime/index.ts';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {Attempts} from './attempts.ts';
import {aMaintenanceApi, anError, FakeServer} from './testing.ts';
import {VolumeOwner} from './volume-owner.ts';

const API = aMaintenanceApi();
const GOES: MaintenanceApi = {...API, spec: {...API.spec, deletionPolicy: 'Delete'}};
const {apiVersion, kind} = API;
const OURS: OwnerReference = {apiVersion, kind, name: API.metadata.name, uid: API.metadata.uid, controller: true};
const THEIRS: OwnerReference = {apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'other-uid'};

function setup(guard: () => void = () => undefined) {
  const server = new FakeServer();
  const written: string[] = [];
  const owner = new VolumeOwner({
    ...{client: server, attempts: new Attempts(new FakeClock(0)), guard},
    owners: ({spec}) => (spec.deletionPolicy === 'Delete' ? [OURS] : []),
    onWrite: (...write) => written.push(write.slice(0, 2).join(' ')),
  });
  const apply = (api: MaintenanceApi, ...ownerReferences: OwnerReference[]) => {
    const claim = {name: 'data-shop-mysql-0', uid: 'claim-uid', ownerReferences};
    server.objects.set(`PersistentVolumeClaim/${claim.name}`, {
      ...{apiVersion: 'v1', kind: 'PersistentVolumeClaim'},
      metadata: {name: claim.name, namespace: API.metadata.namespace, uid: claim.uid, ownerReferences},
    });
    return owner.apply(api, claim, '1');
  };
  return {server, written, apply};
}

test.each([
  ['tied to a resource that takes it along', GOES, [THEIRS], [THEIRS, OURS]],
  ['untied from one that no longer does', API, [OURS, THEIRS], [THEIRS]],
])('a volume is %s, and keeps its other owners', async (_, api, has, becomes) => {
  const {server, written, apply} = setup();
  expect(await apply(api, ...has)).toEqual([]);
  expect(server.log).toEqual(['patch PersistentVolumeClaim/data-shop-mysql-0']);
  expect(server.asked[0]?.body).toEqual({metadata: {uid: 'claim-uid', ownerReferences: becomes}});
  expect(written).toEqual(['apis/shop apis/data-shop-mysql-0']);
});

test.each([
  ['kept', API, []],
  ['taken along', GOES, [OURS]],
])('nothing is asked for where a volume is %s already', async (_, api, has) => {
  const {server, apply} = setup();
  expect(await apply(api, ...has)).toEqual([]);
  expect(server.log).toEqual([]);
});

test('nothing is tied by a leader whose lease is too old', async () => {
  const {apply} = setup(() => {
    throw new LeaseTooOldError(20_000, 15_000);
  });
  await expect(apply(GOES)).rejects.toThrow(LeaseTooOldError);
});

test('a refusal is told, and not asked for again at once', async () => {
  const {server, apply} = setup();
  server.refuse = () => {
    throw anError(403, 'Forbidden');
  };
  const [refused] = await apply(GOES);
  expect(refused).toMatchObject({kind: 'PersistentVolumeClaim', name: 'data-shop-mysql-0'});
  await apply(GOES);
  expect(server.asked).toHaveLength(1);
});
