import {BlockList, isIP} from 'node:net';
import type {NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort} from 'kubernetes-types/networking/v1.js';
import type {LabelSelector} from 'kubernetes-types/meta/v1.js';

/** One end of a connection. */
export interface Endpoint {
  readonly address: string;
  /** undefined: no pod, but a node or something outside of the cluster. */
  readonly pod: Pod | undefined;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Shares the node's addresses: policies don't select it. */
  readonly hostNetwork: boolean;
}

/** One connection, after Services were resolved to pods. */
export interface Connection {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly protocol: 'TCP' | 'UDP';
  /** Of the server. */
  readonly port: number;
}

/** What the policies of a cluster are judged against. */
export interface PolicyWorld {
  readonly policies: readonly NetworkPolicy[];
  /** Labels of each namespace. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Addresses of the nodes, from which a pod on them is always reached (and reaches them). */
  readonly nodes: ReadonlySet<string>;
}

/**
 * What a network plug-in that heeds NetworkPolicies would do with a connection (networking.k8s.io/v1: policies add up,
 * both ends must admit it, and a node's traffic with its own pods is never refused).
 *
 * @returns why it is refused, naming the direction and the pod; undefined when it is admitted
 */
export function refusal(connection: Connection, world: PolicyWorld): string | undefined {
  const {client, server} = connection;
  if (world.nodes.has(client.address) || world.nodes.has(server.address)) return undefined;
  const out = judged(client, 'Egress', world).map(({spec}) => spec?.egress?.map(({to, ports}) => ({peers: to, ports})));
  const into = judged(server, 'Ingress', world).map(({spec}) =>
    spec?.ingress?.map(({from, ports}) => ({peers: from, ports})),
  );
  const admits = (rules: (Rule[] | undefined)[], other: Endpoint, own: Endpoint): boolean =>
    rules.length === 0 || rules.some((list) => list?.some((rule) => ruleAdmits(rule, connection, other, own, world)));
  if (!admits(out, server, client)) return `no egress rule of ${nameOf(client)} admits it`;
  if (!admits(into, client, server)) return `no ingress rule of ${nameOf(server)} admits it`;
  return undefined;
}

interface Rule {
  readonly peers: readonly NetworkPolicyPeer[] | undefined;
  readonly ports: readonly NetworkPolicyPort[] | undefined;
}

function nameOf({pod, address}: Endpoint): string {
  return pod === undefined ? address : `${pod.namespace}/${pod.name}`;
}

/** The policies that decide a direction of an endpoint: none means everything is admitted. */
function judged({pod}: Endpoint, direction: 'Ingress' | 'Egress', {policies}: PolicyWorld): NetworkPolicy[] {
  if (pod === undefined || pod.hostNetwork) return [];
  return policies.filter(
    ({metadata, spec}) =>
      metadata?.namespace === pod.namespace &&
      spec?.policyTypes?.includes(direction) === true &&
      selects(spec.podSelector, pod.labels),
  );
}

function ruleAdmits(
  {peers, ports}: Rule,
  {protocol, port}: Connection,
  other: Endpoint,
  own: Endpoint,
  world: PolicyWorld,
): boolean {
  const portFits = (wanted: NetworkPolicyPort): boolean => {
    if (typeof wanted.port === 'string') throw new Error(`a named port is not evaluated: ${wanted.port}`);
    return (wanted.protocol ?? 'TCP') === protocol && (wanted.port === undefined || wanted.port === port);
  };
  if (ports !== undefined && ports.length > 0 && !ports.some(portFits)) return false;
  if (peers === undefined || peers.length === 0) return true;
  return peers.some((peer) => peerFits(peer, other, own, world));
}

function peerFits(peer: NetworkPolicyPeer, other: Endpoint, own: Endpoint, world: PolicyWorld): boolean {
  if (peer.ipBlock !== undefined) {
    return (
      inRange(peer.ipBlock.cidr, other.address) && !peer.ipBlock.except?.some((cidr) => inRange(cidr, other.address))
    );
  }
  const {pod} = other;
  if (pod === undefined || pod.hostNetwork) return false;
  const namespaceFits =
    peer.namespaceSelector === undefined
      ? pod.namespace === own.pod?.namespace
      : selects(peer.namespaceSelector, world.namespaces.get(pod.namespace) ?? {});
  return namespaceFits && (peer.podSelector === undefined || selects(peer.podSelector, pod.labels));
}

function selects(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (selector?.matchExpressions !== undefined) throw new Error('matchExpressions are not evaluated');
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

function inRange(cidr: string, address: string): boolean {
  const [base = '', prefix = ''] = cidr.split('/');
  const family = (text: string): 'ipv4' | 'ipv6' => (isIP(text) === 6 ? 'ipv6' : 'ipv4');
  const list = new BlockList();
  list.addSubnet(base, Number(prefix), family(base));
  return list.check(address, family(address));
}
