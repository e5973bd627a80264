import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {prometheusServers, scrapingApiPods} from '../../harness/prometheus-config.ts';
import {PrometheusServer} from '../../harness/prometheus.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {waitFor} from '../../harness/wait.ts';

/*
 * A real Prometheus that finds the pods by itself, through the API server, and an operator that asks it. The tests build
 * on one another.
 */
const TIMEOUT_MS = 400_000;
const NAMESPACE = 'measured';

let world: Simulation;
let prometheus: PrometheusServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prometheus-servers-'));
  world = await Simulation.start();
  prometheus = await PrometheusServer.start(scrapingApiPods(world.plane.kubeconfigPath, '5s'));
  const servers = join(folder, 'servers.yaml');
  await writeFile(servers, JSON.stringify(prometheusServers('main', prometheus.url)));
  world.startOperator({PROMETHEUS_SERVERS_FILE: servers});
  await world.scene(NAMESPACE, 50, {'example/api:2': {badShare: 0.2}});
  await world.create(NAMESPACE, {slo: {source: {prometheusRef: {name: 'main'}}}});
  await world.good(NAMESPACE);
}, TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([world.stop(), prometheus.stop()]);
  await rm(folder, {recursive: true, force: true});
});

const seen = (image: string): ReturnType<Simulation['pods']['seen']> => world.pods.seen(NAMESPACE, image);

test(
  'at rest a good service is measured by Prometheus alone',
  async () => {
    let before = seen('example/api:1');
    await waitFor(
      'Prometheus has read the pods six times each, and the operator has not',
      () => {
        const now = seen('example/api:1');
        if (now.operator > before.operator) before = now;
        return Promise.resolve(now.prometheus >= before.prometheus + 12 ? true : undefined);
      },
      TIMEOUT_MS / 2,
    );
    expect((await prometheus.targets()).map(({health}) => health)).toEqual(['up', 'up']);
    const {status} = await world.until(
      NAMESPACE,
      'objectives met',
      (api) => conditionOf(api, 'ObjectivesMet') === 'True ObjectivesMet',
    );
    expect(status?.slo?.map(({state}) => state)).toEqual(['Met', 'Met', 'Met']);
  },
  TIMEOUT_MS,
);

test(
  'with Prometheus gone a bad release is not acted on, though the operator reads the pods; with it back it is',
  async () => {
    await prometheus.kill();
    const gap = await world.until(
      NAMESPACE,
      'TelemetryGap',
      ({status}) => status?.remediation?.lastDecision?.verdict === 'TelemetryGap',
      TIMEOUT_MS / 2,
    );
    expect(gap.status?.remediation?.lastDecision?.message).toContain('Prometheus "main": it can not be reached');
    const before = (await world.deploymentPatches(NAMESPACE)).length;
    await world.patchSpec(NAMESPACE, {image: 'example/api:2'});
    // It is seen, and ten times what elsewhere is enough to act on is let pass.
    await world.until(
      NAMESPACE,
      'the breach is seen and held',
      ({status}) =>
        status?.remediation?.lastDecision?.verdict === 'TelemetryGap' &&
        status.conditions?.some(({reason}) => reason === 'ObjectiveBreached') === true &&
        seen('example/api:2').bad > 500,
    );
    expect(await world.deploymentPatches(NAMESPACE)).toHaveLength(before + 1);
    await prometheus.restart();
    const back = await world.until(
      NAMESPACE,
      'a rollback',
      ({status}) => status?.remediation?.action?.kind === 'Rollback',
    );
    expect(back.status?.remediation?.action?.verdict).toBe('BadRevision');
    await waitFor(
      'the Deployment is rolled back',
      async () => ((await world.deploymentPatches(NAMESPACE)).length === before + 2 ? true : undefined),
      TIMEOUT_MS / 4,
    );
  },
  TIMEOUT_MS,
);
