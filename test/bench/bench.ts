import {join} from 'node:path';
import {localCluster} from '../../hack/cluster/index.ts';
import type {Progress} from '../../hack/lib/progress.ts';
import {stateRoot} from '../../hack/lib/state.ts';
import type {MaintenanceApi} from '../../operator/src/api/v1alpha1/index.ts';
import {World} from '../harness/world.ts';
import {measureLimited} from './api/limited.ts';
import {Stand} from './api/stand.ts';
import {measureBackup} from './backup/measure.ts';
import {ConnectionCounter} from './connections.ts';
import {Fleet} from './fleet/fleet.ts';
import {once} from './once.ts';
import {measureRollbacks, type Rollback} from './rollbacks.ts';

/** The cluster's name. */
const CLUSTER = 'bench';
/** The service on which figures are measured. */
export const WHERE = {namespace: 'bench', name: 'tasks'} as const;
const READY_TIMEOUT_MS = 300_000;
/** Requests a second that the API is put under within its pod's limits. */
const API_RATES = [100, 200];

/** What the command line asks for. */
export interface Options {
  /** How many bad releases. */
  readonly runs: number;
  /** How long steady traffic is watched, and how old the operator is at least when its memory is read. */
  readonly minutes: number;
  readonly idleMinutes: number;
  /** Whether lists are read at ten million tasks too. */
  readonly lists: boolean;
  /** Whether the demo is run. */
  readonly demo: boolean;
  /** Whether the demo is run as on a new machine. */
  readonly cold: boolean;
}

/** How the one service came up. */
export interface Service {
  /** From when the resource was applied until it was seen Ready, milliseconds. */
  readonly readyMs: number;
}

/** Status of a condition, for example True; `none` when there is no such condition. */
function conditionStatus(api: MaintenanceApi, type: string): string {
  return api.status?.conditions?.find((condition) => condition.type === type)?.status ?? 'none';
}

/** What rows share: one cluster, one service in it, one series of bad releases, each brought up when it is first needed. */
export class Bench {
  readonly options: Options;
  readonly progress: Progress;
  #world: Promise<World> | undefined;
  #isInstalled = false;
  #stand: Stand | undefined;
  #fleet: Fleet | undefined;

  constructor(options: Options, progress: Progress) {
    this.options = options;
    this.progress = progress;
  }

  /** The cluster with the operator in it, and what counts the operator's connections from then on. */
  readonly operator = once(async (): Promise<{world: World; connections: ConnectionCounter}> => {
    const world = await this.#cluster();
    this.#isInstalled = true;
    await this.progress.run('installing the operator', async () => world.install());
    return {world, connections: await ConnectionCounter.start(world)};
  });

  /** The one service, Ready. */
  readonly service = once(async (): Promise<Service> => {
    const {world} = await this.operator();
    return this.progress.run('applying a MaintenanceApi', async () => {
      await world.createNamespace(WHERE.namespace);
      const limits = {cooldownSeconds: 0, maxActionsPerHour: 60};
      const resource = world.maintenanceApi(WHERE.namespace, WHERE.name, {remediation: {limits}});
      const appliedAt = performance.now();
      await world.apply(resource);
      await world.waitApi(WHERE, 'Ready', (api) => conditionStatus(api, 'Ready') === 'True', READY_TIMEOUT_MS);
      return {readyMs: performance.now() - appliedAt};
    });
  });

  /** A series of bad releases, each rolled back. */
  readonly rollbacks = once(async (): Promise<readonly Rollback[]> => {
    const {world} = await this.operator();
    await this.service();
    return measureRollbacks({world, where: WHERE, runs: this.options.runs, progress: this.progress});
  });

  /** The API service by itself, beside its peers, on a MySQL server of its own. */
  readonly api = once(async (): Promise<Stand> => (this.#stand = await Stand.open(this.progress)));

  /** The API service within the limits of its pod, under load. */
  readonly apiLimited = once(async () => measureLimited(await this.api(), API_RATES, this.progress));

  /** Backups of a gigabyte, without a cluster. */
  readonly backup = once(async () => measureBackup(this.progress));

  /** Many resources without a node; they have the machine for themselves. */
  readonly fleet = once(async (): Promise<Fleet> => {
    await this.close();
    return (this.#fleet = await Fleet.open(this.progress));
  });

  /**
   * Starts the cluster again, as the next `up` on this machine would.
   *
   * @returns milliseconds until API server, DNS and metrics answer and the images of its last start are there
   */
  async restartCluster(): Promise<number> {
    if (this.#isInstalled) throw new Error('the cluster is restarted before the operator is installed, not after');
    const {cluster, images, artifacts} = await this.#cluster();
    await cluster.stop();
    this.#world = undefined;
    const startedAt = performance.now();
    const again = await localCluster({name: CLUSTER, fresh: true, progress: this.progress});
    this.#world = Promise.resolve(new World({cluster: again, images, artifacts}));
    for (const {archive, ref} of [images.operator, images.api, images.mysql, images.load, images.failing]) {
      await again.loadImage(archive, ref);
    }
    await (await this.#world).kubectl(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes']);
    return performance.now() - startedAt;
  }

  /** Ends the cluster, the API's stand and the fleet, if they are there. */
  async close(): Promise<void> {
    const fleet = this.#fleet;
    this.#fleet = undefined;
    await fleet?.close();
    const stand = this.#stand;
    this.#stand = undefined;
    await stand?.close();
    const world = await this.#world;
    this.#world = undefined;
    await world?.close();
  }

  #cluster(): Promise<World> {
    const artifacts = join(stateRoot(), 'bench');
    return (this.#world ??= World.open({name: CLUSTER, progress: this.progress, artifacts}));
  }
}
