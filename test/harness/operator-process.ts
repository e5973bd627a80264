/**
 * The operator as a process of its own, for tests that kill it: the product's wiring, with leader election, against the
 * cluster of KUBECONFIG or SERVICE_ACCOUNT_FOLDER. Pods are read by their (loopback) address; PROBE_DATABASES=true asks databases directly.
 * METRICS_PORT is where its metrics are read on loopback; PROMETHEUS_SERVERS_FILE as in the product; WATCH_NAMESPACES and
 * LEASE_NAME let several operators work side by side; CRASH_POINT (JSON) ends or stops the process.
 */
import 'reflect-metadata';
import {pino} from 'pino';
import {GROUP} from '../../operator/src/api/v1alpha1/index.ts';
import {ports} from '../../operator/src/desired/index.ts';
import {fetchByIp} from '../../operator/src/observe/fetch-metrics.ts';
import {connectDatabase} from '../../operator/src/observe/database-probe.ts';
import {Operator, type OperatorOptions} from '../../operator/src/operator.ts';
import {loadPrometheusServers} from '../../operator/src/prometheus-servers.ts';
import {
  EventRecorder,
  HealthServer,
  KubeClient,
  LeaderElector,
  loadKubeConfig,
  Metrics,
  systemClock,
} from '../../operator/src/runtime/index.ts';
import {OPERATOR_AGENT} from './audit.ts';
import {arm, type CrashPoint} from './crash-point.ts';

const identity = `operator-${String(process.pid)}`;
/** Tells processes apart in the audit log. */
const userAgent = `${OPERATOR_AGENT}/${String(process.pid)}`;
const logger = pino({level: process.env['LOG_LEVEL'] ?? 'info', base: {identity}});
// As a pod would where there is a folder with a service account's token, and by KUBECONFIG elsewhere.
const serviceAccountFolder = process.env['SERVICE_ACCOUNT_FOLDER'];
const kubeConfig = await loadKubeConfig(serviceAccountFolder === undefined ? {} : {serviceAccountFolder});
const client = KubeClient.fromKubeConfig(kubeConfig, {userAgent});
const crashPoint = process.env['CRASH_POINT'];
if (crashPoint !== undefined) arm(client, JSON.parse(crashPoint) as CrashPoint);
const metrics = new Metrics();
const recorder = new EventRecorder({
  client,
  clock: systemClock,
  logger,
  reportingController: `${GROUP}/operator`,
  reportingInstance: identity,
});

/** Pods that a simulated kubelet plays have no database: nobody is asked, and that witness abstains. */
function databases(): Pick<OperatorOptions, 'connectDatabase' | 'databasesTestify'> {
  if (process.env['PROBE_DATABASES'] === 'true') return {connectDatabase, databasesTestify: true};
  return {
    connectDatabase: () => Promise.reject(new Error('there is no database')),
    databasesTestify: false,
  };
}

process.on('unhandledRejection', (error) => {
  logger.error({err: error}, 'Ending: a promise was rejected that nobody awaits');
  process.exit(1);
});

const prometheusServers = await loadPrometheusServers(process.env['PROMETHEUS_SERVERS_FILE']);
const elector: LeaderElector = new LeaderElector({
  client: KubeClient.fromKubeConfig(kubeConfig, {userAgent}),
  namespace: 'default',
  name: process.env['LEASE_NAME'] ?? 'maintenance-api-operator',
  identity,
  clock: systemClock,
  logger,
  leaseDurationMs: Number(process.env['LEASE_DURATION_MS'] ?? 15_000),
  onStartedLeading: () => {
    const operator = new Operator({
      client,
      recorder,
      metrics,
      logger,
      namespace: 'maintenance-api-system',
      image: 'example/operator:1',
      watchNamespaces: (process.env['WATCH_NAMESPACES'] ?? '').split(',').filter((name) => name !== ''),
      workers: 8,
      fetchMetrics: fetchByIp(ports.apiMetrics),
      prometheusServers,
      ...databases(),
      guard: elector.guard(),
    });
    void operator.start();
  },
  onLost: (reason) => {
    logger.error({reason}, 'Ending: the lease is lost');
    process.exit(1);
  },
});
const metricsPort = process.env['METRICS_PORT'];
if (metricsPort !== undefined) {
  await new HealthServer({host: '127.0.0.1', port: Number(metricsPort), metrics, live: {}, ready: {}, logger}).start();
}
elector.start();
