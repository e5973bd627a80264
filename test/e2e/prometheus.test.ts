import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {installPrometheus, isWatched, READERS, removePrometheus, useAsSource} from '../harness/prometheus-cluster.ts';
import type {PrometheusApi} from '../harness/prometheus.ts';
import {World} from '../harness/world.ts';

/*
 * The real Prometheus operator, a Prometheus of its, and a service that is measured by it. What counts is what Prometheus
 * itself says. Alerts that fire and clear take longer: story `alerts`.
 */
const WHERE = {namespace: 'prometheus', name: 'tasks'} as const;
const TIMEOUT_MS = 300_000;
let world: World;
let prometheus: PrometheusApi;

beforeAll(async () => {
  world = await World.join('e2e');
  prometheus = await installPrometheus(world);
  await useAsSource(world, 'main');
  await world.createNamespace(WHERE.namespace);
  const spec = {
    autoscaling: {minReplicas: 2, maxReplicas: 2},
    networkPolicy: {metricsFrom: [READERS]},
    slo: {source: {prometheusRef: {name: 'main'}}},
  };
  await world.apply(world.maintenanceApi(WHERE.namespace, WHERE.name, spec));
  await world.waitReady(WHERE, TIMEOUT_MS);
  await world.startLoad(WHERE, {name: 'steady', rate: 20, seconds: 600, writes: 0.1});
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  try {
    await world.leave(WHERE.namespace);
  } finally {
    await removePrometheus(world);
  }
}, 180_000);

describe('with the Prometheus operator', () => {
  test(
    'every pod is read, and every rule is loaded and evaluated',
    async () => {
      const {rules, targets} = await isWatched(world, prometheus, WHERE, TIMEOUT_MS);
      const made = await world.get<{spec: {groups: {rules: {record?: string; alert?: string}[]}[]}}>(
        'prometheusrule',
        WHERE.name,
        WHERE.namespace,
      );
      const asked = made?.spec.groups.flatMap((group) => group.rules.map(({record, alert}) => record ?? alert)) ?? [];
      expect(asked.length).toBeGreaterThan(20);
      expect([...rules].sort()).toEqual(asked.sort());
      const pods = await world.list<{metadata: {name: string}}>(
        'pods',
        WHERE.namespace,
        'app.kubernetes.io/component=api',
      );
      expect([...targets].sort()).toEqual(pods.map(({metadata}) => metadata.name).sort());
      // By the labels that the rules select by, whatever the pods say of themselves.
      const selected = `count(http_requests_total{namespace="${WHERE.namespace}",maintenanceapi="${WHERE.name}"})`;
      expect(await prometheus.figure(selected)).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    'a service is measured by it: objectives met, its revision good, no cause found',
    async () => {
      const {status} = await world.waitApi(
        WHERE,
        'objectives met, and the revision good',
        (api) =>
          api.status?.revisions?.lastKnownGood !== undefined &&
          api.status.slo?.every(({state}) => state === 'Met') === true,
        TIMEOUT_MS,
      );
      expect(status?.remediation?.lastDecision?.verdict).toBe('None');
      const firing = (await prometheus.alerts()).filter(
        ({labels, state}) => state === 'firing' && labels['namespace'] === WHERE.namespace,
      );
      expect(firing).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
