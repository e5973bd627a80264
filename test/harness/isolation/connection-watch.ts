import type {NetworkPolicy} from 'kubernetes-types/networking/v1.js';
import {parseConntrack, type Flow} from './conntrack.ts';
import {refusal, type Connection, type Endpoint, type Pod} from './policies.ts';

/** How often the table is read, in milliseconds: an ended TCP connection stays in it for 120 s, a UDP one for 30 s. */
const INTERVAL_MS = 10_000;

/** What the watch needs of a cluster. */
export interface WatchedCluster {
  /** Runs a command in the node's namespaces. @returns its standard output */
  readonly exec: (command: readonly [string, ...string[]]) => Promise<string>;
  /** Runs kubectl. @returns its standard output */
  readonly kubectl: (args: readonly string[]) => Promise<string>;
}

/** A connection that was seen, by the names of its ends. */
export interface SeenConnection {
  readonly client: string;
  readonly server: string;
  readonly protocol: string;
  readonly port: number;
  /** Why the policies of that moment refuse it; undefined when they admit it. */
  readonly refused: string | undefined;
}

interface Listed {
  readonly kind: string;
  readonly metadata: {readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string>};
  readonly spec?: {readonly hostNetwork?: boolean; readonly clusterIPs?: readonly string[]};
  readonly status?: {readonly podIP?: string};
}

/** Every connection of a cluster's pods, judged by its NetworkPolicies as a plug-in that heeds them would. */
export class ConnectionWatch {
  readonly #cluster: WatchedCluster;
  readonly #seen = new Map<string, SeenConnection>();
  /** The last pod of each address: connections stay in the table for a while after their pod is gone. */
  readonly #pods = new Map<string, Pod>();
  /** The addresses of Services. One without endpoints isn't translated: the node answers for it, and nothing is reached. */
  readonly #services = new Set<string>();
  /** Refused, with an end that has no name: a pod connects before its address is in its status. Judged again. */
  #unnamed = new Map<string, {readonly flow: Flow; readonly seen: SeenConnection}>();
  /** Everything that was looked at. */
  readonly #known = new Set<string>();
  /** What was there before the watch began, perhaps of pods that are gone: not of its time. */
  #former: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(cluster: WatchedCluster) {
    this.#cluster = cluster;
  }

  /** Takes what is in the table already for former connections, and looks from now on. */
  async start(): Promise<void> {
    this.#former = new Set((await this.#table()).map(identityOf));
    await this.look();
    this.#timer ??= setInterval(() => {
      this.#round = this.#round
        .then(() => this.look())
        .catch((error: unknown) => {
          this.#failure = error instanceof Error ? error : new Error(String(error));
        });
    }, INTERVAL_MS);
  }

  /**
   * Looks once more, and ends.
   *
   * @returns every connection that was seen
   * @throws what kept it from looking
   */
  async stop(): Promise<readonly SeenConnection[]> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#round;
    if (this.#failure !== undefined) throw this.#failure;
    await this.look();
    const unnamed = [...this.#unnamed.values()].map(({seen}) => [JSON.stringify(seen), seen] as const);
    return [...this.#seen.values(), ...new Map(unnamed).values()];
  }

  /** Reads the table and judges what is in it by the policies of now. */
  async look(): Promise<void> {
    const [table, text, addresses] = await Promise.all([
      this.#table(),
      this.#cluster.kubectl(['get', 'pods,services,networkpolicies,namespaces', '-A', '-o', 'json']),
      this.#cluster.exec(['ip', '-json', 'address']),
    ]);
    const {items} = JSON.parse(text) as {items: Listed[]};
    const of = (kind: string): Listed[] => items.filter((item) => item.kind === kind);
    const interfaces = JSON.parse(addresses) as {addr_info: {local: string}[]}[];
    const world = {
      policies: of('NetworkPolicy') as unknown as NetworkPolicy[],
      namespaces: new Map(of('Namespace').map(({metadata}) => [metadata.name, metadata.labels ?? {}])),
      nodes: new Set(interfaces.flatMap(({addr_info: list}) => list.map(({local}) => local))),
    };
    for (const pod of of('Pod')) this.#pods.set(pod.status?.podIP ?? '', podOf(pod));
    for (const address of of('Service').flatMap(({spec}) => spec?.clusterIPs ?? [])) this.#services.add(address);
    const end = (address: string): Endpoint => ({address, pod: this.#pods.get(address)});
    const again = [...this.#unnamed.values()].map(({flow}) => flow);
    const flows = new Map([...again, ...table].map((flow) => [identityOf(flow), flow]));
    this.#unnamed = new Map();
    for (const [identity, flow] of flows) {
      if (this.#former.has(identity) || this.#services.has(flow.server) || this.#isAnswer(flow)) continue;
      this.#known.add(identity);
      const connection = {...flow, client: end(flow.client), server: end(flow.server)};
      const seen = seenOf(connection, refusal(connection, world));
      const ends = [connection.client, connection.server];
      const named = ends.every(({address, pod}) => pod !== undefined || world.nodes.has(address));
      if (!named && seen.refused !== undefined) this.#unnamed.set(identity, {flow, seen});
      else this.#seen.set(JSON.stringify(seen), seen);
    }
  }

  /**
   * Whether it is the late answer of a connection that has left the table, as of a process that was stopped for minutes: the
   * kernel takes it for one that the server opened (nf_conntrack_tcp_loose).
   */
  #isAnswer({client, clientPort, server, port, protocol}: Flow): boolean {
    const asked = identityOf({protocol, client: server, clientPort: port, server: client, port: clientPort});
    return this.#known.has(asked) || this.#former.has(asked);
  }

  async #table(): Promise<Flow[]> {
    return parseConntrack(await this.#cluster.exec(['cat', '/proc/net/nf_conntrack']));
  }
}

function identityOf({protocol, client, clientPort, server, port}: Flow): string {
  return [protocol, client, clientPort, server, port].join(' ');
}

function seenOf({client, server, protocol, port}: Connection, refused: string | undefined): SeenConnection {
  return {client: nameOf(client), server: nameOf(server), protocol, port, refused};
}

function nameOf({address, pod}: Endpoint): string {
  return pod === undefined ? address : `${pod.namespace}/${pod.name}`;
}

function podOf({metadata, spec}: Listed): Pod {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    labels: metadata.labels ?? {},
    hostNetwork: spec?.hostNetwork === true,
  };
}
