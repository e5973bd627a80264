import {API_SERVICE_IP} from '../../hack/cluster/flags.ts';
import {byOperator} from '../harness/audit.ts';
import type {World} from '../harness/world.ts';

/** Marks the rules that count. */
const COMMENT = 'bench-connections';
const OPERATOR_PODS = ['maintenance-api-system', 'app.kubernetes.io/name=maintenance-api-operator'] as const;

interface Pod {
  metadata: {uid: string; name: string};
  status: {podIP?: string};
}

/** What the operator's pods did since the counting began. */
export interface Counted {
  /** New TCP connections to the API server. */
  readonly connections: number;
  /** Requests that the API server answered. */
  readonly requests: number;
  readonly minutes: number;
}

/**
 * Counts the connections that the operator's pods make to the API server: the first packet of each, by a rule of the
 * node's packet filter, and so not by the operator's own word.
 */
export class ConnectionCounter {
  readonly #world: World;
  readonly #pods: readonly string[];
  readonly #startedAt = Date.now();

  private constructor(world: World, pods: readonly string[]) {
    this.#world = world;
    this.#pods = pods;
  }

  static async start(world: World): Promise<ConnectionCounter> {
    const pods = await world.list<Pod>('pods', ...OPERATOR_PODS);
    for (const {metadata, status} of pods) {
      if (status.podIP === undefined) throw new Error(`Pod ${metadata.name} has no address`);
      await world.cluster.exec([
        ...(['iptables', '--wait', '--table', 'mangle', '--insert', 'PREROUTING'] as const),
        ...['--source', status.podIP, '--destination', API_SERVICE_IP, '--protocol', 'tcp', '--syn'],
        ...['--match', 'comment', '--comment', COMMENT],
      ]);
    }
    return new ConnectionCounter(
      world,
      pods.map(({metadata}) => metadata.uid),
    );
  }

  /** @throws Error when the pods are others by now, whose connections weren't counted */
  async read(): Promise<Counted> {
    const pods = await this.#world.list<Pod>('pods', ...OPERATOR_PODS);
    if (pods.length !== this.#pods.length || pods.some(({metadata}) => !this.#pods.includes(metadata.uid))) {
      throw new Error("The operator's pods were replaced while their connections were counted");
    }
    const list = ['iptables', '--wait', '--table', 'mangle', '--list', 'PREROUTING'] as const;
    const {stdout} = await this.#world.cluster.exec([...list, '--verbose', '--numeric', '--exact']);
    const until = Date.now();
    const requests = await this.#world.audit(
      (event) => byOperator(event) && Date.parse(event.requestReceivedTimestamp) >= this.#startedAt,
    );
    return {
      connections: countedPackets(stdout, COMMENT),
      requests: requests.length,
      minutes: (until - this.#startedAt) / 60_000,
    };
  }
}

/**
 * Packets that matched the rules with a comment.
 *
 * @param listing - of `iptables --list CHAIN --verbose --numeric --exact`
 * @throws Error when there is no such rule
 */
export function countedPackets(listing: string, comment: string): number {
  const rules = listing.split('\n').filter((line) => line.includes(`/* ${comment} */`));
  if (rules.length === 0) throw new Error(`The packet filter has no rule ${comment}`);
  return rules.reduce((sum, line) => sum + Number(line.trim().split(/\s+/, 1)[0]), 0);
}
