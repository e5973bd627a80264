import {afterAll, expect} from '@jest/globals';
import type {MaintenanceApiSpecInput} from '../../operator/src/api/v1alpha1/index.ts';
import {firingAlerts, waitAlerts} from '../harness/alerts.ts';
import {installPrometheus, isWatched, READERS, removePrometheus} from '../harness/prometheus-cluster.ts';
import type {PrometheusApi} from '../harness/prometheus.ts';
import {sideBySide} from '../harness/stories.ts';
import {World} from '../harness/world.ts';

/*
 * Alerts of the operations guide that fire by their real cause, and clear when it is gone, as a Prometheus says that the
 * real Prometheus operator runs.
 */
/** Its database hangs for a while. */
const HANGS = {namespace: 'alerts', name: 'tasks'} as const;
/** One answer in five is an error, until it is repaired. */
const FAILS = {namespace: 'alerts-errors', name: 'tasks'} as const;
const TIMEOUT_MS = 300_000;
/** ErrorsHigh takes errors of five minutes, over a rate of the last minute. */
const FIRES_MS = 600_000;
type Where = typeof HANGS | typeof FAILS;

let world: World;
let prometheus: PrometheusApi;

const firing = (where: Where): Promise<string[]> => firingAlerts(prometheus, where);
const among = (where: Where, names: readonly string[], fire: boolean): Promise<void> =>
  waitAlerts(prometheus, where, {names, fire, timeoutMs: FIRES_MS});

async function serve(where: Where, spec: Partial<MaintenanceApiSpecInput>): Promise<void> {
  await world.createNamespace(where.namespace);
  const common = {autoscaling: {minReplicas: 2, maxReplicas: 2}, networkPolicy: {metricsFrom: [READERS]}};
  await world.apply(world.maintenanceApi(where.namespace, where.name, {...common, ...spec}));
}

async function start(): Promise<void> {
  world = await World.join('e2e');
  prometheus = await installPrometheus(world);
  await serve(HANGS, {});
  await serve(FAILS, {image: world.images.failing.ref});
  for (const where of [HANGS, FAILS]) {
    await world.waitReady(where, TIMEOUT_MS);
    await world.startLoad(where, {name: 'steady', rate: 20, seconds: 1_800, writes: 0.1});
    await isWatched(world, prometheus, where, TIMEOUT_MS);
  }
}

afterAll(async () => {
  try {
    await world.collect(FAILS.namespace);
    await world.leave(HANGS.namespace);
  } finally {
    await world.kubectl(['delete', 'namespace', FAILS.namespace, '--wait=false']);
    await removePrometheus(world);
  }
}, 180_000);

sideBySide(
  'an alert fires by its real cause and clears',
  {start, timeoutMs: 2 * FIRES_MS + TIMEOUT_MS},
  {
    'a database that hangs, with every pod that waits for it': async () => {
      const caused = ['MaintenanceApiDatabaseUnreachable', 'MaintenanceApiDown'];
      expect(await firing(HANGS)).toEqual([]);
      const database = [HANGS.namespace, `${HANGS.name}-mysql-0`, 'mysqld'] as const;
      await world.signalContainer(...database, 'SIGSTOP');
      try {
        await among(HANGS, caused, true);
        // The other service has a database of its own.
        expect((await firing(FAILS)).filter((alert) => caused.includes(alert))).toEqual([]);
      } finally {
        await world.signalContainer(...database, 'SIGCONT');
      }
      await among(HANGS, caused, false);
    },

    'errors of a release, in the share that clients saw': async () => {
      await among(FAILS, ['MaintenanceApiAvailabilityBudgetBurn', 'MaintenanceApiErrorsHigh'], true);
      const recording = `maintenance_api:slo_bad:ratio_5m{namespace="${FAILS.namespace}",objective="errorRate"}`;
      const recorded = await prometheus.figure(recording);
      const seen = (await world.ledger(FAILS.namespace, 'steady')).filter(({s}) => s > 0);
      expect(seen.length).toBeGreaterThan(2_000);
      const share = seen.filter(({s}) => s >= 500).length / seen.length;
      expect(share).toBeGreaterThan(0.1);
      // Of a share of 20 % in 2,000 answers 99 % lie within 12 % of it.
      expect(Math.abs((recorded ?? 0) - share)).toBeLessThan(0.15 * share);
      // There is no older revision to go back to: a person repairs it.
      await world.patchSpec(FAILS, {image: world.images.api.ref});
      await among(FAILS, ['MaintenanceApiErrorsHigh'], false);
    },
  },
);
