import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {askPrometheus} from '../../../operator/src/observe/ask-prometheus.ts';
import {readPodMetrics} from '../../../operator/src/observe/pod-metrics.ts';
import {PrometheusSources, type SourceReading} from '../../../operator/src/observe/prometheus-source.ts';
import {systemClock} from '../../../operator/src/runtime/index.ts';
import {PrometheusServer} from '../../harness/prometheus.ts';
import {waitFor} from '../../harness/wait.ts';

/* What the operator makes of a real Prometheus server's answers about pods whose pages are made here. */
const TIMEOUT_MS = 120_000;
const NAMESPACES = ['plain', 'odd', 'idle', 'broken', 'twice', 'down', 'large'];

const count = (status: string, value: string | number, route = '/api/v1/tasks'): string =>
  `http_requests_total{method="GET",route="${route}",status="${status}"} ${String(value)}`;
const within = (status: string, le: string, value: number, route = '/api/v1/tasks'): string =>
  `http_request_duration_seconds_bucket{method="GET",route="${route}",status="${status}",le="${le}"} ${String(value)}`;
const page = (...lines: readonly string[]): string => ['# TYPE http_requests_total counter', ...lines, ''].join('\n');

/** Pages by namespace; each has one pod. */
const pages: Readonly<Record<string, string>> = {
  plain: page(count('200', 90), count('500', 10), within('200', '0.5', 80), within('500', '0.5', 10)),
  odd: page(
    ...[count('201', 5, '/a'), count('200', 100), count('404', 7), count('429', 3), count('503', 4)],
    ...[count('499', 6), count('200', 1000, '/health/ready')],
    ...[within('200', '0.5', 60), within('200', '1', 70), within('201', '0.5', 5, '/a'), within('503', '0.5', 4)],
    ...[within('499', '0.5', 2), within('404', '0.5', 7), within('200', '0.5', 1000, '/health/ready')],
  ),
  idle: page(),
  broken: page(count('200', 'NaN'), within('200', '0.5', 1)),
  twice: page(count('200', 5), within('200', '0.5', 5)),
  large: page(
    within('200', '0.5', 1),
    ...Array.from({length: 2_000}, (_value, index) => count('200', 1, `/route-${String(index)}`)),
  ),
};

let pods: Server;
let server: PrometheusServer;
let sources: PrometheusSources | undefined;

beforeAll(async () => {
  pods = createServer((request, response) => {
    const [, namespace = ''] = (request.url ?? '').split('/');
    const body = pages[namespace];
    if (body === undefined) response.writeHead(500).end();
    else response.writeHead(200, {'content-type': 'text/plain; version=0.0.4'}).end(body);
  });
  await new Promise<void>((resolve) => pods.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${String((pods.address() as AddressInfo).port)}`;
  const job = (name: string, namespace: string): object => ({
    job_name: name,
    metrics_path: `/${namespace}/metrics`,
    static_configs: [{targets: [address], labels: {namespace, maintenanceapi: 'shop', pod: `shop-in-${namespace}`}}],
  });
  server = await PrometheusServer.start(
    {
      global: {scrape_interval: '5s', scrape_timeout: '5s'},
      scrape_configs: [...NAMESPACES.map((namespace) => job(namespace, namespace)), job('twice-again', 'twice')],
    },
    ['--query.max-samples=1000'],
  );
  await waitFor(
    'every pod was read that can be',
    async () => {
      const targets = await server.targets();
      const settled = targets.filter(({labels, health}) => health === (labels['namespace'] === 'down' ? 'down' : 'up'));
      return settled.length > NAMESPACES.length ? true : undefined;
    },
    TIMEOUT_MS / 2,
  );
}, TIMEOUT_MS);

afterAll(async () => {
  sources?.stop();
  pods.closeAllConnections();
  await Promise.all([server.stop(), new Promise((resolve) => pods.close(resolve))]);
});

/** What the operator is told of namespaces, after one round that is all theirs. */
async function told(namespaces: readonly string[], thresholdMilliseconds = 500): Promise<Map<string, SourceReading>> {
  const done = new Set<string>();
  const asking = new PrometheusSources({
    servers: [{name: 'main', url: server.url}],
    ask: askPrometheus,
    clock: systemClock,
    onRound: (key) => done.add(key),
  });
  sources = asking;
  for (const namespace of namespaces) {
    const target = {namespace, pod: `shop-in-${namespace}`, uid: namespace, revision: 'a', ip: '127.0.0.1'};
    asking.watch(`${namespace}/shop`, {server: 'main', targets: [target], thresholdMilliseconds});
  }
  await waitFor('a round', () => Promise.resolve(done.size === namespaces.length ? true : undefined), TIMEOUT_MS / 2);
  const readings = new Map(
    namespaces.flatMap((namespace) => {
      const reading = asking.reading(`${namespace}/shop`);
      return reading === undefined ? [] : [[namespace, reading] as const];
    }),
  );
  asking.stop();
  return readings;
}

const readingOf = (readings: ReadonlyMap<string, SourceReading>, namespace: string): unknown =>
  readings.get(namespace)?.pods[0]?.reading;

describe('what Prometheus tells of a pod', () => {
  test.each([
    ['plain', 500],
    ['odd', 500],
    ['odd', 1000],
    ['idle', 500],
  ])('is what a reading of the pod itself tells: %s, %d ms', async (namespace, threshold) => {
    const readings = await told([namespace], threshold);
    expect(readings.get(namespace)).toMatchObject({blindRounds: 0, problem: undefined});
    expect(readingOf(readings, namespace)).toEqual(readPodMetrics(pages[namespace] ?? '', threshold));
  });

  test('has the time at which it was read', async () => {
    const from = Date.now();
    const [pod] = (await told(['plain'])).get('plain')?.pods ?? [];
    // What Prometheus had read last is older than this question, by five seconds on a machine that has time.
    expect(pod?.readAt).toBeGreaterThan(from - 60_000);
    expect(pod?.readAt).toBeLessThanOrEqual(Date.now());
  });
});

test.each([
  ['broken', 'it has no reading of the pods'],
  ['down', 'it has no reading of the pods'],
  ['unknown', 'it has no reading of the pods'],
  ['twice', 'it reads each pod more than once'],
])('%s: it tells nothing', async (namespace, problem) => {
  const reading = (await told([namespace])).get(namespace);
  expect(reading).toMatchObject({blindRounds: 1, pods: [{failures: 1, reading: undefined, readAt: undefined}]});
  expect(reading?.problem).toContain(problem);
});

test('a namespace with more series than Prometheus will read for one question is blind alone', async () => {
  const readings = await told(['plain', 'odd', 'idle', 'large']);
  expect(readings.get('large')?.problem).toBe('it answered with status 422');
  for (const namespace of ['plain', 'odd', 'idle']) expect(readings.get(namespace)?.problem).toBeUndefined();
});

test(
  'a server that hangs, or is gone, tells nothing; and everything again when it is back',
  async () => {
    const problems: (string | undefined)[] = [];
    // Each of these rounds may take as long as the operator waits for an answer.
    server.freeze();
    problems.push((await told(['plain'])).get('plain')?.problem);
    await server.kill();
    problems.push((await told(['plain'])).get('plain')?.problem);
    await server.restart();
    expect(problems).toEqual(['it did not answer within 5 s', 'it can not be reached (ECONNREFUSED)']);
    await waitFor(
      'it tells again',
      async () => ((await told(['plain'])).get('plain')?.problem === undefined ? true : undefined),
      TIMEOUT_MS / 2,
    );
  },
  TIMEOUT_MS,
);
