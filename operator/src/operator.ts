import {Attempts} from './act/attempts.ts';
import {BackupWriter} from './act/backups.ts';
import {ChildWriter} from './act/children.ts';
import {DatabaseKeeper, type Connect} from './act/database-keeper.ts';
import {OwnedSecretKeeper} from './act/owned-secrets.ts';
import {Evictions} from './act/evictions.ts';
import {RevisionWriter} from './act/revisions.ts';
import {StatusWriter} from './act/status-writer.ts';
import {VolumeOwner} from './act/volume-owner.ts';
import {appliedResources, FIELD_MANAGER, managedDatabase} from './api/v1alpha1/index.ts';
import {MaintenanceApiController} from './controller/maintenance-api-controller.ts';
import {ResourceMetrics} from './controller/resource-metrics.ts';
import {ResourceStates} from './controller/resource-state.ts';
import {
  apiTokensSecret,
  authoritySecret,
  backupKeysSecret,
  childNames,
  databaseHosts,
  databaseRoles,
  databaseStateSecret,
  retainedOwners,
  roleSecret,
  serverTlsSecret,
} from './desired/index.ts';
import {Cache} from './observe/cache.ts';
import {DatabaseProbes} from './observe/database-probe.ts';
import {askPrometheus, type PrometheusServer} from './observe/ask-prometheus.ts';
import {PrometheusSources} from './observe/prometheus-source.ts';
import {Scraper, type FetchMetrics} from './observe/scraper.ts';
import {
  Applier,
  Controller,
  systemClock,
  WorkQueue,
  type EventRecorder,
  type KubeClient,
  type Logger,
  type Metrics,
} from './runtime/index.ts';

/** How long the last writes of a process may take: well within its pod's grace period. */
const SAVE_WITHIN_MS = 5_000;

/** What the operator is wired from. */
export interface OperatorOptions {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Where the operator's own pods are. */
  readonly namespace: string;
  /** The operator's own image, in which backups are made; undefined: not known. */
  readonly image: string | undefined;
  /** Namespaces to serve; empty = all. */
  readonly watchNamespaces: readonly string[];
  /** Resources reconciled at once. */
  readonly workers: number;
  /** How a pod's metrics are read. */
  readonly fetchMetrics: FetchMetrics;
  /** What specs may refer to as a source of measurements. */
  readonly prometheusServers: readonly PrometheusServer[];
  /** How a database is reached. */
  readonly connectDatabase: Connect;
  /** Whether a database that can't be reached this way is down; otherwise that witness abstains. */
  readonly databasesTestify: boolean;
  /** Throws when the lease is too old to write (invariant 14). */
  readonly guard: () => void;
}

/** Everything that runs while this process leads. */
export class Operator {
  readonly #cache: Cache;
  readonly #scraper: Scraper;
  readonly #sources: PrometheusSources;
  readonly #probes: DatabaseProbes;
  readonly #keeper: DatabaseKeeper;
  readonly #queue: WorkQueue;
  readonly #controller: Controller;
  readonly #reconciler: MaintenanceApiController;

  constructor(options: OperatorOptions) {
    const {client, recorder, metrics, logger, guard} = options;
    const clock = systemClock;
    this.#queue = new WorkQueue({name: 'maintenanceapi', clock, metrics});
    const enqueue = (key: string): void => {
      this.#queue.add(key);
    };
    const applier = new Applier({
      client,
      fieldManager: FIELD_MANAGER,
      resources: appliedResources,
      logger,
    });
    const cache = new Cache({
      client,
      namespaces: options.watchNamespaces,
      clock,
      logger,
      metrics,
      onChange: enqueue,
      onOpen: () => {
        applier.serverMayHaveChanged();
      },
    });
    this.#cache = cache;
    this.#scraper = new Scraper({fetch: options.fetchMetrics, clock, onRound: enqueue});
    const servers = options.prometheusServers;
    this.#sources = new PrometheusSources({servers, ask: askPrometheus, clock, onRound: enqueue});
    this.#probes = new DatabaseProbes({
      connect: options.connectDatabase,
      clock,
      onChange: enqueue,
      testifies: options.databasesTestify,
    });
    this.#keeper = new DatabaseKeeper({connect: options.connectDatabase, clock, logger, onChange: enqueue});
    const secrets = new OwnedSecretKeeper({
      client,
      guard,
      builders: {
        names: childNames,
        roles: databaseRoles,
        ownsServer: (api) => managedDatabase(api.spec) !== undefined,
        hosts: databaseHosts,
        retainedOwners,
        role: roleSecret,
        state: (api, uuids) => databaseStateSecret(api, new Map(Object.entries(uuids).map(([k, v]) => [Number(k), v]))),
        authority: authoritySecret,
        serverTls: (api, {authority, ...pair}) => serverTlsSecret(api, authority, pair),
        apiTokens: apiTokensSecret,
        backupKeys: backupKeysSecret,
      },
    });
    const attempts = new Attempts(clock);
    this.#reconciler = new MaintenanceApiController({
      client,
      clock,
      cache,
      scraper: this.#scraper,
      sources: this.#sources,
      probes: this.#probes,
      states: new ResourceStates({client, clock, secrets, logger}),
      secrets,
      keeper: this.#keeper,
      attempts,
      children: new ChildWriter({client, applier, cache, attempts, guard}),
      revisions: new RevisionWriter({
        client,
        attempts,
        guard,
        onWrite: (owner, key, version) => {
          cache.noteWrite(owner, 'ControllerRevision', key, version);
        },
      }),
      backups: new BackupWriter({
        client,
        attempts,
        guard,
        onWrite: (owner, kind, key, version) => {
          cache.noteWrite(owner, kind, key, version);
        },
      }),
      evictions: new Evictions({client, clock, attempts, guard}),
      volumeOwner: new VolumeOwner({
        client,
        attempts,
        guard,
        owners: retainedOwners,
        onWrite: (owner, key, version) => {
          cache.noteWrite(owner, 'PersistentVolumeClaim', key, version);
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
      resourceMetrics: new ResourceMetrics(metrics.registry),
      recorder,
      logger,
      namespace: options.namespace,
      backupImage: options.image,
      guard,
    });
    this.#controller = new Controller({
      name: 'maintenanceapi',
      queue: this.#queue,
      workers: options.workers,
      reconcile: (key, reconcileContext) => this.#reconciler.reconcile(key, reconcileContext),
      fresh: (key) => this.#reconciler.fresh(key),
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

  /** Ends in good order; the lease must still be held. */
  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#reconciler.stop(SAVE_WITHIN_MS);
    this.#scraper.stop();
    this.#sources.stop();
    this.#probes.stop();
    this.#keeper.stop();
    await this.#cache.stop();
  }
}
