import {describe, expect, test} from '@jest/globals';
import type {NetworkPolicy} from 'kubernetes-types/networking/v1.js';
import {desiredObjects} from '../../../operator/src/desired/index.ts';
import {aMaintenanceApi, desiredInput} from '../../../operator/src/desired/testing/scenarios.ts';
import type {MaintenanceApiSpecInput} from '../../../operator/src/api/v1alpha1/index.ts';
import {refusal, type Endpoint, type PolicyWorld} from './policies.ts';

const NODE = '10.0.0.1';
const at = (address: string, namespace: string, name: string, labels: Record<string, string>): Endpoint => ({
  address,
  pod: {namespace, name, labels, hostNetwork: false},
});
const labelled = (component: string): Record<string, string> => ({
  'app.kubernetes.io/name': 'maintenance-api',
  'app.kubernetes.io/instance': 'shop',
  'app.kubernetes.io/component': component,
  'maintenance-api.io/owner': 'shop',
});
const api = at('10.1.0.1', 'apis', 'shop-1', labelled('api'));
const database = at('10.1.0.2', 'apis', 'shop-mysql-0', labelled('database'));
const neighbour = at('10.1.0.3', 'apis', 'neighbour', {app: 'neighbour'});
const operator = at('10.1.1.1', 'maintenance-api-system', 'operator-1', {
  'app.kubernetes.io/name': 'maintenance-api-operator',
});
const impostor = at('10.1.2.1', 'elsewhere', 'impostor', {'app.kubernetes.io/name': 'maintenance-api-operator'});
const dns = at('10.1.3.1', 'kube-system', 'coredns', {'k8s-app': 'kube-dns'});
const otherDns = at('10.1.3.2', 'dns', 'resolver', {});
const internet: Endpoint = {address: '198.51.100.7', pod: undefined};
const node: Endpoint = {address: NODE, pod: undefined};

function worldOf(networkPolicy: NonNullable<MaintenanceApiSpecInput['networkPolicy']> = {}): PolicyWorld {
  const policies = desiredObjects(desiredInput(aMaintenanceApi({networkPolicy}))).filter(
    ({kind}) => kind === 'NetworkPolicy',
  );
  return {
    policies: policies as unknown as NetworkPolicy[],
    namespaces: new Map(
      ['apis', 'maintenance-api-system', 'elsewhere', 'kube-system'].map((name) => [
        name,
        {'kubernetes.io/metadata.name': name},
      ]),
    ),
    nodes: new Set([NODE]),
  };
}

const tried = (client: Endpoint, server: Endpoint, port: number, world = worldOf(), protocol: 'TCP' | 'UDP' = 'TCP') =>
  refusal({client, server, port, protocol}, world);

describe('the policies of a MaintenanceApi admit', () => {
  test.each<[string, Endpoint, Endpoint, number]>([
    ['clients from anywhere', internet, api, 8080],
    ['clients of the cluster', impostor, api, 8080],
    ['probes of the node', node, api, 8080],
    ['the operator to the metrics', operator, api, 9090],
    ['any pod of the cluster to the metrics', neighbour, api, 9090],
    ['the API to its database', api, database, 3306],
    ["the operator to the database's admin interface", operator, database, 33062],
    ['the API to DNS', api, otherDns, 53],
    ["the API to the cluster's DNS, on whatever port", api, dns, 1053],
    ['what concerns other pods', neighbour, internet, 443],
  ])('%s', (_, client, server, port) => {
    expect(tried(client, server, port)).toBeUndefined();
  });

  test('who is named, and no one else', () => {
    const world = worldOf({
      ingressFrom: [{ipBlock: {cidr: '198.51.100.0/24', except: ['198.51.100.128/25']}}],
      metricsFrom: [],
      egressTo: [{to: [{namespaceSelector: {matchLabels: {'kubernetes.io/metadata.name': 'elsewhere'}}}]}],
    });
    expect(tried(internet, api, 8080, world)).toBeUndefined();
    expect(tried({...internet, address: '198.51.100.200'}, api, 8080, world)).toMatch('ingress rule of apis/shop-1');
    expect(tried(neighbour, api, 8080, world)).toMatch('ingress rule of apis/shop-1');
    expect(tried(operator, api, 9090, world)).toBeUndefined();
    expect(tried(neighbour, api, 9090, world)).toMatch('ingress rule of apis/shop-1');
    expect(tried(api, impostor, 25, world)).toBeUndefined();
    expect(tried(api, operator, 25, world)).toMatch('egress rule of apis/shop-1');
  });
});

describe('the policies of a MaintenanceApi refuse', () => {
  test.each<[string, Endpoint, Endpoint, number, string]>([
    ['another pod at the database', neighbour, database, 3306, 'ingress rule of apis/shop-mysql-0'],
    ["the API at the database's admin interface", api, database, 33062, 'egress rule of apis/shop-1'],
    ['a pod that only calls itself the operator', impostor, database, 33062, 'ingress rule of apis/shop-mysql-0'],
    ['metrics to what is outside of the cluster', internet, api, 9090, 'ingress rule of apis/shop-1'],
    ['any other port of the API', operator, api, 22, 'ingress rule of apis/shop-1'],
    ['the API to the world', api, internet, 443, 'egress rule of apis/shop-1'],
    ['the database to the world', database, internet, 443, 'egress rule of apis/shop-mysql-0'],
    ['the API to other DNS on another port', api, otherDns, 1053, 'egress rule of apis/shop-1'],
    ['the database to DNS', database, dns, 53, 'egress rule of apis/shop-mysql-0'],
  ])('%s', (_, client, server, port, why) => {
    expect(tried(client, server, port)).toMatch(why);
  });

  test('nothing once they are off', () => {
    expect(tried(neighbour, database, 3306, worldOf({mode: 'Off'}))).toBeUndefined();
  });
});
