import 'reflect-metadata';
import {pino, type Logger} from 'pino';
import {GROUP} from './api/v1alpha1/index.ts';
import {readConfig} from './config.ts';
import {loadPrometheusServers} from './prometheus-servers.ts';
import {ports} from './desired/index.ts';
import {fetchByIp, fetchByProxy} from './observe/fetch-metrics.ts';
import {connectDatabase} from './observe/database-probe.ts';
import {ownImage} from './observe/own-image.ts';
import {connectByPortForward} from './observe/port-forward.ts';
import {Operator} from './operator.ts';
import {
  EventRecorder,
  HealthServer,
  KubeClient,
  LeaderElector,
  loadKubeConfig,
  Metrics,
  readKubeConfig,
  systemClock,
} from './runtime/index.ts';

const LEASE = 'maintenance-api-operator';

/** Ends the process with what went wrong; a successor starts from what is recorded. */
function fatal(logger: Logger, error: unknown, message: string): never {
  logger.fatal({err: error}, message);
  process.exit(1);
}

const config = readConfig(process.env);
const logger = pino({level: config.logLevel, base: {identity: config.identity}});

async function run(): Promise<void> {
  process.on('unhandledRejection', (error) =>
    fatal(logger, error, 'Ending: a promise was rejected that nobody awaits'),
  );
  const prometheusServers = await loadPrometheusServers(config.prometheusServersFile);
  const kubeConfig = await loadKubeConfig();
  const metrics = new Metrics();
  const client = KubeClient.fromKubeConfig(kubeConfig, {metrics});
  const leaseClient = KubeClient.fromKubeConfig(kubeConfig, {metrics});
  const recorder = new EventRecorder({
    client,
    clock: systemClock,
    logger,
    reportingController: `${GROUP}/operator`,
    reportingInstance: config.identity,
  });
  const image = config.image ?? (await ownImage(client, config));
  const connect = config.inCluster ? connectDatabase : connectByPortForward(await readKubeConfig(), ports.mysql);
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
      operator = new Operator({
        client,
        recorder,
        metrics,
        logger,
        namespace: config.namespace,
        image,
        watchNamespaces: config.watchNamespaces,
        workers: config.workers,
        fetchMetrics: config.inCluster ? fetchByIp(ports.apiMetrics) : fetchByProxy(client, ports.apiMetrics),
        prometheusServers,
        connectDatabase: connect,
        databasesTestify: config.inCluster,
        guard: elector.guard(),
      });
      operator.start().catch((error: unknown) => fatal(logger, error, 'Ending: the leader could not start'));
    },
    onLost: (reason) => fatal(logger, undefined, `Ending: the lease is lost (${reason})`),
  });
  const checks = {metrics, live: {}, ready: {watches: () => operator?.trouble}, logger};
  const health = new HealthServer({host: config.healthHost, port: config.healthPort, ...checks});
  // A port of its own, so that a network policy can admit Prometheus to it alone.
  const scraped = new HealthServer({host: config.healthHost, port: config.metricsPort, ...checks});
  const stop = async (): Promise<void> => {
    logger.info({}, 'Stopping');
    await operator?.stop();
    await recorder.stop();
    await elector.stop();
    await Promise.all([health.stop(), scraped.stop()]);
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
  Promise.all([health.start(), scraped.start()]).then(
    ([healthPort, metricsPort]) => {
      logger.info({healthPort, metricsPort}, 'Serving health and metrics');
      elector.start();
    },
    (error: unknown) => fatal(logger, error, 'Ending: a port can not be opened'),
  );
}

run().catch((error: unknown) => fatal(logger, error, 'Ending: the operator could not start'));
