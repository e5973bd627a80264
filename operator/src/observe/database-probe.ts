import {connect as connectSocket} from 'node:net';
import {createConnection, type Connection, type RowDataPacket} from 'mysql2/promise';
import type {DatabaseTarget} from '../api/v1alpha1/index.ts';
import type {Clock, TimerHandle} from '../runtime/index.ts';

/** What the last probe told. */
export interface DatabaseReading {
  readonly reachable: boolean;
  /** Wall clock, milliseconds, of the first failure in a row. */
  readonly unreachableSince: number | undefined;
  /** Why it failed: an error code, never an address or a password. */
  readonly reason: string | undefined;
  readonly readAt: number;
  readonly serverUuid: string | undefined;
  readonly version: string | undefined;
  readonly startedAt: number | undefined;
  readonly maxConnections: number | undefined;
  readonly threadsConnected: number | undefined;
  readonly threadsRunning: number | undefined;
  /** Increase since the reading before. */
  readonly connectionErrorsMax: number | undefined;
  /** Increase since the reading before. */
  readonly slowQueries: number | undefined;
  /** Connections by the client's address. */
  readonly connectionsByAddress: ReadonlyMap<string, number>;
}

interface Probe {
  target: DatabaseTarget;
  intervalMs: number;
  timer: TimerHandle | undefined;
  connection: Connection | undefined;
  running: boolean;
  reading: DatabaseReading | undefined;
  counters: {errors: number; slow: number} | undefined;
}

const CONNECT_TIMEOUT_MS = 3_000;
const QUERY_TIMEOUT_MS = 3_000;

const STATUS_QUERY = `SELECT LOWER(VARIABLE_NAME) AS name, VARIABLE_VALUE AS value FROM performance_schema.global_status
  WHERE VARIABLE_NAME IN ('Threads_connected','Threads_running','Connection_errors_max_connections','Slow_queries','Uptime')
  UNION ALL SELECT 'server_uuid', @@server_uuid UNION ALL SELECT 'max_connections', @@max_connections
  UNION ALL SELECT 'version', @@version`;

const ADDRESS_QUERY = `SELECT SUBSTRING_INDEX(HOST, ':', 1) AS address, COUNT(*) AS connections
  FROM performance_schema.processlist WHERE HOST LIKE '%:%' GROUP BY address`;

/** The error's code (ECONNREFUSED, ER_ACCESS_DENIED_ERROR, …): its message may quote an address or a user. */
export function databaseErrorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'UnknownError';
}

/**
 * Opens a TLS connection to MySQL whose certificate must be for `serverName`. The address is the pod's own, so that a
 * broken DNS isn't mistaken for a broken database; mysql2 checks the certificate against `host`, hence the stream.
 */
export async function connectDatabase(target: DatabaseTarget): Promise<Connection> {
  return createConnection({
    host: target.serverName,
    stream: () => connectSocket({host: target.host, port: target.port}),
    user: target.user,
    password: target.password,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ssl: {ca: target.ca, minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true},
  });
}

/**
 * Asks each resource's own database how it is, over the admin interface and one connection each, which is kept.
 * Probes of different resources don't wait for each other (invariant 13).
 */
export class DatabaseProbes {
  readonly #clock: Clock;
  readonly #onChange: (key: string) => void;
  readonly #enabled: boolean;
  readonly #probes = new Map<string, Probe>();

  /**
   * @param options - onChange: told the key when a database became reachable, unreachable, or another server;
   *   enabled: false where pods' addresses can't be reached (from a laptop): then this witness abstains
   */
  constructor(options: {clock: Clock; onChange: (key: string) => void; enabled: boolean}) {
    this.#clock = options.clock;
    this.#enabled = options.enabled;
    this.#onChange = options.onChange;
  }

  /** Sets what is asked for a resource; undefined: nothing can be asked now (no pod, no Secret). */
  watch(key: string, target: DatabaseTarget | undefined, intervalMs: number): void {
    const existing = this.#probes.get(key);
    if (target === undefined || !this.#enabled) {
      if (existing !== undefined) this.forget(key);
      return;
    }
    if (existing === undefined) {
      const probe: Probe = {
        target,
        intervalMs,
        timer: undefined,
        connection: undefined,
        running: false,
        reading: undefined,
        counters: undefined,
      };
      this.#probes.set(key, probe);
      this.#schedule(key, probe, 0);
      return;
    }
    const moved =
      existing.target.host !== target.host ||
      existing.target.password !== target.password ||
      existing.target.ca !== target.ca;
    existing.target = target;
    existing.intervalMs = intervalMs;
    if (moved) {
      this.#drop(existing);
      if (!existing.running) this.#schedule(key, existing, 0);
    }
  }

  reading(key: string): DatabaseReading | undefined {
    return this.#probes.get(key)?.reading;
  }

  forget(key: string): void {
    const probe = this.#probes.get(key);
    if (probe === undefined) return;
    probe.timer?.cancel();
    this.#drop(probe);
    this.#probes.delete(key);
  }

  stop(): void {
    for (const key of [...this.#probes.keys()]) this.forget(key);
  }

  #drop(probe: Probe): void {
    probe.connection?.destroy();
    probe.connection = undefined;
  }

  #schedule(key: string, probe: Probe, delayMs: number): void {
    probe.timer?.cancel();
    probe.timer = this.#clock.setTimeout(() => void this.#run(key, probe), delayMs);
  }

  async #run(key: string, probe: Probe): Promise<void> {
    if (probe.running) return;
    probe.running = true;
    const before = probe.reading;
    try {
      probe.reading = await this.#ask(probe);
    } catch (error) {
      this.#drop(probe);
      probe.counters = undefined;
      probe.reading = this.#failed(before, databaseErrorCode(error));
    }
    probe.running = false;
    if (this.#probes.get(key) !== probe) {
      this.#drop(probe);
      return;
    }
    this.#schedule(key, probe, probe.intervalMs);
    const changed = before?.reachable !== probe.reading.reachable || before.serverUuid !== probe.reading.serverUuid;
    if (changed) this.#onChange(key);
  }

  #failed(before: DatabaseReading | undefined, reason: string): DatabaseReading {
    return {
      reachable: false,
      unreachableSince: before?.reachable === false ? before.unreachableSince : this.#clock.now(),
      reason,
      readAt: this.#clock.now(),
      serverUuid: before?.serverUuid,
      version: before?.version,
      startedAt: undefined,
      maxConnections: undefined,
      threadsConnected: undefined,
      threadsRunning: undefined,
      connectionErrorsMax: undefined,
      slowQueries: undefined,
      connectionsByAddress: new Map(),
    };
  }

  async #ask(probe: Probe): Promise<DatabaseReading> {
    if (probe.connection === undefined) {
      const connection = await connectDatabase(probe.target);
      // An idle connection that breaks is found by the next query; without a listener the process would end.
      connection.on('error', () => connection.destroy());
      probe.connection = connection;
    }
    const [rows] = await probe.connection.query<RowDataPacket[]>({sql: STATUS_QUERY, timeout: QUERY_TIMEOUT_MS});
    const [addresses] = await probe.connection.query<RowDataPacket[]>({sql: ADDRESS_QUERY, timeout: QUERY_TIMEOUT_MS});
    const values = new Map(rows.map((row) => [String(row['name']), String(row['value'])]));
    const count = (name: string): number => Number(values.get(name) ?? '0');
    const counters = {errors: count('connection_errors_max_connections'), slow: count('slow_queries')};
    const last = probe.counters;
    probe.counters = counters;
    return {
      reachable: true,
      unreachableSince: undefined,
      reason: undefined,
      readAt: this.#clock.now(),
      serverUuid: values.get('server_uuid'),
      version: values.get('version'),
      startedAt: this.#clock.now() - count('uptime') * 1000,
      maxConnections: count('max_connections'),
      threadsConnected: count('threads_connected'),
      threadsRunning: count('threads_running'),
      connectionErrorsMax: last === undefined ? 0 : Math.max(0, counters.errors - last.errors),
      slowQueries: last === undefined ? 0 : Math.max(0, counters.slow - last.slow),
      connectionsByAddress: new Map(addresses.map((row) => [String(row['address']), Number(row['connections'])])),
    };
  }
}
