import {createServer, type Server} from 'node:http';
import {isDeepStrictEqual} from 'node:util';
import {
  isApiError,
  keyOf,
  type KubeClient,
  type KubeObject,
  type ResourceRef,
} from '../../operator/src/runtime/index.ts';
import {labels, resources} from '../../operator/src/api/v1alpha1/index.ts';
import {metricsPage} from './simulated-metrics.ts';
import {backupStatus, type SimulatedBackup} from './simulated-backup.ts';

/**
 * How pods of one image behave. Everything else is real: API server, controllers, scheduler-less pods whose status is
 * written here as a kubelet would, and a real `/metrics` of each on a loopback address of its own.
 */
export interface Behaviour {
  /** Share of requests that fail, 0–1. */
  readonly badShare: number;
  /** Share of the good ones that are slow. */
  readonly slowShare?: number;
  /** false: the container runs and never becomes ready. */
  readonly becomesReady?: boolean;
  /** The container doesn't start as long as this is so, for this reason (ImagePullBackOff, …). */
  readonly waiting?: string;
  /** It ends again and again. */
  readonly crashes?: boolean;
  /** Share of the requests that read-only mode refuses; it says that it is on, unless told it doesn't speak of it. */
  readonly refusedShare?: number;
  /** Cores that each pod uses while it serves; unless told its `/metrics` doesn't say. */
  readonly cpu?: number;
  /** Why it can't use its database, as its `/metrics` says. */
  readonly failing?: string;
  /** Bytes that each has in use, so many milliseconds after its container began to run. */
  readonly memory?: (ranMs: number) => number;
  /** Its `/metrics` doesn't answer. */
  readonly unreadable?: boolean;
  /** Migrations that it reports: version and whether the image before can read it. */
  readonly migrations?: readonly {readonly version: number; readonly previousCanRead: boolean}[];
}

/** One namespace's traffic and the behaviour of its images. */
export interface Scene {
  /** Requests per second to the service, spread over its ready pods. */
  requestsPerSecond: number;
  /** By image; an image that isn't listed behaves well. */
  readonly images: Map<string, Behaviour>;
  /** By revision, where what a revision refers to makes the difference; it comes before the image's. */
  readonly revisions: Map<string, Behaviour>;
  /** The digest that a tag names in its registry, by image; one that isn't listed was loaded on the node. */
  readonly digests: Map<string, string>;
  /** What backups come to; as long as it is unset they run. */
  backup?: SimulatedBackup | undefined;
  /** Names of pods that stop being ready, though their container runs on and their `/metrics` answers. */
  readonly hung: Set<string>;
  /** Names of pods whose node is silent: its controller says that they are not ready, and nobody answers there. */
  readonly lost: Set<string>;
}

interface SimulatedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly image: string;
  readonly revision: string;
  readonly ip: string;
  /** What its status was made of last. */
  told: Troubles & {readonly waiting: string | undefined};
  /** When its container began to run, RFC 3339. */
  readonly startedAt: string;
  server: Server | undefined;
  ready: boolean;
  good: number;
  slow: number;
  bad: number;
  refused: number;
  /** CPU seconds since it began. */
  cpuSeconds: number;
  /** How often its `/metrics` was read, by whom. */
  readonly reads: {prometheus: number; operator: number};
}

interface Pod extends KubeObject {
  spec: {
    containers: {name: string; image: string; env?: {name: string; value?: string}[]}[];
    volumes?: {persistentVolumeClaim?: {claimName: string}}[];
  };
  status?: {phase?: string};
}

const isBackup = ({metadata}: Pod): boolean => metadata.labels?.[labels.component] === 'backup';

interface Claim extends KubeObject {
  spec: {storageClassName?: string};
  status?: {phase?: string};
}

const STORAGE_CLASSES: ResourceRef = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
};

const GOOD: Behaviour = {badShare: 0};
const TICK_MS = 200;
const METRICS_PORT = 9090;
/** A loopback network of this process' own: Jest's workers differ by their numbers, runs by their processes. */
const NETWORK = 16 + (process.pid % 100) * 2 + (Number(process.env['JEST_WORKER_ID'] ?? 0) % 2);
let nextAddress = 1;

/** Plays the kubelet for every pod of the operator's. */
export class SimulatedPods {
  readonly #client: KubeClient;
  readonly #scenes: ReadonlyMap<string, Scene>;
  /** By uid: a database's pod has the name of the one before it. */
  readonly #pods = new Map<string, SimulatedPod>();
  readonly #pending = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  /** The first failure, which a test must see. */
  failure: Error | undefined;

  constructor(client: KubeClient, scenes: ReadonlyMap<string, Scene>) {
    this.#client = client;
    this.#scenes = scenes;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
  }

  /** What the pods of an image in a namespace have seen, added up. */
  seen(
    namespace: string,
    ofImage: string,
  ): {readonly bad: number; readonly refused: number; readonly prometheus: number; readonly operator: number} {
    const all = [...this.#pods.values()].filter((pod) => pod.namespace === namespace && pod.image === ofImage);
    const sum = (of: (pod: SimulatedPod) => number): number => all.reduce((total, pod) => total + of(pod), 0);
    return {
      bad: sum(({bad}) => bad),
      refused: sum(({refused}) => refused),
      prometheus: sum(({reads}) => reads.prometheus),
      operator: sum(({reads}) => reads.operator),
    };
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#pods.values()].map((pod) => closeServer(pod)));
  }

  async #tick(): Promise<void> {
    this.#serveTraffic();
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#sync();
    } catch (error) {
      // The server of a busy machine may not answer in time: the next tick asks again.
      if (isApiError(error, 'Timeout')) return;
      this.failure ??= error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#busy = false;
    }
  }

  #serveTraffic(): void {
    for (const [namespace, scene] of this.#scenes) {
      const ready = [...this.#pods.values()].filter(
        (pod) => pod.namespace === namespace && pod.ready && pod.image !== '',
      );
      const each = (scene.requestsPerSecond * TICK_MS) / 1000 / Math.max(1, ready.length);
      for (const pod of ready) {
        const {badShare, refusedShare = 0, slowShare = 0, cpu = 0} = behaviourOf(scene, pod);
        pod.cpuSeconds += (cpu * TICK_MS) / 1000;
        pod.bad += each * badShare;
        pod.refused += each * refusedShare;
        pod.good += each * (1 - badShare - refusedShare);
        pod.slow += each * (1 - badShare - refusedShare) * slowShare;
      }
    }
  }

  async #sync(): Promise<void> {
    const bound = await this.#bindVolumes();
    const {items} = await this.#client.list<Pod>(resources.pod, {labelSelector: labels.owner});
    const seen = new Set<string>();
    for (const pod of items) {
      const {deletionTimestamp, namespace = '', uid = ''} = pod.metadata;
      seen.add(uid);
      if (deletionTimestamp !== undefined) {
        await this.#remove(pod);
        continue;
      }
      const claims = (pod.spec.volumes ?? []).flatMap(({persistentVolumeClaim: claim}) => claim?.claimName ?? []);
      const waits = claims.some((name) => !bound.has(`${namespace}/${name}`));
      if (waits) await this.#leavePending(pod);
      else if (isBackup(pod)) await this.#backUp(pod);
      else await this.#run(pod);
    }
    for (const [uid, pod] of this.#pods) {
      if (seen.has(uid)) continue;
      await closeServer(pod);
      this.#pods.delete(uid);
    }
  }

  /** Plays the volume binder, too: a claim is bound unless it names a StorageClass that doesn't exist. @returns what is bound */
  async #bindVolumes(): Promise<ReadonlySet<string>> {
    const bound = new Set<string>();
    const pending: Claim[] = [];
    const {items} = await this.#client.list<Claim>(resources.persistentVolumeClaim);
    for (const claim of items) {
      if (claim.status?.phase === 'Bound') bound.add(keyOf(claim.metadata));
      else pending.push(claim);
    }
    if (pending.length === 0) return bound;
    const classes = new Set((await this.#client.list(STORAGE_CLASSES)).items.map(({metadata}) => metadata.name));
    for (const claim of pending) {
      const {storageClassName} = claim.spec;
      if (storageClassName !== undefined && !classes.has(storageClassName)) continue;
      await this.#patchStatus(resources.persistentVolumeClaim, claim, {phase: 'Bound'});
      bound.add(keyOf(claim.metadata));
    }
    return bound;
  }

  /** As the scheduler leaves a pod whose claim isn't bound; said once. */
  async #leavePending(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    if (this.#pending.has(uid)) return;
    this.#pending.add(uid);
    const message = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.';
    const condition = {type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message};
    await this.#patchStatus(resources.pod, pod, {phase: 'Pending', conditions: [condition]});
  }

  async #remove(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const known = this.#pods.get(uid);
    if (known !== undefined) await closeServer(known);
    await this.#client
      .delete(resources.pod, pod.metadata.namespace, pod.metadata.name, {uid, gracePeriodSeconds: 0})
      .catch(ifChanged);
  }

  async #run(pod: Pod): Promise<void> {
    const {namespace = '', uid = ''} = pod.metadata;
    const image = pod.spec.containers[0]?.image ?? '';
    const scene = this.#scenes.get(namespace);
    const revision = pod.metadata.labels?.[labels.revision] ?? '';
    const behaviour = behaviourOf(scene, {image, revision});
    const known = this.#pods.get(uid);
    const told = {waiting: behaviour.waiting, ...troublesOf(scene, pod.metadata.name)};
    if (known !== undefined && isDeepStrictEqual(known.told, told)) return;
    const simulated = known ?? (await this.#start(pod, image, behaviour));
    simulated.told = told;
    const imageId = imageIdOf(image, scene?.digests.get(image));
    const status = podStatus(pod, behaviour, simulated, imageId);
    simulated.ready = status.conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
    await this.#patchStatus(resources.pod, pod, status);
  }

  /** Plays a backup's pod: its two containers, without what is in them. */
  async #backUp(pod: Pod): Promise<void> {
    const {namespace = '', uid = ''} = pod.metadata;
    const how = this.#scenes.get(namespace)?.backup;
    if (['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')) return;
    if (how === undefined && pod.status?.phase === 'Running') return;
    const environment = pod.spec.containers.flatMap(({env = []}) => env);
    await this.#patchStatus(resources.pod, pod, backupStatus(how, uid, environment));
  }

  async #start(pod: Pod, image: string, behaviour: Behaviour): Promise<SimulatedPod> {
    const {namespace = '', uid = ''} = pod.metadata;
    const api = pod.metadata.labels?.[labels.component] === 'api';
    const address = nextAddress++;
    const ip = `127.${String(NETWORK)}.${String(address >> 8)}.${String(address & 255)}`;
    const simulated: SimulatedPod = {
      uid,
      namespace,
      image: api ? image : '',
      revision: pod.metadata.labels?.[labels.revision] ?? '',
      ip,
      told: {waiting: undefined, hangs: false, lost: false},
      startedAt: `${new Date().toISOString().slice(0, 19)}Z`,
      server: undefined,
      ready: false,
      ...{good: 0, slow: 0, bad: 0, refused: 0, cpuSeconds: 0},
      reads: {prometheus: 0, operator: 0},
    };
    this.#pods.set(uid, simulated);
    const now = (): Behaviour => behaviourOf(this.#scenes.get(namespace), simulated);
    if (api && behaviour.unreadable !== true) await openServer(simulated, now);
    return simulated;
  }

  async #patchStatus(ref: ResourceRef, {metadata}: KubeObject, status: object): Promise<void> {
    const body = {metadata: {uid: metadata.uid}, status};
    await this.#client
      .patch(ref, metadata.namespace, metadata.name, body, {type: 'merge', subresource: 'status'})
      .catch(ifChanged);
  }
}

function behaviourOf(scene: Scene | undefined, {image, revision}: Pick<SimulatedPod, 'image' | 'revision'>): Behaviour {
  return scene?.revisions.get(revision) ?? scene?.images.get(image) ?? GOOD;
}

interface Troubles {
  readonly hangs: boolean;
  readonly lost: boolean;
}

function troublesOf(scene: Scene | undefined, name: string): Troubles {
  return {hangs: scene?.hung.has(name) === true, lost: scene?.lost.has(name) === true};
}

/** An object that was deleted, or made anew, since it was listed is none of this round's business. */
function ifChanged(error: unknown): void {
  const another = isApiError(error, 'Invalid') && error.fields.includes('metadata.uid');
  if (!another && !isApiError(error, 'NotFound', 'Conflict')) throw error;
}

type Condition = Readonly<Record<'type' | 'status' | 'lastTransitionTime', string>>;

/** As containerd reports it: by repository and digest what was pulled, by its configuration's hash what was loaded. */
function imageIdOf(image: string, digest: string | undefined): string {
  if (image.includes('@')) return image;
  if (digest !== undefined) return `${image.slice(0, image.lastIndexOf(':'))}@${digest}`;
  return `sha256:${Buffer.from(image).toString('hex').padEnd(64, '0').slice(0, 64)}`;
}

function podStatus(
  pod: Pod,
  behaviour: Behaviour,
  {ip, told: {hangs, lost}, startedAt}: SimulatedPod,
  imageID: string,
): {conditions: Condition[]; [field: string]: unknown} {
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const crashes = behaviour.crashes === true;
  const starts = behaviour.waiting === undefined && !crashes;
  const ready = starts && behaviour.becomesReady !== false && !hangs;
  const met = [true, true, ready, ready && !lost];
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type, index) => ({
    type,
    status: met[index] === true ? 'True' : 'False',
    lastTransitionTime: now,
    // The node's controller gives none, and turns Ready alone (MarkPodsNotReady of pkg/controller/util/node).
    ...(met[index] === true || ready ? {} : {reason: 'ContainersNotReady'}),
  }));
  return {
    phase: starts || crashes ? 'Running' : 'Pending',
    podIP: ip,
    podIPs: [{ip}],
    startTime: now,
    conditions,
    containerStatuses: [{...containerState(pod, behaviour, startedAt), imageID, ready, started: starts}],
  };
}

/** What the first container of a pod is doing, and what its last run ended with. */
function containerState(pod: Pod, behaviour: Behaviour, startedAt: string): Readonly<Record<string, unknown>> {
  const name = pod.spec.containers[0]?.name ?? '';
  const image = pod.spec.containers[0]?.image ?? '';
  const crashes = behaviour.crashes === true;
  const reason = crashes ? 'CrashLoopBackOff' : behaviour.waiting;
  const ended = {terminated: {exitCode: 1, reason: 'Error', finishedAt: startedAt, startedAt}};
  return {
    name,
    image,
    restartCount: crashes ? 4 : 0,
    state: reason === undefined ? {running: {startedAt}} : {waiting: {reason, message: `${image}: ${reason}`}},
    ...(crashes ? {lastState: ended} : {}),
  };
}

function openServer(pod: SimulatedPod, behaviour: () => Behaviour): Promise<void> {
  const server = createServer(({headers}, response) => {
    if (headers['user-agent']?.startsWith('Prometheus/') === true) pod.reads.prometheus++;
    else pod.reads.operator++;
    // Prometheus 3 takes no page without it.
    response.writeHead(200, {'content-type': 'text/plain; version=0.0.4'}).end(metricsPage(pod, behaviour()));
  });
  pod.server = server;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(METRICS_PORT, pod.ip, resolve);
  });
}

async function closeServer(pod: SimulatedPod): Promise<void> {
  pod.ready = false;
  const {server} = pod;
  if (server === undefined) return;
  pod.server = undefined;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
