import {expect, test} from '@jest/globals';
import {labels} from '../api/v1alpha1/index.ts';
import {readCheckpoint, writeCheckpoint} from './checkpoint.ts';
import {aMaintenanceApi, FakeServer} from './testing.ts';

const API = aMaintenanceApi();

test('what was saved is read again, by this resource alone', async () => {
  const server = new FakeServer();
  expect(await readCheckpoint(server, API)).toBeUndefined();
  await writeCheckpoint(server, API, '{"a":1}', () => undefined);
  const [, asked] = server.asked;
  expect(asked).toMatchObject({object: 'ConfigMap/shop-slo', options: {type: 'apply', force: true}});
  const {metadata} = asked?.body as {metadata: {labels: Record<string, string>; ownerReferences: object[]}};
  // The watch goes by this label: a checkpoint must not wake the controller.
  expect(Object.keys(metadata.labels)).not.toContain(labels.owner);

  server.objects.set('ConfigMap/shop-slo', {
    ...(asked?.body as {apiVersion: string; kind: string; metadata: {name: string}}),
    data: {'checkpoint.json': '{"a":1}'},
  });
  expect(await readCheckpoint(server, API)).toBe('{"a":1}');
  const successor = aMaintenanceApi({metadata: {...API.metadata, uid: 'another'}});
  expect(await readCheckpoint(server, successor)).toBeUndefined();
});
