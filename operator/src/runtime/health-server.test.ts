import {afterEach, describe, expect, test} from '@jest/globals';
import {HealthServer, type HealthCheck} from './health-server.ts';
import {Metrics} from './metrics.ts';
import {RecordingLogger} from './testing/logs.ts';

const servers: HealthServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function aServer(checks: {live?: Record<string, HealthCheck>; ready?: Record<string, HealthCheck>} = {}) {
  const metrics = new Metrics();
  const {live = {}, ready = {}} = checks;
  const server = new HealthServer({host: '127.0.0.1', port: 0, metrics, live, ready, logger: new RecordingLogger()});
  servers.push(server);
  const port = await server.start();
  return {metrics, get: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init)};
}

describe('probes', () => {
  test('are green when every check is', async () => {
    const {get} = await aServer({live: {loop: () => undefined}});
    const response = await get('/healthz?verbose');
    expect([response.status, await response.text()]).toEqual([200, '[+]loop ok\n']);
  });

  test('are red with what is wrong, also when a check throws', async () => {
    const ready = {
      caches: () => 'not synced',
      leader: () => undefined,
      broken: () => {
        throw new Error('boom');
      },
    };
    const {get} = await aServer({ready});
    const response = await get('/readyz');
    expect([response.status, await response.text()]).toEqual([
      503,
      '[-]caches not synced\n[+]leader ok\n[-]broken boom\n',
    ]);
    expect((await get('/healthz')).status).toBe(200);
  });
});

test('metrics come in the text format', async () => {
  const {get, metrics} = await aServer();
  metrics.leader.set({name: 'l'}, 1);
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(await response.text()).toContain('leader_election_master_status{name="l"} 1');
});

test('nothing else is served', async () => {
  const {get} = await aServer();
  expect((await get('/')).status).toBe(404);
  expect((await get('/metrics', {method: 'POST'})).status).toBe(405);
});

test('an address that is taken is an error, not a silent server', async () => {
  const first = await aServer();
  const {port} = new URL((await first.get('/healthz')).url);
  const second = new HealthServer({
    host: '127.0.0.1',
    port: Number(port),
    metrics: first.metrics,
    live: {},
    ready: {},
    logger: new RecordingLogger(),
  });
  await expect(second.start()).rejects.toMatchObject({code: 'EADDRINUSE'});
});

test('stopping ends connections that are open', async () => {
  const {get} = await aServer();
  await get('/healthz');
  await servers.pop()?.stop();
  await expect(get('/healthz')).rejects.toThrow('fetch failed');
});
