import type {ChildProcess} from 'node:child_process';
import {readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {bundle, type Program} from '../../../hack/bundle.ts';
import {temporaryFolder} from '../../../hack/images/temporary.ts';
import type {Progress} from '../../../hack/lib/progress.ts';
import {resources, type MaintenanceApi} from '../../../operator/src/api/v1alpha1/index.ts';
import {isRoutine, OPERATOR_AGENT, readAudit, type AuditEvent} from '../../harness/audit.ts';
import {prometheusServers, scrapingApiPods} from '../../harness/prometheus-config.ts';
import {PrometheusServer} from '../../harness/prometheus.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import type {Scene} from '../../harness/simulated-pods.ts';
import {waitFor, WaitTimeout} from '../../harness/wait.ts';
import {once} from '../once.ts';
import {perMinute, rises, untilFirst, type Counted} from './figures.ts';

/** How many resources, each in a namespace of its own: so a question has most to say. */
export const SIZE = 50;
/** As the operator's image has it: from the sources it takes twice the memory. */
const PROGRAM: Program = {
  ...{name: 'operator', entry: 'test/harness/operator-process.ts', output: 'main.mjs', folders: []},
};
/** As Dockerfile.operator has them. */
const FLAGS = ['--optimize-for-size', '--no-turbofan'];
const ENV = {NODE_ENV: 'production', MALLOC_ARENA_MAX: '1'};
/** As the operator's PodMonitor asks for. */
const SCRAPE_INTERVAL = '15s';
const PROMETHEUS = 'main';
/** Requests a second: of every resource while it becomes good, and of the one that is released badly. */
const RATE = 10;
export const RELEASE_RATE = 50;
export const BAD_SHARE = 0.2;
const GOOD_IMAGE = 'example/api:1';
const FIRST = 'fleet-1';
/** Rounds of questions that are watched. */
const ROUNDS = 5;
const ROUNDS_TIMEOUT_MS = 300_000;
const CONVERGED_TIMEOUT_MS = 900_000;
const RELEASE_TIMEOUT_MS = 240_000;
/** Figures that moved before may be written up to 5 minutes later (invariant 3); only then is there rest. */
const SETTLE_SECONDS = 330;

/** What the operator asked while nothing happened. */
export interface Rest {
  readonly requests: readonly AuditEvent[];
  /** For the Lease and watches. */
  readonly routine: number;
}

/** Of the operator's process, bytes. */
export interface Resident {
  readonly now: number;
  readonly most: number;
  /** Of what there is now, the files that it runs from. */
  readonly ofFiles: number;
}

/**
 * Fifty resources that a real Prometheus measures, on a real API server with real controllers; their pods are simulated
 * and have no databases. The operator is bundled as in its image.
 */
export class Fleet {
  readonly #progress: Progress;
  readonly #world: Simulation;
  readonly #prometheus: PrometheusServer;
  readonly #folder: string;
  readonly #operator: ChildProcess;
  readonly #scenes: Scene[] = [];
  #releases = 0;

  private constructor(parts: {
    progress: Progress;
    world: Simulation;
    prometheus: PrometheusServer;
    folder: string;
    operator: ChildProcess;
  }) {
    this.#progress = parts.progress;
    this.#world = parts.world;
    this.#prometheus = parts.prometheus;
    this.#folder = parts.folder;
    this.#operator = parts.operator;
  }

  static async open(progress: Progress): Promise<Fleet> {
    return progress.run('a control plane, a Prometheus and the operator', async () => {
      const folder = await temporaryFolder('fleet');
      await bundle(PROGRAM, join(folder, 'app'));
      const world = await Simulation.start();
      const prometheus = await PrometheusServer.start(scrapingApiPods(world.plane.kubeconfigPath, SCRAPE_INTERVAL));
      const servers = join(folder, 'servers.yaml');
      await writeFile(servers, JSON.stringify(prometheusServers(PROMETHEUS, prometheus.url)));
      // As in a pod: to read a kubeconfig takes code that isn't loaded there.
      const account = await world.serviceAccount(join(folder, 'account'));
      const env = {...ENV, ...account, PROMETHEUS_SERVERS_FILE: servers};
      const operator = world.startOperator(env, undefined, [...FLAGS, join(folder, 'app', PROGRAM.output)]);
      return new Fleet({progress, world, prometheus, folder, operator});
    });
  }

  /** The first resource, good. */
  readonly #one = once(async (): Promise<void> => this.#grow(1));

  /** All of them, good. @returns how long the others took to become so, milliseconds */
  readonly whole = once(async (): Promise<number> => {
    await this.#one();
    const startedAt = performance.now();
    await this.#grow(SIZE);
    return performance.now() - startedAt;
  });

  /** Questions a minute to Prometheus, as that counts them; with one resource, and with all. */
  async questions(): Promise<{readonly one: number; readonly all: number}> {
    await this.#one();
    const one = await this.#questionRate('one resource');
    await this.whole();
    return {one, all: await this.#questionRate(`${SIZE} resources`)};
  }

  /**
   * Releases an image that fails one request in five of one resource among the others, again and again.
   *
   * @returns from the first bad response that a pod gave until the Deployment was patched, milliseconds each
   */
  async decisions(runs: number): Promise<readonly number[]> {
    await this.whole();
    const times: number[] = [];
    for (let run = 1; run <= runs; run += 1) {
      times.push(await this.#progress.run(`bad release ${run} of ${runs}, about 2 min`, async () => this.#release()));
    }
    return times;
  }

  /** What the operator asks of the API server once there is no traffic any more. */
  async rest(minutes: number): Promise<Rest> {
    await this.whole();
    for (const scene of this.#scenes) scene.requestsPerSecond = 0;
    await this.#progress.run(`coming to rest, ${SETTLE_SECONDS} s`, async () => delay(SETTLE_SECONDS * 1000));
    const from = Date.now();
    await this.#progress.run(`idle, ${minutes} min`, async () => delay(minutes * 60_000));
    const to = Date.now();
    const events = await readAudit(this.#world.plane.auditLogPath, ({userAgent = '', requestReceivedTimestamp}) => {
      const at = Date.parse(requestReceivedTimestamp);
      return userAgent.startsWith(OPERATOR_AGENT) && at >= from && at < to;
    });
    const requests = events.filter((event) => !isRoutine(event));
    const routine = events.length - requests.length;
    if (routine === 0) throw new Error('the audit log has no renewal of the Lease: it proves nothing');
    return {requests, routine};
  }

  /** What the kernel says of the operator's process, which has served all of them. */
  async resident(): Promise<Resident> {
    await this.whole();
    const status = await readFile(`/proc/${String(this.#operator.pid)}/status`, 'utf8');
    const bytes = (field: string): number => {
      const [, size] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
      if (size === undefined) throw new Error(`/proc/<pid>/status has no ${field}`);
      return Number(size) * 1024;
    };
    return {now: bytes('VmRSS'), most: bytes('VmHWM'), ofFiles: bytes('RssFile')};
  }

  async close(): Promise<void> {
    await Promise.all([this.#world.stop(), this.#prometheus.stop()]);
    await rm(this.#folder, {recursive: true, force: true});
  }

  /** Makes resources until there are so many, and waits until each is Ready and its revision good. */
  async #grow(size: number): Promise<void> {
    await this.#progress.run(`${size} resources become Ready and good`, async ({detail}) => {
      while (this.#scenes.length < size) {
        const namespace = `fleet-${this.#scenes.length + 1}`;
        this.#scenes.push(await this.#world.scene(namespace, RATE));
        await this.#world.create(namespace, {
          slo: {source: {prometheusRef: {name: PROMETHEUS}}},
          remediation: {limits: {cooldownSeconds: 0, maxActionsPerHour: 60}},
        });
      }
      await waitFor(
        `${size} resources are Ready and good`,
        async () => {
          const {failure} = this.#world.pods;
          if (failure !== undefined) throw failure;
          const {items} = await this.#world.client.list(resources.maintenanceApi);
          const good = items.filter((item) => isSettled(item as unknown as MaintenanceApi)).length;
          detail(`${good} of ${size}`);
          if (good === size) return true;
          throw new Error(`${good} are`);
        },
        CONVERGED_TIMEOUT_MS,
        1000,
      );
    });
  }

  async #questionRate(what: string): Promise<number> {
    return this.#progress.run(`questions for ${what}, about 3 min`, async () => {
      const samples: Counted[] = [];
      await waitFor(
        `${ROUNDS} rounds of questions`,
        async () => {
          samples.push({at: performance.now(), count: await this.#questions()});
          return rises(samples).length >= ROUNDS || undefined;
        },
        ROUNDS_TIMEOUT_MS,
      );
      return perMinute(samples);
    });
  }

  /** Requests to Prometheus' API so far; nobody but the operator sends any. */
  async #questions(): Promise<number> {
    const page = await (await fetch(`${this.#prometheus.url}/metrics`)).text();
    const counts = page.matchAll(/^prometheus_http_requests_total\{.*handler="\/api\/v1\/.*\} (\d+)$/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async #release(): Promise<number> {
    this.#releases += 1;
    const image = `example/api:bad-${this.#releases}`;
    const scene = this.#scenes[0];
    scene?.images.set(image, {badShare: BAD_SHARE});
    if (scene !== undefined) scene.requestsPerSecond = RELEASE_RATE;
    const good = (await this.#world.api(FIRST)).status?.revisions?.serving;
    await this.#world.patchSpec(FIRST, {image});
    const firstBad = await waitFor(
      'a bad response',
      () => Promise.resolve(this.#world.pods.seen(FIRST, image).bad >= 1 ? Date.now() : undefined),
      RELEASE_TIMEOUT_MS,
      20,
    );
    const isRolledBack = ({status}: MaintenanceApi): boolean =>
      status?.revisions?.serving === good &&
      status?.revisions?.suspended?.some(({hash}) => hash === status.revisions?.desired) === true &&
      status.remediation?.action === undefined;
    try {
      await this.#world.until(FIRST, 'the bad revision is rolled back', isRolledBack, RELEASE_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof WaitTimeout)) throw error;
    }
    const patches = await this.#world.deploymentPatches(FIRST);
    await this.#world.patchSpec(FIRST, {image: GOOD_IMAGE});
    await this.#world.until(FIRST, 'the good revision serves again', isSettled, RELEASE_TIMEOUT_MS);
    return untilFirst(
      firstBad,
      patches.map(({stageTimestamp}) => Date.parse(stageTimestamp)),
    );
  }
}

/** Whether it is Ready, and what it serves is what its spec asks and good. */
function isSettled(api: MaintenanceApi): boolean {
  const {desired, serving, lastKnownGood} = api.status?.revisions ?? {};
  const isGood = desired !== undefined && [serving, lastKnownGood].every((revision) => revision === desired);
  return isGood && conditionOf(api, 'Ready') === 'True Ready' && api.status?.remediation?.action === undefined;
}
