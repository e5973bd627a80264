import 'reflect-metadata';
import {KubeConfig} from '@kubernetes/client-node/dist/config.js';
import {pino, type Logger} from 'pino';
import {request} from 'undici';
import {ChildWriter} from './act/children.ts';
import {DatabaseKeeper} from './act/database-keeper.ts';
import {OwnedSecretKeeper} from './act/owned-secrets.ts';
import {RevisionWriter} from './act/revisions.ts';
import {StatusWriter} from './act/status-writer.ts';
import {childResources, FIELD_MANAGER, GROUP} from './api/v1alpha1/index.ts';
import {readConfig, type OperatorConfig} from './config.ts';
import {MaintenanceApiController} from './controller/maintenance-api-controller.ts';
import {ResourceStates} from './controller/resource-state.ts';
import {
  apiTokensSecret,
  authoritySecret,
  childNames,
  databaseHosts,
  databaseRoles,
  databaseStateSecret,
  ports,
  roleSecret,
  serverTlsSecret,
} from './desired/index.ts';
import {Cache} from './observe/cache.ts';
import {connectDatabase, DatabaseProbes} from './observe/database-probe.ts';
import {Scraper, type FetchMetrics} from './observe/scraper.ts';
import {
  Applier,
  Controller,
  EventRecorder,
  HealthServer,
  KubeClient,
  LeaderElector,
  Metrics,
  systemClock,
  WorkQueue,
} from './runtime/index.ts';

const LEASE = 'maintenance-api-operator';
/** A pod's metrics are a few kB; more than this isn't one of ours and would only cost memory. */
const MAX_METRICS_BYTES = 1_000_000;

/** Reads a pod by its IP: what the operator does in the cluster. */
const fetchByIp: FetchMetrics = async ({ip}, timeoutMs) => {
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const answer = await request(`http://${host}:${String(ports.apiMetrics)}/metrics`, {
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    throw new Error(`the pod answered ${String(answer.statusCode)}`);
  }
  let body = '';
  for await (const chunk of answer.body) {
    body += String(chunk);
    if (body.length > MAX_METRICS_BYTES) throw new Error('the metrics are too large');
  }
  return body;
};

/** Reads a pod through the API server: what the operator does from a laptop. */
const fetchByProxy =
  (client: KubeClient): FetchMetrics =>
  async ({namespace, pod}, timeoutMs) => {
    const answer = await client.podProxyGet(namespace, pod, ports.apiMetrics, 'metrics', {
      timeoutMs,
      maxBytes: MAX_METRICS_BYTES,
    });
    if (answer.status !== 200) throw new Error(`the pod answered ${String(answer.status)}`);
    return answer.body;
  };

/** Everything that runs while this process leads. */
class Operator {
  readonly #cache: Cache;
  readonly #scraper: Scraper;
  readonly #probes: DatabaseProbes;
  readonly #queue: WorkQueue;
  readonly #controller: Controller;

  constructor(context: {
    config: OperatorConfig;
    client: KubeClient;
    elector: LeaderElector;
    recorder: EventRecorder;
    metrics: Metrics;
    logger: Logger;
  }) {
    const {config, client, elector, recorder, metrics, logger} = context;
    const clock = systemClock;
    const guard = elector.guard();
    this.#queue = new WorkQueue({name: 'maintenanceapi', clock, metrics});
    const enqueue = (key: string): void => {
      this.#queue.add(key);
    };
    const cache = new Cache({client, namespaces: config.watchNamespaces, clock, logger, metrics, onChange: enqueue});
    this.#cache = cache;
    this.#scraper = new Scraper({fetch: config.inCluster ? fetchByIp : fetchByProxy(client), clock, onRound: enqueue});
    this.#probes = new DatabaseProbes({clock, onChange: enqueue, enabled: config.inCluster});
    const secrets = new OwnedSecretKeeper({
      client,
      guard,
      builders: {
        names: childNames,
        roles: databaseRoles,
        hosts: databaseHosts,
        role: roleSecret,
        state: (api, uuids) => databaseStateSecret(api, new Map(Object.entries(uuids).map(([k, v]) => [Number(k), v]))),
        authority: authoritySecret,
        serverTls: (api, {authority, ...pair}) => serverTlsSecret(api, authority, pair),
        apiTokens: apiTokensSecret,
      },
    });
    const applier = new Applier({client, fieldManager: FIELD_MANAGER, resources: childResources, logger});
    const reconciler = new MaintenanceApiController({
      client,
      clock,
      cache,
      scraper: this.#scraper,
      probes: this.#probes,
      states: new ResourceStates({client, clock, secrets, logger}),
      secrets,
      keeper: new DatabaseKeeper({connect: connectDatabase}),
      children: new ChildWriter({client, applier, cache, guard}),
      revisions: new RevisionWriter({
        client,
        guard,
        onWrite: (owner, key, version) => {
          cache.noteWrite(owner, 'ControllerRevision', key, version);
        },
      }),
      status: new StatusWriter({
        client,
        clock,
        guard,
        onWrite: (key, version) => {
          cache.noteWrite(key, 'MaintenanceApi', key, version);
        },
      }),
      recorder,
      guard,
    });
    this.#controller = new Controller({
      name: 'maintenanceapi',
      queue: this.#queue,
      workers: config.workers,
      reconcile: (key, reconcileContext) => reconciler.reconcile(key, reconcileContext),
      fresh: (key) => reconciler.fresh(key),
      clock,
      logger,
      metrics,
    });
  }

  async start(): Promise<void> {
    this.#cache.start();
    await this.#cache.synced();
    this.#controller.start();
  }

  get trouble(): string | undefined {
    return this.#cache.trouble();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    this.#scraper.stop();
    this.#probes.stop();
    await this.#cache.stop();
  }
}

/** Ends the process with what went wrong; a successor starts from what is recorded. */
function fatal(logger: Logger, error: unknown, message: string): never {
  logger.fatal({err: error}, message);
  process.exit(1);
}

function run(): void {
  const config = readConfig(process.env);
  const logger = pino({level: config.logLevel, base: {identity: config.identity}});
  process.on('unhandledRejection', (error) =>
    fatal(logger, error, 'Ending: a promise was rejected that nobody awaits'),
  );
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  const metrics = new Metrics();
  const client = KubeClient.fromKubeConfig(kubeConfig);
  const leaseClient = KubeClient.fromKubeConfig(kubeConfig);
  const recorder = new EventRecorder({
    client,
    clock: systemClock,
    logger,
    reportingController: `${GROUP}/operator`,
    reportingInstance: config.identity,
  });
  let operator: Operator | undefined;
  const elector: LeaderElector = new LeaderElector({
    client: leaseClient,
    namespace: config.namespace,
    name: LEASE,
    identity: config.identity,
    clock: systemClock,
    logger,
    metrics,
    onStartedLeading: () => {
      operator = new Operator({config, client, elector, recorder, metrics, logger});
      operator.start().catch((error: unknown) => fatal(logger, error, 'Ending: the operator could not start'));
    },
    onLost: (reason) => fatal(logger, undefined, `Ending: the lease is lost (${reason})`),
  });
  const health = new HealthServer({
    host: config.healthHost,
    port: config.healthPort,
    metrics,
    live: {},
    ready: {watches: () => operator?.trouble},
    logger,
  });
  const stop = async (): Promise<void> => {
    logger.info({}, 'Stopping');
    await operator?.stop();
    await recorder.stop();
    await elector.stop();
    await health.stop();
    await Promise.all([client.close(), leaseClient.close()]);
  };
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      stop().then(
        () => process.exit(0),
        (error: unknown) => fatal(logger, error, 'Could not stop in good order'),
      );
    });
  }
  health.start().then(
    () => {
      elector.start();
    },
    (error: unknown) => fatal(logger, error, 'Ending: the health port can not be opened'),
  );
}

run();
