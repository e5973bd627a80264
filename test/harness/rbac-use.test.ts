import {expect, test} from '@jest/globals';
import type {AuditEvent} from './audit.ts';
import {forbidden, granted, used} from './rbac-use.ts';

const event = (verb: string, objectRef: object, code = 200, decision = 'allow'): AuditEvent =>
  ({
    verb,
    objectRef,
    responseStatus: {code},
    annotations: {'authorization.k8s.io/decision': decision},
  }) as unknown as AuditEvent;

test('rules are what they grant, verb by verb', () => {
  expect(
    granted([
      {apiGroups: [''], resources: ['pods', 'pods/proxy'], verbs: ['get']},
      {apiGroups: ['apps'], resources: ['deployments'], verbs: ['create', 'patch']},
    ]),
  ).toEqual(['create apps/deployments', 'get core/pods', 'get core/pods/proxy', 'patch apps/deployments']);
});

test('an apply that creates uses both rights', () => {
  const deployment = {apiGroup: 'apps', resource: 'deployments'};
  expect([...used([event('patch', deployment)])]).toEqual(['patch apps/deployments']);
  expect([...used([event('patch', deployment, 201)])]).toEqual(['patch apps/deployments', 'create apps/deployments']);
  expect([...used([event('get', {resource: 'pods', subresource: 'proxy'})])]).toEqual(['get core/pods/proxy']);
});

test('what the authorizer refused is told from what an admission refused', () => {
  const refused = event('list', {resource: 'secrets'}, 403, 'forbid');
  expect(forbidden([refused, event('create', {resource: 'pods'}, 403)])).toEqual([refused]);
});
