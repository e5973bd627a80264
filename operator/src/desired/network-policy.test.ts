import {describe, expect, test} from '@jest/globals';
import type {NetworkPolicy} from 'kubernetes-types/networking/v1.js';
import type {MaintenanceApiSpecInput} from '../api/v1alpha1/index.ts';
import {apiNetworkPolicy, databaseNetworkPolicy} from './network-policy.ts';
import {aMaintenanceApi, desiredInput} from './testing/scenarios.ts';

type Settings = NonNullable<MaintenanceApiSpecInput['networkPolicy']>;
const built = (settings: Settings): NetworkPolicy['spec'] =>
  (apiNetworkPolicy(desiredInput(aMaintenanceApi({networkPolicy: settings}))) as NetworkPolicy | undefined)?.spec;

const http = [{protocol: 'TCP', port: 8080}];
const ours = {
  namespaceSelector: {matchLabels: {'kubernetes.io/metadata.name': 'maintenance-api-system'}},
  podSelector: {matchLabels: {'app.kubernetes.io/name': 'maintenance-api-operator'}},
};

describe('who may use the API', () => {
  test('is everyone where nothing is said', () => {
    expect(built({})?.ingress?.[0]).toEqual({ports: http});
  });

  test('is who is named', () => {
    const from = [{namespaceSelector: {matchLabels: {team: 'a'}}}];
    expect(built({ingressFrom: from})?.ingress?.[0]).toEqual({from, ports: http});
  });

  test('is no one where the list is empty: a rule without peers would admit everyone', () => {
    const rules = built({ingressFrom: []})?.ingress ?? [];
    expect(rules.filter(({ports}) => ports?.some(({port}) => port === 8080))).toEqual([]);
  });
});

describe("who may read the API's metrics", () => {
  test.each<[string, Settings, object[]]>([
    ['the operator and every pod of the cluster', {}, [ours, {namespaceSelector: {}}]],
    ['the operator alone', {metricsFrom: []}, [ours]],
    ['the operator and who is named', {metricsFrom: [{podSelector: {}}]}, [ours, {podSelector: {}}]],
  ])('is %s', (_, settings, from) => {
    expect(built(settings)?.ingress?.at(-1)).toEqual({from, ports: [{protocol: 'TCP', port: 9090}]});
  });
});

test('nothing is left of either policy when they are off', () => {
  const input = desiredInput(aMaintenanceApi({networkPolicy: {mode: 'Off'}}));
  expect([apiNetworkPolicy(input), databaseNetworkPolicy(input)]).toEqual([undefined, undefined]);
});

test('both directions of every pod are decided: what no rule names is refused', () => {
  const input = desiredInput(aMaintenanceApi());
  for (const policy of [apiNetworkPolicy(input), databaseNetworkPolicy(input)] as unknown as NetworkPolicy[]) {
    expect(policy.spec?.policyTypes).toEqual(['Ingress', 'Egress']);
  }
  expect((databaseNetworkPolicy(input) as NetworkPolicy).spec?.egress).toBeUndefined();
});
