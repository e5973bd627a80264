import {Counter, Gauge, Histogram, Registry} from 'prom-client';
import {causes, type Cause} from './database/cause.ts';
import type {PoolStates} from './database/pool.ts';
import type {AppliedMigration} from './migrate/applied.ts';

/** Seconds. 0.5 is the threshold of the latency objective; its neighbours are the other thresholds one may choose. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const QUERY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export interface RequestLabels {
  readonly method: string;
  readonly route: string;
  readonly status: number;
}

export interface MetricsOptions {
  readonly version: string;
  readonly poolStates: () => PoolStates;
  /** Why the database can't be used now; undefined while it can. */
  readonly databaseFailure: () => Cause | undefined;
  /** Whether writes are refused. */
  readonly readOnly: () => boolean;
}

/** Everything this process tells about itself. Every label has a closed set of values. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #durations: Histogram<'method' | 'route' | 'status'>;
  readonly #queries: Histogram<'query'>;
  readonly #migrations: Gauge<'version' | 'previous_can_read'>;

  constructor({version, poolStates, databaseFailure, readOnly}: MetricsOptions) {
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'http_requests_total',
      help: 'Answers given, by method, route template and status; 499 where the client left before the answer, 423 where read-only mode refused it.',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: REQUEST_BUCKETS,
      registers,
    });
    this.#queries = new Histogram({
      name: 'mysql_query_duration_seconds',
      help: 'Time from sending a statement to its result, by the name of the statement.',
      labelNames: ['query'],
      buckets: QUERY_BUCKETS,
      registers,
    });
    this.#migrations = new Gauge({
      name: 'schema_migration_info',
      help: 'Migrations applied to the database; 1 for each.',
      labelNames: ['version', 'previous_can_read'],
      registers,
    });
    registerPool(registers, poolStates);
    registerDependencies(registers, databaseFailure);
    registerMode(registers, readOnly);
    registerProcess(registers, version);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The page of /metrics, in Prometheus' text format. */
  page(): Promise<string> {
    return this.#registry.metrics();
  }

  countRequest({method, route, status}: RequestLabels, seconds: number): void {
    const labels = {method, route, status: String(status)};
    this.#requests.inc(labels);
    this.#durations.observe(labels, seconds);
  }

  observeQuery(query: string, seconds: number): void {
    this.#queries.observe({query}, seconds);
  }

  setMigrations(applied: readonly AppliedMigration[]): void {
    this.#migrations.reset();
    for (const {version, previousCanRead} of applied) {
      this.#migrations.set({version: String(version), previous_can_read: String(previousCanRead)}, 1);
    }
  }
}

function registerPool(registers: Registry[], poolStates: () => PoolStates): void {
  new Gauge({
    name: 'mysql_pool_connections',
    help: 'Connections of the pool, by state; the readiness probe has one more of its own.',
    labelNames: ['state'],
    registers,
    collect() {
      const {idle, used, connecting} = poolStates();
      this.set({state: 'idle'}, idle);
      this.set({state: 'used'}, used);
      this.set({state: 'connecting'}, connecting);
    },
  });
  new Gauge({
    name: 'mysql_pool_pending_requests',
    help: 'Requests that wait for a connection.',
    registers,
    collect() {
      this.set(poolStates().pending);
    },
  });
}

/** Every cause is told, 0 or 1: a series that comes and goes would be hard to alert on. */
function registerDependencies(registers: Registry[], databaseFailure: () => Cause | undefined): void {
  new Gauge({
    name: 'dependency_failing',
    help: '1 while the last try to use a dependency failed for this cause.',
    labelNames: ['dependency', 'cause'],
    registers,
    collect() {
      const failure = databaseFailure();
      for (const cause of causes) this.set({dependency: 'database', cause}, cause === failure ? 1 : 0);
    },
  });
}

function registerMode(registers: Registry[], readOnly: () => boolean): void {
  new Gauge({
    name: 'read_only_mode',
    help: '1 while writes are refused because somebody asked for it.',
    registers,
    collect() {
      this.set(readOnly() ? 1 : 0);
    },
  });
}

/** prom-client's default metrics would also sample the event loop a hundred times a second, a lot for a tenth of a CPU. */
function registerProcess(registers: Registry[], version: string): void {
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process, in seconds since the epoch.',
    registers,
  }).set(Math.round(Date.now() / 1000 - process.uptime()));
  let lastCpu = 0;
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time, user and system.',
    registers,
    collect() {
      const {user, system} = process.cpuUsage();
      const cpu = (user + system) / 1e6;
      this.inc(cpu - lastCpu);
      lastCpu = cpu;
    },
  });
  new Gauge({
    name: 'build_info',
    help: 'What is running; always 1.',
    labelNames: ['version', 'node'],
    registers,
  }).set({version, node: process.version}, 1);
}
