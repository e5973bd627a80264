import {connect as connectSocket} from 'node:net';
import type {Duplex} from 'node:stream';
import {isDeepStrictEqual} from 'node:util';
import {createConnection, type Connection, type RowDataPacket} from 'mysql2/promise';
import type {DatabaseTarget} from '../api/v1alpha1/index.ts';
import type {Clock, TimerHandle} from '../runtime/index.ts';

/** What the last probe told. */
export interface DatabaseReading {
  readonly reachable: boolean;
  /** Wall clock, milliseconds, of the first failure in a row. */
  readonly unreachableSince: number | undefined;
  /** Why it could not be read: an error code, never an address or a password. */
  readonly reason: string | undefined;
  /** The newest break that ended: from the last answer or the first failure to the first answer again. */
  readonly lastOutage: {readonly from: number; readonly to: number} | undefined;
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
  /** Somebody waits for the next answer. */
  awaited: boolean;
  /** undefined: there is no server to ask. */
  target: DatabaseTarget | undefined;
  intervalMs: number;
  timer: TimerHandle | undefined;
  connection: Connection | undefined;
  running: boolean;
  reading: DatabaseReading | undefined;
  counters: {errors: number; slow: number} | undefined;
}

const CONNECT_TIMEOUT_MS = 3_000;
const QUERY_TIMEOUT_MS = 3_000;
/** The start is told as an uptime in whole seconds: within this it is the same start. */
const SAME_START_MS = 3_000;

/** A server that says this is there; it's our account that isn't in order, and the keeper's task to repair. */
const ANSWERS = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_ACCOUNT_HAS_BEEN_LOCKED',
  'ER_MUST_CHANGE_PASSWORD_LOGIN',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
]);

const STATUS_QUERY = `SELECT LOWER(VARIABLE_NAME) AS name, VARIABLE_VALUE AS value FROM performance_schema.global_status
  WHERE VARIABLE_NAME IN ('Threads_connected','Threads_running','Connection_errors_max_connections','Slow_queries','Uptime')
  UNION ALL SELECT 'server_uuid', @@server_uuid UNION ALL SELECT 'max_connections', @@max_connections
  UNION ALL SELECT 'version', @@version`;

/** Small servers run without the performance schema, whose own processlist is then empty (measured on 9.7). */
const ADDRESS_QUERY = `SELECT SUBSTRING_INDEX(HOST, ':', CHAR_LENGTH(HOST) - CHAR_LENGTH(REPLACE(HOST, ':', ''))) AS address,
    COUNT(*) AS connections
  FROM information_schema.processlist WHERE HOST LIKE '%:%' GROUP BY address`;

/** The error's code (ECONNREFUSED, ER_ACCESS_DENIED_ERROR, …): its message may quote an address or a user. */
function databaseErrorCode(error: unknown): string {
  const {code, name} = (typeof error === 'object' ? (error ?? {}) : {}) as {code?: unknown; name?: unknown};
  const word = code ?? name;
  return typeof word === 'string' ? word : 'UnknownError';
}

/**
 * Opens a TLS connection to MySQL whose certificate must be for `serverName`. The address is the pod's own, so that a
 * broken DNS isn't mistaken for a broken database; mysql2 checks the certificate against `host`, hence the stream.
 */
export async function connectDatabase(target: DatabaseTarget): Promise<Connection> {
  return loginOver(connectSocket({host: target.host, port: target.port}), target);
}

/** Logs in over a stream to the server, which is destroyed when that fails. */
export async function loginOver(stream: Duplex, target: DatabaseTarget): Promise<Connection> {
  try {
    const connection = await createConnection({
      host: target.serverName,
      stream: () => stream,
      user: target.user,
      password: target.password,
      // Until the login is through, the TLS handshake included.
      connectTimeout: CONNECT_TIMEOUT_MS,
      ssl: {ca: target.ca, minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true},
    });
    // An idle connection that breaks is found by the next query; without a listener the process would end.
    connection.on('error', () => connection.destroy());
    return connection;
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/**
 * Asks each resource's own database how it is, over the admin interface and one connection each, which is kept.
 * Probes of different resources don't wait for each other (invariant 13).
 */
export class DatabaseProbes {
  readonly #connect: (target: DatabaseTarget) => Promise<Connection>;
  readonly #clock: Clock;
  readonly #onChange: (key: string) => void;
  readonly #testifies: boolean;
  readonly #probes = new Map<string, Probe>();

  /**
   * @param options - connect: {@link connectDatabase}; onChange: told the key when a database became reachable,
   *   unreachable, or another server; testifies: false where a failure may be that of the way to it (from a laptop):
   *   then this witness abstains, and tells only who the server is
   */
  constructor(options: {
    connect: (target: DatabaseTarget) => Promise<Connection>;
    clock: Clock;
    onChange: (key: string) => void;
    testifies: boolean;
  }) {
    this.#connect = options.connect;
    this.#clock = options.clock;
    this.#testifies = options.testifies;
    this.#onChange = options.onChange;
  }

  /** Sets what is asked for a resource; undefined: it can't be asked (no Secret), so nothing is said of it. */
  watch(key: string, target: DatabaseTarget | undefined, intervalMs: number): void {
    const existing = this.#probes.get(key);
    if (target === undefined) {
      if (existing !== undefined) this.forget(key);
      return;
    }
    if (existing === undefined) {
      const probe = newProbe(target, intervalMs);
      this.#probes.set(key, probe);
      this.#schedule(key, probe, 0);
      return;
    }
    const moved = !isDeepStrictEqual(existing.target, target);
    existing.intervalMs = intervalMs;
    if (moved) {
      existing.target = target;
      this.#drop(existing);
      if (!existing.running) this.#schedule(key, existing, 0);
    }
  }

  /**
   * Asks at once, and tells `onChange` what came of it whatever that is: before an action the database must have been
   * asked after the newest measurement, not up to an interval before.
   */
  ask(key: string): void {
    const probe = this.#probes.get(key);
    if (probe?.target === undefined || probe.awaited) return;
    probe.awaited = true;
    if (!probe.running) this.#schedule(key, probe, 0);
  }

  /** A database that was there has no pod, or one without an address: it doesn't answer, which needs no asking. */
  absent(key: string): void {
    const probe = this.#probes.get(key) ?? newProbe(undefined, 0);
    this.#probes.set(key, probe);
    if (probe.target === undefined && probe.reading !== undefined) return;
    probe.timer?.cancel();
    probe.target = undefined;
    this.#drop(probe);
    const before = probe.reading;
    probe.reading = this.#failed(before, 'NoPod');
    if (before?.reachable !== false) this.#onChange(key);
  }

  /** What may be judged by; undefined: this witness abstains. */
  reading(key: string): DatabaseReading | undefined {
    return this.#testifies ? this.server(key) : undefined;
  }

  /** The last answer, for what is done to the server itself. */
  server(key: string): DatabaseReading | undefined {
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
    const {target} = probe;
    if (probe.running || target === undefined) return;
    probe.running = true;
    const before = probe.reading;
    const reading = await this.#read(probe, target);
    probe.running = false;
    if (this.#probes.get(key) !== probe) {
      this.#drop(probe);
      return;
    }
    if (probe.target !== target) {
      // What was asked is no longer what counts.
      this.#drop(probe);
      if (probe.target !== undefined) this.#schedule(key, probe, 0);
      return;
    }
    probe.reading = reading;
    this.#schedule(key, probe, probe.intervalMs);
    const changed = before?.reachable !== reading.reachable || before.serverUuid !== reading.serverUuid;
    if (changed || probe.awaited) this.#onChange(key);
    probe.awaited = false;
  }

  async #read(probe: Probe, target: DatabaseTarget): Promise<DatabaseReading> {
    const kept = probe.connection !== undefined;
    try {
      return await this.#ask(probe, target);
    } catch (error) {
      this.#drop(probe);
      // A connection that was kept may have been closed though the server is well: that is told by a new one.
      if (kept) return this.#read(probe, target);
      probe.counters = undefined;
      const code = databaseErrorCode(error);
      return ANSWERS.has(code) ? this.#unread(probe.reading, code) : this.#failed(probe.reading, code);
    }
  }

  #failed(before: DatabaseReading | undefined, reason: string): DatabaseReading {
    return {
      reachable: false,
      unreachableSince: before?.reachable === false ? before.unreachableSince : this.#clock.now(),
      reason,
      lastOutage: before?.lastOutage,
      readAt: this.#clock.now(),
      serverUuid: before?.serverUuid,
      version: before?.version,
      startedAt: before?.startedAt,
      maxConnections: undefined,
      threadsConnected: undefined,
      threadsRunning: undefined,
      connectionErrorsMax: undefined,
      slowQueries: undefined,
      connectionsByAddress: new Map(),
    };
  }

  /** The server is there but lets us read nothing. */
  #unread(before: DatabaseReading | undefined, reason: string): DatabaseReading {
    const {lastOutage} = this.#sinceBefore(before, before?.startedAt);
    return {...this.#failed(before, reason), reachable: true, unreachableSince: undefined, lastOutage};
  }

  /** What this answer says in the light of the one before. */
  #sinceBefore(
    before: DatabaseReading | undefined,
    startedAt: number | undefined,
  ): Pick<DatabaseReading, 'startedAt' | 'lastOutage'> {
    const now = this.#clock.now();
    const known = before?.startedAt;
    const same = known === undefined || startedAt === undefined || Math.abs(startedAt - known) < SAME_START_MS;
    const since = before?.reachable === false ? before.unreachableSince : same ? undefined : before?.readAt;
    return {
      startedAt: same ? (known ?? startedAt) : startedAt,
      lastOutage: since === undefined ? before?.lastOutage : {from: since, to: now},
    };
  }

  async #ask(probe: Probe, target: DatabaseTarget): Promise<DatabaseReading> {
    const connection = (probe.connection ??= await this.#connect(target));
    const [rows] = await connection.query<RowDataPacket[]>({sql: STATUS_QUERY, timeout: QUERY_TIMEOUT_MS});
    const [addresses] = await connection.query<RowDataPacket[]>({sql: ADDRESS_QUERY, timeout: QUERY_TIMEOUT_MS});
    const values = new Map(rows.map((row) => [String(row['name']), String(row['value'])]));
    const count = (name: string): number => Number(values.get(name) ?? '0');
    const counters = {errors: count('connection_errors_max_connections'), slow: count('slow_queries')};
    const last = probe.counters;
    probe.counters = counters;
    return {
      reachable: true,
      unreachableSince: undefined,
      reason: undefined,
      ...this.#sinceBefore(probe.reading, this.#clock.now() - count('uptime') * 1000),
      readAt: this.#clock.now(),
      serverUuid: values.get('server_uuid'),
      version: values.get('version'),
      maxConnections: count('max_connections'),
      threadsConnected: count('threads_connected'),
      threadsRunning: count('threads_running'),
      connectionErrorsMax: last === undefined ? 0 : Math.max(0, counters.errors - last.errors),
      slowQueries: last === undefined ? 0 : Math.max(0, counters.slow - last.slow),
      connectionsByAddress: new Map(addresses.map((row) => [String(row['address']), Number(row['connections'])])),
    };
  }
}

function newProbe(target: DatabaseTarget | undefined, intervalMs: number): Probe {
  return {
    ...{target, intervalMs, timer: undefined, connection: undefined},
    ...{running: false, awaited: false, reading: undefined, counters: undefined},
  };
}
