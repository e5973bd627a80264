import {expect, test} from '@jest/globals';
import type {OwnedSecretKeeper} from '../act/owned-secrets.ts';
import {FakeServer} from '../act/testing.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {RecordingLogger} from '../runtime/testing/logs.ts';
import {ResourceStates} from './resource-state.ts';
import {GOOD, Stage} from './testing-stage.ts';

async function someStates(...keys: readonly string[]): Promise<ResourceStates> {
  const client = new FakeServer();
  const refused = (): Promise<never> => Promise.reject(new Error('not asked'));
  const secrets: Pick<OwnedSecretKeeper, 'ensure' | 'ensureBackupKey'> = {ensure: refused, ensureBackupKey: refused};
  const states = new ResourceStates({client, clock: new FakeClock(), secrets, logger: new RecordingLogger()});
  const {metadata, ...api} = aMaintenanceApi({});
  for (const key of keys) {
    const [namespace = '', name = ''] = key.split('/');
    await states.refresh(key, {...api, metadata: {...metadata, namespace, name}});
  }
  return states;
}

test('of other resources a resource is told how many breach and since when, and names of its own namespace only', async () => {
  const states = await someStates('apis/shop', 'apis/desk', 'other/secret', 'other/calm');
  for (const [key, state] of states.all()) if (!key.endsWith('calm')) state.breachedSince = 5;
  expect(states.fleet('apis/shop', 'apis')).toEqual({
    ...{size: 4, breachedSince: 5},
    others: [{since: 5, name: 'desk'}, {since: 5}],
  });
  states.forget('apis/desk');
  expect(states.fleet('other/calm', 'other')).toEqual({size: 3, others: [{since: 5}, {since: 5, name: 'secret'}]});
});

test('a breach is kept with its begin for as long as it lasts', async () => {
  const stage = new Stage();
  await stage.settle();
  stage.serves(GOOD);
  await stage.settle();
  const since = (): number | undefined => stage.states.all()[0]?.[1].breachedSince;
  expect(since()).toBeUndefined();
  const deployment = stage.server.objects.get('Deployment/shop') as {status?: object} | undefined;
  Object.assign(deployment ?? {}, {status: {...deployment?.status, readyReplicas: 0}});
  const began = stage.clock.now();
  await stage.lookFor(20_000);
  expect(since()).toBe(began);
  stage.serves(GOOD);
  await stage.look();
  expect(since()).toBeUndefined();
});

test('a pod that its node took away is told of by the node, as long as it is missing', async () => {
  const stage = new Stage();
  await stage.settle();
  stage.serves(GOOD);
  await stage.settle();
  const message = 'The node was low on resource: memory.';
  const at = new Date(stage.clock.now()).toISOString();
  const status = {phase: 'Failed', reason: 'Evicted', message, startTime: at};
  const pod = stage.server.objects.get('Pod/pod-1');
  Object.assign(pod ?? {}, {spec: {nodeName: 'node-7'}, status});
  const deployment = stage.server.objects.get('Deployment/shop') as {status?: object} | undefined;
  Object.assign(deployment ?? {}, {status: {...deployment?.status, readyReplicas: 1}});
  await stage.look();
  const {verdict, message: told} = stage.api?.status?.remediation?.lastDecision ?? {};
  expect([verdict, told]).toEqual([
    'InfraFault',
    expect.stringContaining(`Node node-7 took pod pod-1 away: ${message}`),
  ]);
});
