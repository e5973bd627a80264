import {describe, expect, test} from '@jest/globals';
import {labels, managedDatabase} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import type {DatabaseReading} from '../observe/database-probe.ts';
import type {DatabaseView} from './conditions.ts';
import {databaseView} from './database-view.ts';
import {aCache, anObject} from './testing.ts';

const API = aMaintenanceApi();
const IMAGE = managedDatabase(API.spec)?.image;

const aPod = (status: object) =>
  anObject('shop-mysql-0', {status}, {labels: {[labels.owner]: 'shop', [labels.component]: 'database'}});
const waiting = (reason: string, message = '') =>
  aPod({containerStatuses: [{name: 'mysqld', restartCount: 1, state: {waiting: {reason, message}}}]});
const readyPod = (status: string) => aPod({conditions: [{type: 'Ready', status}]});
const aClaim = (phase: string, storageClassName?: string) =>
  anObject('data-shop-mysql-0', {spec: {storageClassName}, status: {phase}});

const reading = (reachable: boolean, reason?: string) => ({reachable, reason}) as DatabaseReading;

interface Told {
  readonly pod?: ReturnType<typeof anObject>;
  readonly claim?: ReturnType<typeof anObject>;
  readonly reading?: DatabaseReading;
  readonly initialised?: boolean;
}

function view({pod, claim, reading: told, initialised = false}: Told, api = API): DatabaseView {
  const cache = aCache({pods: pod === undefined ? [] : [pod], claims: claim === undefined ? [] : [claim]});
  return databaseView(cache, api, {reading: told, told: undefined, desired: undefined, initialised});
}

describe('a database that was never there', () => {
  test.each<[string, Told, string]>([
    ['without a pod', {}, 'DatabaseStarting'],
    ['with one that starts', {pod: readyPod('False')}, 'DatabaseStarting'],
    ['that does not answer yet', {pod: readyPod('False'), reading: reading(false, 'ECONNREFUSED')}, 'DatabaseStarting'],
    ['whose volume is not bound', {pod: readyPod('False'), claim: aClaim('Pending', 'fast')}, 'VolumePending'],
    ['whose image can not be pulled', {pod: waiting('ErrImagePull', 'no such host')}, 'ImagePullFailed'],
    [
      'that no node takes',
      {pod: aPod({conditions: [{type: 'PodScheduled', status: 'False', message: 'no room'}]})},
      'Unschedulable',
    ],
  ])('is starting: %s', (_how, told, reason) => {
    expect(view(told)).toMatchObject({state: 'Starting', reason, stalled: false});
  });

  test('names what holds it up', () => {
    expect(view({pod: readyPod('False'), claim: aClaim('Pending', 'fast')})).toMatchObject({
      message: 'PersistentVolumeClaim "data-shop-mysql-0" is Pending; it asks for StorageClass "fast"',
    });
    expect(view({pod: readyPod('False'), claim: aClaim('Pending')})).toMatchObject({
      message: expect.stringContaining('the cluster has no default'),
    });
    expect(view({pod: waiting('ImagePullBackOff')})).toMatchObject({
      message: `Pod "shop-mysql-0": image ${IMAGE} can not be pulled`,
    });
    const failed = {name: 'init', restartCount: 1, state: {terminated: {exitCode: 1, message: 'InitFailed: no space'}}};
    expect(view({pod: aPod({initContainerStatuses: [failed]})})).toMatchObject({
      message: 'Pod "shop-mysql-0": InitFailed: no space',
    });
  });
});

describe('words that the kubelet moves', () => {
  test.each([
    [[waiting('ErrImagePull', 'rpc error: try 3'), waiting('ImagePullBackOff', 'Back-off pulling image')]],
    [[waiting('CrashLoopBackOff', 'back-off 10s'), waiting('CrashLoopBackOff', 'back-off 5m0s')]],
  ])('do not move ours', (pods) => {
    expect(new Set(pods.map((pod) => JSON.stringify(view({pod})))).size).toBe(1);
  });
});

describe('a database that was there', () => {
  test.each<[string, Told]>([
    ['without a pod', {}],
    ['with a pod that is not ready', {pod: readyPod('False')}],
    ['that does not answer', {pod: readyPod('True'), reading: reading(false, 'ETIMEDOUT')}],
    ['whose image can not be pulled on its new node', {pod: waiting('ErrImagePull')}],
    ['that ends again and again', {pod: waiting('CrashLoopBackOff')}],
    ['whose volume is lost', {pod: readyPod('False'), claim: aClaim('Lost')}],
  ])('is unreachable: %s', (_how, told) => {
    expect(view({...told, initialised: true}).state).toBe('Unreachable');
  });

  test('whose volume is empty is missing its data, whatever else is known', () => {
    const terminated = {exitCode: 1, message: 'DataMissing: the volume holds no data'};
    const pod = aPod({initContainerStatuses: [{name: 'init', restartCount: 1, state: {terminated}}]});
    expect(view({pod, initialised: true})).toEqual({state: 'DataMissing', message: terminated.message});
  });
});

describe('a database that answers', () => {
  test('is ready, though its pod is said not to be', () => {
    expect(view({pod: readyPod('False'), reading: reading(true)})).toEqual({state: 'Ready'});
    expect(view({pod: waiting('CrashLoopBackOff'), reading: reading(true)})).toEqual({state: 'Ready'});
  });

  test('is taken for ready by its pod where it can not be asked', () => {
    expect(view({pod: readyPod('True')})).toEqual({state: 'Ready'});
  });
});
