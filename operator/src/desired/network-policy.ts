import type {NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer} from 'kubernetes-types/networking/v1.js';
import {
  MANAGED_BY,
  labels,
  managedDatabase,
  selectorLabels,
  type EgressRule,
  type NetworkPeer,
  type RevisionEndpoint,
} from '../api/v1alpha1/index.ts';
import {unlessEmpty} from './canonical.ts';
import {childMetadata, databaseSelector} from './metadata.ts';
import {childNames, ports} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** Label that the API server gives every namespace (KEP-2161). */
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';
/** Of DNS (RFC 1035, section 4.2). */
const DNS_PORT = 53;

/** As every distribution of CoreDNS labels its pods. */
const DNS_PODS: NetworkPolicyPeer = {
  namespaceSelector: {matchLabels: {[NAMESPACE_NAME]: 'kube-system'}},
  podSelector: {matchLabels: {'k8s-app': 'kube-dns'}},
};

const tcp = (port: number): {protocol: string; port: number} => ({protocol: 'TCP', port});

/**
 * What may reach the API's pods, and what they may reach: clients, metrics; DNS, their database, what the spec adds.
 * Probes come from the node, which a NetworkPolicy never shuts out.
 */
export function apiNetworkPolicy({api, operatorNamespace, revision}: DesiredInput): KubeObject | undefined {
  const {mode, ingressFrom, metricsFrom, egressTo} = api.spec.networkPolicy;
  if (mode === 'Off') return undefined;
  const {name} = api.metadata;
  const readers = metricsFrom?.map(canonicalPeer) ?? [{namespaceSelector: {}}];
  const clients = unlessEmpty(ingressFrom?.map(canonicalPeer));
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: childMetadata(api, childNames(name).api, 'api'),
    spec: {
      podSelector: {matchLabels: selectorLabels(name, 'api')},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        // A rule without `from` admits everyone; an empty list of clients therefore has no rule.
        ...(ingressFrom === undefined ? [{ports: [tcp(ports.api)]}] : []),
        ...(clients === undefined ? [] : [{from: clients, ports: [tcp(ports.api)]}]),
        {from: [operator(operatorNamespace), ...readers], ports: [tcp(ports.apiMetrics)]},
      ],
      egress: [
        ...dnsRules(),
        databaseRule(name, revision.data.database.external),
        ...(egressTo?.map(canonicalRule) ?? []),
      ],
    },
  } satisfies NetworkPolicy;
}

/** The database answers its API, its backups, and the operator, which also tries the accounts; of its own accord it reaches nothing. */
export function databaseNetworkPolicy({api, operatorNamespace}: DesiredInput): KubeObject | undefined {
  if (api.spec.networkPolicy.mode === 'Off' || managedDatabase(api.spec) === undefined) return undefined;
  const {name} = api.metadata;
  const components = api.spec.backup === undefined ? (['api'] as const) : (['api', 'backup'] as const);
  const clients = components.map((component) => selectorLabels(name, component));
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: childMetadata(api, childNames(name).database, 'database'),
    spec: {
      podSelector: {matchLabels: databaseSelector(name)},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {from: clients.map((matchLabels) => ({podSelector: {matchLabels}})), ports: [tcp(ports.mysql)]},
        {from: [operator(operatorNamespace)], ports: [tcp(ports.mysql), tcp(ports.mysqlAdmin)]},
      ],
    },
  } satisfies NetworkPolicy;
}

/** A backup's pod reaches DNS, its database, and the storage's port; nobody reaches it. */
export function backupNetworkPolicy({api}: DesiredInput): KubeObject | undefined {
  const {backup, networkPolicy} = api.spec;
  if (networkPolicy.mode === 'Off' || backup === undefined) return undefined;
  const {name} = api.metadata;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: childMetadata(api, childNames(name).backup, 'backup'),
    spec: {
      podSelector: {matchLabels: selectorLabels(name, 'backup')},
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        ...dnsRules(),
        databaseRule(name, api.spec.database.external),
        // Policies know no host names.
        {ports: [tcp(storagePort(backup.destination.s3.endpoint))]},
      ],
    },
  } satisfies NetworkPolicy;
}

/** `service.namespace.svc`, with the cluster's domain or without. */
const IN_CLUSTER = /^[^.]+\.([^.]+)\.svc(\.|$)/;

/** To the database: the pods of our own, or what can be told of another by its host. */
function databaseRule(
  name: string,
  external: Pick<RevisionEndpoint, 'host' | 'port'> | undefined,
): NetworkPolicyEgressRule {
  if (external === undefined)
    return {to: [{podSelector: {matchLabels: databaseSelector(name)}}], ports: [tcp(ports.mysql)]};
  const {host, port} = external;
  // Policies are judged after a Service's port was translated: what its pods listen on isn't known.
  if (!host.includes('.')) return {to: [{podSelector: {}}]};
  const namespace = IN_CLUSTER.exec(host)?.[1];
  if (namespace !== undefined) return {to: [{namespaceSelector: {matchLabels: {[NAMESPACE_NAME]: namespace}}}]};
  // Policies know no host names.
  return {ports: [tcp(port)]};
}

function storagePort(endpoint: string | undefined): number {
  const {port, protocol} = new URL(endpoint ?? 'https://s3.amazonaws.com');
  return port === '' ? ({'http:': 80}[protocol] ?? 443) : Number(port);
}

function dnsRules(): NetworkPolicyEgressRule[] {
  return [
    // Anywhere: a node-local cache answers at an address of the node, which no selector finds.
    {ports: [{protocol: 'UDP', port: DNS_PORT}, tcp(DNS_PORT)]},
    // Policies are judged after a Service's port was translated, and DNS pods may listen on another one.
    {to: [DNS_PODS]},
  ];
}

/** The operator's own pods (config/manager). */
function operator(namespace: string): NetworkPolicyPeer {
  return {
    namespaceSelector: {matchLabels: {[NAMESPACE_NAME]: namespace}},
    podSelector: {matchLabels: {[labels.name]: MANAGED_BY}},
  };
}

function canonicalPeer({podSelector, namespaceSelector, ipBlock}: NetworkPeer): NetworkPolicyPeer {
  return {
    ...(podSelector && {podSelector: canonicalSelector(podSelector)}),
    ...(namespaceSelector && {namespaceSelector: canonicalSelector(namespaceSelector)}),
    ...(ipBlock && {ipBlock: {cidr: ipBlock.cidr, ...(unlessEmpty(ipBlock.except) && {except: ipBlock.except})}}),
  } as NetworkPolicyPeer;
}

function canonicalSelector({matchLabels}: NonNullable<NetworkPeer['podSelector']>): {
  matchLabels?: Record<string, string>;
} {
  const wanted = unlessEmpty(matchLabels);
  return wanted === undefined ? {} : {matchLabels: wanted};
}

function canonicalRule({to, ports: asked}: EgressRule): NetworkPolicyEgressRule {
  const peers = unlessEmpty(to?.map(canonicalPeer));
  const wanted = unlessEmpty(asked);
  return {...(peers && {to: peers}), ...(wanted && {ports: wanted})};
}
