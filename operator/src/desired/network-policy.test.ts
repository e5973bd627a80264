import {describe, expect, test} from '@jest/globals';
import type {NetworkPolicy} from 'kubernetes-types/networking/v1.js';
import type {MaintenanceApiSpecInput} from '../api/v1alpha1/index.ts';
import {apiNetworkPolicy, backupNetworkPolicy, databaseNetworkPolicy} from './network-policy.ts';
import {aMaintenanceApi, desiredInput, externalDatabase, minimalBackup} from './testing/scenarios.ts';

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

test('nothing is left of any policy when they are off', () => {
  const input = desiredInput(aMaintenanceApi({networkPolicy: {mode: 'Off'}, backup: minimalBackup}));
  const policies = [apiNetworkPolicy, databaseNetworkPolicy, backupNetworkPolicy].map((build) => build(input));
  expect(policies).toEqual([undefined, undefined, undefined]);
});

test('both directions of every pod are decided: what no rule names is refused', () => {
  const input = desiredInput(aMaintenanceApi({backup: minimalBackup}));
  const all = [apiNetworkPolicy(input), databaseNetworkPolicy(input), backupNetworkPolicy(input)];
  for (const policy of all as unknown as NetworkPolicy[]) {
    expect(policy.spec?.policyTypes).toEqual(['Ingress', 'Egress']);
  }
  expect((databaseNetworkPolicy(input) as NetworkPolicy).spec?.egress).toBeUndefined();
});

describe('a database of somebody else', () => {
  const inNamespace = (name: string) => ({
    to: [{namespaceSelector: {matchLabels: {'kubernetes.io/metadata.name': name}}}],
  });

  test.each([
    ['primary.databases.svc', inNamespace('databases')],
    ['primary.databases.svc.cluster.local', inNamespace('databases')],
    ['mysql', {to: [{podSelector: {}}]}],
    ['mysql.example.com', {ports: [{protocol: 'TCP', port: 3307}]}],
    ['mysql.svc.example.com', {ports: [{protocol: 'TCP', port: 3307}]}],
  ])('%s is reached by what its host tells of it, and has no policy of ours', (host, rule) => {
    const database = {...externalDatabase, external: {...externalDatabase.external, host}};
    const input = desiredInput(aMaintenanceApi({database, backup: minimalBackup}));
    for (const build of [apiNetworkPolicy, backupNetworkPolicy])
      expect((build(input) as NetworkPolicy).spec?.egress?.[2]).toEqual(rule);
    expect(databaseNetworkPolicy(input)).toBeUndefined();
  });
});

describe("a backup's pod", () => {
  const spec = (endpoint?: string): NetworkPolicy['spec'] => {
    const s3 = {...minimalBackup.destination.s3, ...(endpoint !== undefined && {endpoint})};
    const policy = backupNetworkPolicy(desiredInput(aMaintenanceApi({backup: {destination: {s3}}})));
    return (policy as NetworkPolicy | undefined)?.spec;
  };

  test.each([
    [undefined, 443],
    ['https://storage.example.com', 443],
    ['http://storage.example.com', 80],
    ['http://storage.team-a.svc:7070', 7070],
  ])('reaches its storage, %s, by its port', (endpoint, port) => {
    expect(spec(endpoint)?.egress?.at(-1)).toEqual({ports: [{protocol: 'TCP', port}]});
  });

  test('is reached by nobody, and reaches the database only where there are backups', () => {
    expect(spec()?.ingress).toBeUndefined();
    const clients = (api: ReturnType<typeof aMaintenanceApi>) =>
      (databaseNetworkPolicy(desiredInput(api)) as NetworkPolicy).spec?.ingress?.[0]?.from?.map(
        ({podSelector}) => podSelector?.matchLabels?.['app.kubernetes.io/component'],
      );
    expect(clients(aMaintenanceApi({backup: minimalBackup}))).toEqual(['api', 'backup']);
    expect(clients(aMaintenanceApi())).toEqual(['api']);
  });
});
