import {once} from 'node:events';
import {existsSync} from 'node:fs';
import type {Server} from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import packageJson from '../package.json' with {type: 'json'};
import {buildApp} from './app.ts';
import type {ServeConfig} from './config.ts';
import {connectorFor} from './database/connect.ts';
import {Database} from './database/database.ts';
import {DatabaseReadiness, PROBE_TIMEOUT_MS} from './database/readiness.ts';
import {LoadMeter} from './load-meter.ts';
import {createRequestLog, type Logger} from './logger.ts';
import {createMetricsServer} from './metrics-server.ts';
import {Metrics} from './metrics.ts';
import {DrainState} from './plugins/drain.ts';
import {RateLimit} from './plugins/rate-limit.ts';
import {ReadOnlyMode} from './read-only.ts';
import {watchSchema} from './schema-info.ts';
import {MysqlTaskRepository} from './tasks/mysql-repository.ts';
import {purgeOld} from './tasks/purge.ts';
import {TokenStore} from './tokens/store.ts';

/** A running server. */
export interface RunningServer {
  /**
   * Ends it behind a Service without a failed request: not ready at once, but serving on until the endpoints have followed,
   * then no new connections, then an end to what is in flight, in bounded time.
   */
  drain(): Promise<void>;
  /** Ends it at once. */
  abort(): Promise<void>;
}

/**
 * Starts the API and its metrics.
 *
 * @throws {TokenFileError} or the error of reading the file, when there is no usable bearer token.
 * @throws the error of listening, as when a port is taken.
 */
export async function serve(config: ServeConfig, logger: Logger): Promise<RunningServer> {
  const tokens = await TokenStore.open({
    path: config.tokensFile,
    reloadMs: config.tokensReloadMs,
    onReload: (names) => logger.info({names}, 'Tokens reloaded'),
    onError: (err) => logger.error({err}, 'Tokens not reloaded, the last good ones stay valid'),
  });
  const readOnly = await ReadOnlyMode.open({
    path: config.readOnlyFile,
    reloadMs: config.readOnlyReloadMs,
    onChange: (active) => logger.warn({active}, 'Read-only mode'),
    onError: (err) => logger.error({err}, 'Read-only mode not read, it stays as it was'),
  });
  // Imported here so that a process which traces nothing has nothing of it in memory.
  const tracing =
    config.tracing === undefined
      ? undefined
      : await (
          await import('./tracing/otel.ts')
        ).startTracing({
          config: config.tracing,
          version: packageJson.version,
          warn: (fields, message) => logger.warn(fields, message),
        });
  // One of the replica's connections is the readiness probe's.
  const database: Database = new Database({
    connect: connectorFor(config.database),
    size: config.connections - 1,
    observe: (query, seconds) => metrics.observeQuery(query, seconds),
    trace: tracing === undefined ? undefined : (query) => tracing.statement(query),
  });
  const metrics: Metrics = new Metrics({
    version: packageJson.version,
    poolStates: () => database.states(),
    databaseFailure: () => readiness.failure,
    readOnly: () => readOnly.active,
  });
  const readiness: DatabaseReadiness = new DatabaseReadiness({
    connect: connectorFor(config.database, {timeoutMs: PROBE_TIMEOUT_MS}),
    intervalMs: config.readinessIntervalMs,
    onChange: (ready, err) => {
      if (ready) logger.info('The database answers');
      else logger.error({err}, 'The database does not answer');
    },
  });
  const tasks = new MysqlTaskRepository(database);
  const drain = new DrainState();
  const requestLog = createRequestLog(config.logLevel);
  const clock = (): number => performance.now();
  const {limits} = config;
  const admission = new LoadMeter({maxDelayMs: limits.maxEventLoopDelayMs, maxInFlight: limits.maxInFlight, clock});
  const app = buildApp({
    ...{tasks, tokens, metrics, readiness, drain, admission, readOnly, logger, requestLog, tracing},
    limit: new RateLimit({perSecond: limits.perSecond, burst: limits.burst, clock}),
    now: () => new Date(),
    version: packageJson.version,
  });
  const metricsServer = createMetricsServer(metrics, (err) => logger.error({err}, 'Metrics failed'));
  readiness.start();
  admission.start();
  const background = [
    watchSchema({
      database,
      onRead: (applied) => metrics.setMigrations(applied),
      onError: (reason) => logger.warn({reason}, 'The schema version can not be read'),
    }),
    purgeOld({database, deletedRetentionMs: config.deletedRetentionMs, readOnly, logger}),
  ];
  const host = config.listenHost ?? anyAddress();
  metricsServer.listen(config.metricsPort, host);
  await once(metricsServer, 'listening');
  await app.listen({port: config.port, host});
  logger.info({port: portOf(app.server), metricsPort: portOf(metricsServer)}, 'Listening');

  const close = async (): Promise<void> => {
    await app.close();
    admission.stop();
    await Promise.all([tokens.stop(), readOnly.stop(), readiness.stop(), ...background.map((task) => task.stop())]);
    await database.close();
    await tracing?.stop();
    metricsServer.close();
    metricsServer.closeAllConnections();
  };
  return {
    async drain() {
      drain.draining = true;
      logger.info({seconds: config.drainMs / 1000}, 'Draining');
      await sleep(config.drainMs);
      const complete = await within(config.shutdownMs, close());
      if (!complete) logger.warn({inFlight: database.states().used}, 'Requests in flight were cut off');
    },
    async abort() {
      drain.draining = true;
      app.server.closeAllConnections();
      await within(config.shutdownMs, close());
    },
  };
}

/** Whether work ended within a time. What it throws is thrown on. */
async function within(milliseconds: number, work: Promise<void>): Promise<boolean> {
  const giveUp = new AbortController();
  const timeout = sleep(milliseconds, false, {signal: giveUp.signal}).catch(() => false);
  const complete = await Promise.race([work.then(() => true), timeout]);
  giveUp.abort();
  return complete;
}

/** Every address of this machine: IPv6's covers IPv4 too, where the kernel has IPv6 at all. */
function anyAddress(): string {
  return existsSync('/proc/net/if_inet6') ? '::' : '0.0.0.0';
}

function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}
