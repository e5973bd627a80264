import {describe, expect, test} from '@jest/globals';
import {ConfigError, parseMigrateConfig, parseServeConfig, type Environment} from './config.ts';

const DATABASE: Environment = {
  DB_HOST: 'mysql.example',
  DB_NAME: 'tasks_db',
  DB_USER: 'app',
  DB_PASSWORD_FILE: '/etc/db/password',
};
const MINIMAL: Environment = {...DATABASE, API_TOKENS_FILE: '/etc/tokens/tokens'};

function problemsOf(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the environment of the server', () => {
  test('has a default for everything but the database and the tokens', () => {
    expect(parseServeConfig(MINIMAL)).toEqual({
      port: 8080,
      metricsPort: 9090,
      listenHost: undefined,
      logLevel: 'info',
      tokensFile: '/etc/tokens/tokens',
      tokensReloadMs: 5000,
      drainMs: 5000,
      shutdownMs: 15_000,
      readinessIntervalMs: 2000,
      database: {
        host: 'mysql.example',
        port: 3306,
        name: 'tasks_db',
        user: 'app',
        passwordFile: '/etc/db/password',
        tlsCaFile: undefined,
      },
      connections: 10,
      readOnlyFile: undefined,
      readOnlyReloadMs: 5000,
      limits: {maxInFlight: 200, maxEventLoopDelayMs: 1000, perSecond: 0, burst: 1},
      deletedRetentionMs: 90 * 24 * 3600 * 1000,
      tracing: undefined,
    });
  });

  test('traces only where the standard environment names a receiver, and refuses what it can not do', () => {
    const tracingOf = (env: Environment): unknown => parseServeConfig({...MINIMAL, ...env}).tracing;
    const endpoint = {OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318'};
    expect(tracingOf(endpoint)).toEqual({protocol: 'http/protobuf', sampler: 'parentbased_always_on', ratio: 1});
    expect(tracingOf({...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25'})).toEqual({
      protocol: 'http/protobuf',
      sampler: 'traceidratio',
      ratio: 0.25,
    });
    expect(tracingOf({...endpoint, OTEL_SDK_DISABLED: 'TRUE'})).toBeUndefined();
    expect(tracingOf({...endpoint, OTEL_TRACES_EXPORTER: 'none'})).toBeUndefined();
    const wrong = {OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc'};
    expect(problemsOf(() => tracingOf(wrong))).toEqual([
      'OTEL_EXPORTER_OTLP_ENDPOINT must be a URL with http or https',
      'OTEL_EXPORTER_OTLP_PROTOCOL must be one of http/protobuf, http/json',
    ]);
  });

  test('keeps deleted tasks for ever when they are to be kept for 0 days', () => {
    const retention = (days: string): unknown =>
      parseServeConfig({...MINIMAL, DELETED_TASKS_RETENTION_DAYS: days}).deletedRetentionMs;
    expect([retention('0'), retention('1')]).toEqual([undefined, 24 * 3600 * 1000]);
  });

  test('allows twice its rate at once, unless it says otherwise', () => {
    const limitsOf = (env: Environment): unknown => parseServeConfig({...MINIMAL, ...env}).limits;
    expect(limitsOf({RATE_LIMIT_PER_SECOND: '50'})).toMatchObject({perSecond: 50, burst: 100});
    expect(limitsOf({RATE_LIMIT_PER_SECOND: '50', RATE_LIMIT_BURST: '7'})).toMatchObject({perSecond: 50, burst: 7});
  });

  test('names every variable that is missing, at once', () => {
    const problems = problemsOf(() => parseServeConfig({}));
    const named = ['API_TOKENS_FILE', 'DB_HOST', 'DB_NAME', 'DB_USER', 'DB_PASSWORD_FILE'];
    expect(problems).toHaveLength(named.length);
    for (const name of named) {
      expect(problems.find((problem) => problem.startsWith(`${name} must be set: `))).toBeDefined();
    }
  });

  test.each([
    ['PORT', 'http', 'PORT must be a whole number from 0 to 65535'],
    ['PORT', '65536', 'PORT must be a whole number from 0 to 65535'],
    ['PORT', '8080.5', 'PORT must be a whole number from 0 to 65535'],
    ['DB_PORT', '0', 'DB_PORT must be a whole number from 1 to 65535'],
    ['DB_POOL_SIZE', '1', 'DB_POOL_SIZE must be a whole number from 2 to 1000'],
    ['DRAIN_SECONDS', '-1', 'DRAIN_SECONDS must be a number of seconds from 0 to 300'],
    ['DRAIN_SECONDS', '1e9', 'DRAIN_SECONDS must be a number of seconds from 0 to 300'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent'],
  ])('refuses %s=%s without repeating the value', (name, value, message) => {
    expect(problemsOf(() => parseServeConfig({...MINIMAL, [name]: value}))).toEqual([message]);
  });

  test('takes an empty variable for an unset one', () => {
    expect(parseServeConfig({...MINIMAL, PORT: ''}).port).toBe(8080);
    expect(problemsOf(() => parseServeConfig({...MINIMAL, DB_HOST: ''}))).toHaveLength(1);
  });

  test('takes durations in seconds, with decimals', () => {
    expect(parseServeConfig({...MINIMAL, DRAIN_SECONDS: '0.25'}).drainMs).toBe(250);
  });

  test.each(['10.0.0.1', 'fd00::1'])('refuses the address %s where the certificate has to be verified', (host) => {
    const env = {...MINIMAL, DB_HOST: host};
    expect(problemsOf(() => parseServeConfig(env))).toEqual([]);
    const problems = problemsOf(() => parseServeConfig({...env, DB_TLS_CA_FILE: '/etc/db/ca.crt'}));
    expect(problems).toEqual([expect.stringContaining('DB_HOST must be a DNS name when DB_TLS_CA_FILE is set')]);
  });
});

describe('the environment of migrate', () => {
  test('needs no tokens, and falls back to the account that serves', () => {
    const config = parseMigrateConfig(DATABASE);
    expect(config).toMatchObject({timeoutMs: 300_000, retryMs: 60_000, migrationsDir: undefined});
    expect(config.database).toMatchObject({user: 'app', passwordFile: '/etc/db/password'});
  });

  test('prefers the account for migrations', () => {
    const env = {...DATABASE, MIGRATE_DB_USER: 'migrate', MIGRATE_DB_PASSWORD_FILE: '/etc/migrate/password'};
    expect(parseMigrateConfig(env).database).toMatchObject({user: 'migrate', passwordFile: '/etc/migrate/password'});
  });
});
