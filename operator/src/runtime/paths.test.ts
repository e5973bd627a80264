import {expect, test} from '@jest/globals';
import {pathOf, queryString} from './paths.ts';
import {atLeastVersion, controllerOf, keyOf, splitKey} from './types.ts';

const pods = {apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true};
const deployments = {apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true};
const nodes = {apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false};

test.each([
  [pods, {}, '/api/v1/pods'],
  [pods, {namespace: 'a'}, '/api/v1/namespaces/a/pods'],
  [pods, {namespace: 'a', name: 'b', subresource: 'eviction'}, '/api/v1/namespaces/a/pods/b/eviction'],
  [deployments, {namespace: 'a', name: 'b'}, '/apis/apps/v1/namespaces/a/deployments/b'],
  [nodes, {namespace: 'ignored', name: 'n'}, '/api/v1/nodes/n'],
  [pods, {namespace: 'a/../b', name: '..?x'}, '/api/v1/namespaces/a%2F..%2Fb/pods/..%3Fx'],
])('the path of %j %j', (ref, target, path) => {
  expect(pathOf(ref, target)).toBe(path);
});

test('an object of a namespaced resource needs its namespace', () => {
  expect(() => pathOf(pods, {name: 'b'})).toThrow('Pod b needs a namespace');
});

test('a query leaves out what is undefined and escapes the rest', () => {
  expect(queryString({watch: 1, labelSelector: 'a=b,c', force: true, limit: undefined})).toBe(
    '?watch=1&labelSelector=a%3Db%2Cc&force=true',
  );
  expect(queryString({})).toBe('');
  expect(queryString(undefined)).toBe('');
});

test('a key and its parts', () => {
  expect(keyOf({namespace: 'a', name: 'b'})).toBe('a/b');
  expect(keyOf({name: 'b'})).toBe('b');
  expect(splitKey('a/b')).toEqual({namespace: 'a', name: 'b'});
  expect(splitKey('b')).toEqual({name: 'b'});
});

test('versions are compared as numbers, also beyond what a double holds', () => {
  expect(atLeastVersion('10', '9')).toBe(true);
  expect(atLeastVersion('9', '10')).toBe(false);
  expect(atLeastVersion('9007199254740993', '9007199254740993')).toBe(true);
  expect(atLeastVersion('9007199254740992', '9007199254740993')).toBe(false);
});

test('the controller is the owner with the mark, not any owner', () => {
  const owner = {apiVersion: 'v1', kind: 'Pod', name: 'o', uid: '1'};
  expect(controllerOf({metadata: {name: 'x', ownerReferences: [owner]}})).toBeUndefined();
  const controller = {...owner, uid: '2', controller: true};
  expect(controllerOf({metadata: {name: 'x', ownerReferences: [owner, controller]}})).toBe(controller);
  expect(controllerOf({metadata: {name: 'x'}})).toBeUndefined();
});
