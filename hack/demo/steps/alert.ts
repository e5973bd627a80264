import {prometheusImages} from '../../prometheus/images.ts';
import {firingAlerts, waitAlerts} from '../../../test/harness/alerts.ts';
import {
  installPrometheus,
  isWatched,
  joinPrometheus,
  READERS,
  removePrometheus,
} from '../../../test/harness/prometheus-cluster.ts';
import type {PrometheusApi} from '../../../test/harness/prometheus.ts';
import {
  ALERTS_FILE,
  DATABASE_ALERTS,
  expectThat,
  WHERE,
  type AlertsEvidence,
  type Step,
  type StepContext,
} from '../step.ts';

const WATCHED_MS = 180_000;
const FIRES_MS = 240_000;
const DATABASE = [WHERE.namespace, `${WHERE.name}-mysql-0`, 'mysqld'] as const;

const seriesOf = (alert: string): string =>
  `ALERTS{alertname="${alert}",alertstate="firing",namespace="${WHERE.namespace}",maintenanceapi="${WHERE.name}"}`;

/** Of the alerts that a database that hangs has to fire, those that fire now, as Prometheus says. */
async function firing(prometheus: PrometheusApi): Promise<string[]> {
  const found = await firingAlerts(prometheus, WHERE);
  return DATABASE_ALERTS.filter((alert) => found.includes(alert));
}

async function watched({world}: StepContext): Promise<PrometheusApi> {
  const prometheus = await installPrometheus(world);
  await world.patchSpec(WHERE, {networkPolicy: {metricsFrom: [READERS]}});
  await isWatched(world, prometheus, WHERE, WATCHED_MS);
  return prometheus;
}

const waitFiring = (prometheus: PrometheusApi, fire: boolean): Promise<void> =>
  waitAlerts(prometheus, WHERE, {names: DATABASE_ALERTS, fire, timeoutMs: FIRES_MS});

/** Alerts that fire by their real cause and clear, as a Prometheus of the Prometheus operator says. */
export const alertSteps: readonly Step[] = [
  {
    name: 'alert',
    title: 'Install Prometheus and let mysqld hang: the critical alerts fire, and clear when it answers again',
    prepare: async (progress) => {
      await prometheusImages(progress);
    },
    cause: async (context) => {
      const {world, facts} = context;
      const before = await firing(await watched(context));
      expectThat(before.length === 0, `firing before anything happened: ${before.join(', ')}`);
      facts.databaseHungAt = Date.now();
      await world.signalContainer(...DATABASE, 'SIGSTOP');
    },
    sabotage: async (context) => {
      await watched(context);
    },
    observe: async ({world, facts, say}) => {
      const prometheus = joinPrometheus(world);
      try {
        await waitFiring(prometheus, true);
        const after = Math.round((Date.now() - (facts.databaseHungAt ?? 0)) / 1000);
        say(`Firing ${String(after)} s after mysqld hung: ${DATABASE_ALERTS.join(', ')} (Prometheus)`);
      } finally {
        facts.databaseContinuedAt = Date.now();
        await world.signalContainer(...DATABASE, 'SIGCONT');
      }
      await waitFiring(prometheus, false);
      say(`Cleared ${String(Math.round((Date.now() - facts.databaseContinuedAt) / 1000))} s after it went on`);
      const history = await Promise.all(
        DATABASE_ALERTS.map(async (alert) => [alert, await prometheus.history(seriesOf(alert), '15m')] as const),
      );
      const evidence: AlertsEvidence = {fired: Object.fromEntries(history), left: await firing(prometheus)};
      await world.evidence(ALERTS_FILE, evidence);
      const {status} = await world.waitReady(WHERE, FIRES_MS);
      expectThat(status?.revisions?.serving === facts.hanging, 'the operator changed the revision because of it');
    },
    leave: async ({world}) => {
      await removePrometheus(world);
    },
  },
];
