/** Environment of a process: names and values, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How to reach MySQL. Passwords and certificates stay files: they are read anew for each new connection. */
export interface DatabaseConfig {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
  readonly passwordFile: string;
  /** PEM file of the certificate authority. Set: TLS is required and the server's certificate must name `host`. */
  readonly tlsCaFile: string | undefined;
}

/** What `node server.mjs` needs. Durations are in milliseconds. */
export interface ServeConfig {
  readonly port: number;
  readonly metricsPort: number;
  readonly listenHost: string | undefined;
  readonly logLevel: LogLevel;
  readonly tokensFile: string;
  readonly tokensReloadMs: number;
  readonly drainMs: number;
  readonly shutdownMs: number;
  readonly readinessIntervalMs: number;
  readonly database: DatabaseConfig;
  /** Every connection this process may open, the one of the readiness probe included. */
  readonly connections: number;
  /** A mounted file that says whether writes are refused; undefined: never. */
  readonly readOnlyFile: string | undefined;
  readonly readOnlyReloadMs: number;
  readonly limits: LoadLimits;
  /** For how long a deleted task can be restored; undefined: for ever. */
  readonly deletedRetentionMs: number | undefined;
  /** Undefined: nothing is traced. */
  readonly tracing: TracingConfig | undefined;
}

/** What the standard environment of OpenTelemetry says of traces, but for what the exporter reads itself. */
export interface TracingConfig {
  readonly protocol: (typeof OTLP_PROTOCOLS)[number];
  readonly sampler: (typeof SAMPLERS)[number];
  /** Of traces, for samplers with `traceidratio`. */
  readonly ratio: number;
}

/** From where on requests are refused. */
export interface LoadLimits {
  readonly maxInFlight: number;
  /** How far the event loop may be behind; 0: any. */
  readonly maxEventLoopDelayMs: number;
  /** Requests a second of one token's name, within this replica; 0: any. */
  readonly perSecond: number;
  /** Of them, how many at once. */
  readonly burst: number;
}

/** What `node server.mjs migrate` needs. Durations are in milliseconds. */
export interface MigrateConfig {
  readonly logLevel: LogLevel;
  readonly database: DatabaseConfig;
  readonly migrationsDir: string | undefined;
  readonly timeoutMs: number;
  readonly retryMs: number;
  /** Where to say in one line why the database can't be used; undefined: nobody looks. */
  readonly terminationLog: string | undefined;
}

const DAY_MS = 24 * 3600 * 1000;
const OTLP_PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The environment isn't usable. The message has a line for every variable that is wrong, and never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/**
 * Reads the environment of the API server.
 *
 * @throws {ConfigError} naming every variable that is missing or malformed, and what it must be.
 */
export function parseServeConfig(env: Environment): ServeConfig {
  const reader = new Reader(env);
  const config: ServeConfig = {
    port: reader.integer('PORT', {default: 8080, min: 0, max: 65535}),
    metricsPort: reader.integer('METRICS_PORT', {default: 9090, min: 0, max: 65535}),
    listenHost: reader.optional('LISTEN_HOST'),
    logLevel: reader.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    tokensFile: reader.required('API_TOKENS_FILE', 'the path of the mounted file with the bearer tokens'),
    tokensReloadMs: reader.seconds('API_TOKENS_RELOAD_SECONDS', {default: 5, min: 0.05, max: 300}),
    drainMs: reader.seconds('DRAIN_SECONDS', {default: 5, min: 0, max: 300}),
    shutdownMs: reader.seconds('SHUTDOWN_SECONDS', {default: 15, min: 0.1, max: 300}),
    readinessIntervalMs: reader.seconds('READINESS_INTERVAL_SECONDS', {default: 2, min: 0.05, max: 60}),
    database: databaseConfig(reader),
    connections: reader.integer('DB_POOL_SIZE', {default: 10, min: 2, max: 1000}),
    readOnlyFile: reader.optional('READ_ONLY_FILE'),
    readOnlyReloadMs: reader.seconds('READ_ONLY_RELOAD_SECONDS', {default: 5, min: 0.05, max: 300}),
    limits: loadLimits(reader),
    deletedRetentionMs: deletedRetention(reader),
    tracing: tracingConfig(reader),
  };
  reader.finish();
  return config;
}

/**
 * Reads the environment of the `migrate` argument. `MIGRATE_DB_USER` and `MIGRATE_DB_PASSWORD_FILE` come before
 * `DB_USER` and `DB_PASSWORD_FILE`, so that the account that serves needn't be able to change tables.
 *
 * @throws {ConfigError} naming every variable that is missing or malformed, and what it must be.
 */
export function parseMigrateConfig(env: Environment): MigrateConfig {
  const reader = new Reader({
    ...env,
    DB_USER: present(env.MIGRATE_DB_USER) ?? env.DB_USER,
    DB_PASSWORD_FILE: present(env.MIGRATE_DB_PASSWORD_FILE) ?? env.DB_PASSWORD_FILE,
  });
  const config: MigrateConfig = {
    logLevel: reader.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    database: databaseConfig(reader),
    migrationsDir: reader.optional('MIGRATIONS_DIR'),
    timeoutMs: reader.seconds('MIGRATE_TIMEOUT_SECONDS', {default: 300, min: 1, max: 86_400}),
    retryMs: reader.seconds('MIGRATE_RETRY_SECONDS', {default: 60, min: 0.05, max: 3600}),
    terminationLog: reader.optional('TERMINATION_LOG'),
  };
  reader.finish();
  return config;
}

function loadLimits(reader: Reader): LoadLimits {
  const perSecond = reader.integer('RATE_LIMIT_PER_SECOND', {default: 0, min: 0, max: 100_000});
  return {
    maxInFlight: reader.integer('MAX_REQUESTS_IN_FLIGHT', {default: 200, min: 1, max: 10_000}),
    maxEventLoopDelayMs: reader.seconds('MAX_EVENT_LOOP_DELAY_SECONDS', {default: 1, min: 0, max: 60}),
    perSecond,
    burst: reader.integer('RATE_LIMIT_BURST', {default: Math.max(1, 2 * perSecond), min: 1, max: 1_000_000}),
  };
}

function deletedRetention(reader: Reader): number | undefined {
  const days = reader.integer('DELETED_TASKS_RETENTION_DAYS', {default: 90, min: 0, max: 36_500});
  return days === 0 ? undefined : days * DAY_MS;
}

function tracingConfig(reader: Reader): TracingConfig | undefined {
  const names = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
  const endpoint = names.find((name) => reader.optional(name) !== undefined);
  const isOff = reader.optional('OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
  if (endpoint === undefined || isOff || reader.optional('OTEL_TRACES_EXPORTER') === 'none') return undefined;
  // The exporter would only log it, and then send everything to this host.
  if (!/^https?:$/.test(URL.parse(reader.optional(endpoint) ?? '')?.protocol ?? '')) {
    reader.refuse(endpoint, 'must be a URL with http or https');
  }
  const forTraces = 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL';
  const protocol = reader.optional(forTraces) === undefined ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : forTraces;
  return {
    protocol: reader.oneOf(protocol, OTLP_PROTOCOLS, 'http/protobuf'),
    sampler: reader.oneOf('OTEL_TRACES_SAMPLER', SAMPLERS, 'parentbased_always_on'),
    ratio: reader.number('OTEL_TRACES_SAMPLER_ARG', {default: 1, min: 0, max: 1}),
  };
}

function databaseConfig(reader: Reader): DatabaseConfig {
  const host = reader.required('DB_HOST', 'the host name of the MySQL server');
  const tlsCaFile = reader.optional('DB_TLS_CA_FILE');
  if (tlsCaFile !== undefined && isIpAddress(host)) {
    // mysql2 gives Node no server name for an address, and Node then verifies the certificate against "localhost".
    reader.refuse('DB_HOST', 'must be a DNS name when DB_TLS_CA_FILE is set, so that the certificate can be verified');
  }
  return {
    host,
    port: reader.integer('DB_PORT', {default: 3306, min: 1, max: 65535}),
    name: reader.required('DB_NAME', 'the name of the database'),
    user: reader.required('DB_USER', 'the name of the database account'),
    passwordFile: reader.required('DB_PASSWORD_FILE', "the path of the mounted file with the account's password"),
    tlsCaFile,
  };
}

function isIpAddress(host: string): boolean {
  return host.includes(':') || /^\d+(\.\d+){3}$/.test(host);
}

interface Bounds {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** Reads variables one by one and collects what is wrong, so that a person sees all of it at once. */
class Reader {
  readonly #env: Environment;
  readonly #problems: string[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  refuse(name: string, must: string): void {
    this.#problems.push(`${name} ${must}`);
  }

  optional(name: string): string | undefined {
    return present(this.#env[name]);
  }

  required(name: string, what: string): string {
    const value = this.optional(name);
    if (value === undefined) this.refuse(name, `must be set: ${what}`);
    return value ?? '';
  }

  integer(name: string, bounds: Bounds): number {
    return this.#number(name, bounds, /^\d+$/, 'a whole number');
  }

  /** A duration in seconds, with decimals where wanted; returned in milliseconds. */
  seconds(name: string, bounds: Bounds): number {
    return Math.round(this.#number(name, bounds, /^\d+(\.\d+)?$/, 'a number of seconds') * 1000);
  }

  number(name: string, bounds: Bounds): number {
    return this.#number(name, bounds, /^\d*\.?\d+$/, 'a number');
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) this.refuse(name, `must be one of ${values.join(', ')}`);
    return found ?? fallback;
  }

  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #number(name: string, {default: fallback, min, max}: Bounds, shape: RegExp, what: string): number {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    const value = shape.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.refuse(name, `must be ${what} from ${min} to ${max}`);
    return fallback;
  }
}

/** An empty variable counts as unset: in a manifest `value: ""` is how one takes a default back. */
function present(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
