import {KubeConfig, KubernetesObjectApi} from '@kubernetes/client-node';
import {afterAll, afterEach, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {KubeClient, Metrics, loadKubeConfig, type KubeObject} from '../../../operator/src/runtime/index.ts';
import {FakeClock} from '../../../operator/src/runtime/testing/fake-clock.ts';
import {START_TIMEOUT_MS, RealApi, aConfigMap, configMaps, sample, secrets, until} from './real-api.ts';

jest.setTimeout(60_000);

type ConfigMap = KubeObject & {data?: Record<string, string>};

const GOOD_TOKEN = 'good-token';
let api: RealApi;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'runtime-client-'));
  const tokens = join(directory, 'tokens.csv');
  await writeFile(tokens, `${GOOD_TOKEN},token-user,token-uid,"system:masters"\n`);
  api = await RealApi.start({apiServerFlags: {'token-auth-file': tokens}});
}, START_TIMEOUT_MS);

afterEach(() => {
  api.proxy.heal();
});

afterAll(async () => {
  await api.stop();
  await rm(directory, {recursive: true, force: true});
});

async function whoAmI(client: KubeClient): Promise<string> {
  const body = {apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview'};
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const review = await client.request<{status: {userInfo: {username: string}}}>({method: 'POST', path, body});
  return review.status.userInfo.username;
}

describe('objects', () => {
  test('are created, read, replaced, patched and deleted; what is not there is undefined or false', async () => {
    const client = api.client();
    const namespace = await api.namespace();
    expect(await client.get(configMaps, namespace, 'a')).toBeUndefined();
    const created = await client.create<ConfigMap>(configMaps, namespace, aConfigMap(namespace, 'a'));
    const replaced = await client.replace<ConfigMap>(configMaps, namespace, 'a', {...created, data: {value: '2'}});
    expect(replaced.data).toEqual({value: '2'});
    await client.patch(configMaps, namespace, 'a', {data: {more: '3'}}, {type: 'merge'});
    await client.patch(configMaps, namespace, 'a', [{op: 'remove', path: '/data/value'}], {type: 'json'});
    expect((await client.get<ConfigMap>(configMaps, namespace, 'a'))?.data).toEqual({more: '3'});
    const {uid = ''} = created.metadata;
    expect(await client.delete(configMaps, namespace, 'a', {uid})).toBe(true);
    expect(await client.delete(configMaps, namespace, 'a', {uid})).toBe(false);
  });

  test('a list comes in pages of one resourceVersion', async () => {
    const client = api.client();
    const namespace = await api.namespace();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await client.create(configMaps, namespace, aConfigMap(namespace, name));
    }
    const pages = [];
    for await (const page of client.listPages(configMaps, {namespace, limit: 2})) {
      pages.push(page);
    }
    expect(pages.map(({items}) => items.map(({metadata}) => metadata.name))).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(new Set(pages.map(({resourceVersion}) => resourceVersion)).size).toBe(1);
    const metadataOnly = await client.list<ConfigMap>(configMaps, {namespace, metadataOnly: true});
    expect(metadataOnly.items).toHaveLength(5);
    expect(metadataOnly.items.every(({data}) => data === undefined)).toBe(true);
  });
});

describe('what the server refuses', () => {
  test('a stale write is a Conflict, a second object of one name AlreadyExists', async () => {
    const client = api.client();
    const namespace = await api.namespace();
    const created = await client.create<ConfigMap>(configMaps, namespace, aConfigMap(namespace, 'a'));
    await client.patch(configMaps, namespace, 'a', {data: {value: '2'}}, {type: 'merge'});
    await expect(client.replace(configMaps, namespace, 'a', created)).rejects.toMatchObject({
      kind: 'Conflict',
      status: 409,
    });
    const preconditions = {resourceVersion: created.metadata.resourceVersion, uid: created.metadata.uid};
    const body = {metadata: preconditions, data: {value: '3'}};
    await expect(client.patch(configMaps, namespace, 'a', body, {type: 'merge'})).rejects.toMatchObject({
      kind: 'Conflict',
    });
    await expect(client.create(configMaps, namespace, aConfigMap(namespace, 'a'))).rejects.toMatchObject({
      kind: 'AlreadyExists',
    });
    expect((await client.get<ConfigMap>(configMaps, namespace, 'a'))?.data).toEqual({value: '2'});
  });

  test('a delete of a predecessor leaves the successor of the same name alone', async () => {
    const client = api.client();
    const namespace = await api.namespace();
    const first = await client.create<ConfigMap>(configMaps, namespace, aConfigMap(namespace, 'a'));
    await client.delete(configMaps, namespace, 'a', {uid: first.metadata.uid ?? ''});
    await client.create(configMaps, namespace, aConfigMap(namespace, 'a'));
    const again = client.delete(configMaps, namespace, 'a', {uid: first.metadata.uid ?? ''});
    await expect(again).rejects.toMatchObject({kind: 'Conflict'});
    expect(await client.get(configMaps, namespace, 'a')).toBeDefined();
  });

  test('an invalid Secret is not quoted (invariant 12)', async () => {
    const namespace = await api.namespace();
    const bad = {apiVersion: 'v1', kind: 'Secret', metadata: {name: 'a'}, data: {'bad key hunter2': 'aHVudGVyMg=='}};
    const error: unknown = await api
      .client()
      .create(secrets, namespace, bad)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({kind: 'Invalid'});
    expect((error as Error).message).not.toContain('hunter2');
  });

  test('what a pod answers is given as it is, whatever its status, up to a size', async () => {
    const get = () => api.client().podProxyGet('n', 'pod-1', 9090, '/metrics', {maxBytes: 100});
    const matches = ({path}: {path: string}): boolean => path === '/api/v1/namespaces/n/pods/pod-1:9090/proxy/metrics';
    const answer = (status: number, body: object): void => {
      api.proxy.rule({matches, times: 1, fault: {kind: 'answer', status, headers: {'content-type': 'text/x'}, body}});
    };
    answer(200, {up: 1});
    expect(await get()).toEqual({status: 200, contentType: 'text/x', body: '{"up":1}'});
    answer(500, {broken: 1});
    expect(await get()).toEqual({status: 500, contentType: 'text/x', body: '{"broken":1}'});
    answer(200, {long: 'x'.repeat(100)});
    await expect(get()).rejects.toMatchObject({reason: 'TooLarge'});
    answer(503, {kind: 'Status', reason: 'ServiceUnavailable', message: 'error trying to reach service: secret'});
    await expect(get()).rejects.toMatchObject({kind: 'Unavailable', message: expect.not.stringContaining('secret')});
  });

  test('a pod that is not there is the API server’s word, not a pod’s answer', async () => {
    const namespace = await api.namespace();
    await expect(api.client().podProxyGet(namespace, 'none', 9090, '/metrics')).rejects.toMatchObject({
      kind: 'NotFound',
    });
  });
});

describe('429 and 503', () => {
  const overloaded = (retryAfter: string) =>
    ({
      kind: 'answer',
      status: 429,
      headers: {'retry-after': retryAfter},
      body: {kind: 'Status', reason: 'TooManyRequests', message: 'too many requests'},
    }) as const;

  test('with Retry-After are sent again, counted, also a write: the server said that it did nothing', async () => {
    const metrics = new Metrics();
    const client = api.client({metrics});
    const namespace = await api.namespace();
    let guarded = 0;
    api.proxy.rule({matches: ({method}) => method === 'POST', times: 2, fault: overloaded('0')});
    await client.create(configMaps, namespace, aConfigMap(namespace, 'a'), {beforeSend: () => guarded++});
    expect(await sample(metrics, 'rest_client_request_retries_total', {code: '429', verb: 'POST'})).toBe(2);
    expect(await sample(metrics, 'rest_client_requests_total', {code: '429'})).toBe(2);
    expect(await sample(metrics, 'rest_client_requests_total', {code: '201', method: 'POST'})).toBe(1);
    expect(guarded).toBe(3);
  });

  test('are given up after three retries, or at once when the server wants longer than 5 s', async () => {
    const metrics = new Metrics();
    const client = api.client({metrics});
    const end = api.proxy.rule({matches: () => true, fault: overloaded('0')});
    await expect(client.serverVersion()).rejects.toMatchObject({kind: 'TooManyRequests', retryAfterSeconds: 0});
    end();
    expect(await sample(metrics, 'rest_client_requests_total', {code: '429'})).toBe(4);
    api.proxy.rule({matches: () => true, times: 1, fault: overloaded('6')});
    await expect(client.serverVersion()).rejects.toMatchObject({kind: 'TooManyRequests', retryAfterSeconds: 6});
  });

  test('an attempt that its guard forbids is not sent again', async () => {
    const namespace = await api.namespace();
    let allowed = 1;
    api.proxy.rule({matches: ({method}) => method === 'POST', times: 1, fault: overloaded('0')});
    const creating = api.client().create(configMaps, namespace, aConfigMap(namespace, 'a'), {
      beforeSend: () => {
        if (allowed-- === 0) {
          throw new Error('the lease is too old by now');
        }
      },
    });
    await expect(creating).rejects.toThrow('the lease is too old by now');
    expect(await api.admin.get(configMaps, namespace, 'a')).toBeUndefined();
  });
});

describe('a broken network', () => {
  test('a write that was done while its answer got lost is a Timeout, and is not sent twice', async () => {
    const client = api.client({timeoutMs: 500});
    const namespace = await api.namespace();
    api.proxy.rule({matches: ({method}) => method === 'POST', times: 1, fault: {kind: 'hang', when: 'after'}});
    const before = api.proxy.requests.length;
    await expect(client.create(configMaps, namespace, aConfigMap(namespace, 'a'))).rejects.toMatchObject({
      kind: 'Timeout',
    });
    expect(api.proxy.requests.length - before).toBe(1);
    expect(await client.get(configMaps, namespace, 'a')).toBeDefined();
    await expect(client.create(configMaps, namespace, aConfigMap(namespace, 'a'))).rejects.toMatchObject({
      kind: 'AlreadyExists',
    });
  });

  test.each(['before', 'after'] as const)(
    'a write whose connection broke %s it was done is not sent twice',
    async (when) => {
      const client = api.client();
      const namespace = await api.namespace();
      api.proxy.rule({matches: ({method}) => method === 'POST', times: 1, fault: {kind: 'reset', when}});
      const before = api.proxy.requests.length;
      await expect(client.create(configMaps, namespace, aConfigMap(namespace, 'a'))).rejects.toMatchObject({
        kind: 'Network',
      });
      expect(api.proxy.requests.length - before).toBe(1);
      expect((await api.admin.get(configMaps, namespace, 'a')) !== undefined).toBe(when === 'after');
    },
  );

  test('a read whose connection broke is sent once more', async () => {
    const metrics = new Metrics();
    const client = api.client({metrics});
    api.proxy.rule({matches: () => true, times: 1, fault: {kind: 'reset', when: 'before'}});
    expect(await client.serverVersion()).toMatch(/^v1\./);
    expect(await sample(metrics, 'rest_client_request_retries_total', {verb: 'GET'})).toBe(1);
    api.proxy.rule({matches: () => true, times: 2, fault: {kind: 'reset', when: 'before'}});
    await expect(client.serverVersion()).rejects.toMatchObject({kind: 'Network'});
  });

  test('half an answer is an error, not half an object', async () => {
    const end = api.proxy.rule({matches: () => true, fault: {kind: 'truncate'}});
    await expect(api.client().serverVersion()).rejects.toMatchObject({kind: 'Network'});
    end();
  });

  test('an answer of something else in between is not quoted', async () => {
    const body = {error: 'a stranger’s page'};
    api.proxy.rule({matches: () => true, times: 1, fault: {kind: 'answer', status: 502, body}});
    await expect(api.client().serverVersion()).rejects.toMatchObject({
      kind: 'Unavailable',
      message: 'GET /version: 502',
    });
  });

  test('one request that hangs does not hold up others, and an aborted one ends', async () => {
    const client = api.client();
    const abort = new AbortController();
    const end = api.proxy.rule({matches: ({path}) => path.includes('hung'), fault: {kind: 'hang', when: 'before'}});
    const hung = client.request({method: 'GET', path: '/hung', signal: abort.signal});
    expect(await client.serverVersion()).toMatch(/^v1\./);
    abort.abort();
    await expect(hung).rejects.toMatchObject({kind: 'Network', reason: 'Aborted'});
    end();
  });

  test('the server is killed and comes back', async () => {
    const client = api.client();
    await client.serverVersion();
    await api.controlPlane.apiServer.kill9();
    await expect(client.serverVersion()).rejects.toMatchObject({kind: 'Network'});
    await api.controlPlane.apiServer.restart();
    expect(await client.serverVersion()).toMatch(/^v1\./);
  });
});

describe('connections', () => {
  test('are reused: at most 5 for 1,000 requests, also when many go out at once', async () => {
    const metrics = new Metrics();
    const client = api.client({metrics, timeoutMs: 60_000});
    const before = api.proxy.connections;
    for (let batch = 0; batch < 20; batch++) {
      await Promise.all(Array.from({length: 50}, () => client.serverVersion()));
    }
    expect(await sample(metrics, 'rest_client_requests_total', {code: '200'})).toBe(1000);
    expect(api.proxy.connections - before).toBeLessThanOrEqual(5);
    expect(await sample(metrics, 'rest_client_connections_total')).toBe(api.proxy.connections - before);
  });

  test('the library as shipped makes one for each request: why this client exists', async () => {
    const namespace = await api.namespace();
    const objects = KubernetesObjectApi.makeApiClient(api.proxiedConfig());
    await api.admin.create(configMaps, namespace, aConfigMap(namespace, 'a'));
    const before = api.proxy.connections;
    for (let count = 0; count < 10; count++) {
      await objects.read({apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a', namespace}});
    }
    expect(api.proxy.connections - before).toBeGreaterThanOrEqual(10);
  });
});

describe('credentials', () => {
  test('a token that was replaced is read again at once when the server refuses the old one', async () => {
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'expired-token\n');
    const {server, caData} = api.controlPlane;
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      {name: 'c', server, caData: Buffer.from(caData).toString('base64'), skipTLSVerify: false},
      {name: 'u', authProvider: {name: 'tokenFile', config: {tokenFile}}},
    );
    const client = api.keep(KubeClient.fromKubeConfig(config));
    await expect(whoAmI(client)).rejects.toMatchObject({kind: 'Unauthorized'});
    await writeFile(tokenFile, `${GOOD_TOKEN}\n`);
    expect(await whoAmI(client)).toBe('token-user');
  });

  test('client certificates are read again every minute', async () => {
    const files = {certFile: join(directory, 'client.crt'), keyFile: join(directory, 'client.key')};
    const become = async (user: string): Promise<void> => {
      const config = new KubeConfig();
      config.loadFromFile(await api.controlPlane.kubeconfigFor(user, ['system:masters']));
      const {certData = '', keyData = ''} = config.getCurrentUser() ?? {};
      await writeFile(files.certFile, Buffer.from(certData, 'base64'));
      await writeFile(files.keyFile, Buffer.from(keyData, 'base64'));
    };
    const {server, caData} = api.controlPlane;
    const config = new KubeConfig();
    const cluster = {name: 'c', server, caData: Buffer.from(caData).toString('base64'), skipTLSVerify: false};
    config.loadFromClusterAndUser(cluster, {name: 'u', ...files});
    const clock = new FakeClock();
    await become('alice');
    const client = api.keep(KubeClient.fromKubeConfig(config, {clock}));
    expect(await whoAmI(client)).toBe('alice');
    await become('bob');
    await clock.advance(59_999);
    expect(await whoAmI(client)).toBe('alice');
    await clock.advance(1);
    expect(await whoAmI(client)).toBe('bob');
  });

  test('of a pod: its service account, from the folder and environment that a kubelet gives it', async () => {
    const folder = await mkdtemp(join(directory, 'service-account-'));
    const {hostname, port} = new URL(api.controlPlane.server);
    const env = {KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port};
    await writeFile(join(folder, 'ca.crt'), api.controlPlane.caData);
    await writeFile(join(folder, 'token'), GOOD_TOKEN);
    const config = await loadKubeConfig({env, serviceAccountFolder: folder});
    expect(await whoAmI(api.keep(KubeClient.fromKubeConfig(config)))).toBe('token-user');
    // Another authority: the server is checked.
    await writeFile(join(folder, 'ca.crt'), api.proxy.caData);
    const distrustful = await loadKubeConfig({env, serviceAccountFolder: folder});
    await expect(whoAmI(api.keep(KubeClient.fromKubeConfig(distrustful)))).rejects.toMatchObject({kind: 'Network'});
  });

  test('of a laptop: a kubeconfig file, and a context of it by name', async () => {
    const {kubeconfigPath} = api.controlPlane;
    const kept = process.env['KUBECONFIG'];
    process.env['KUBECONFIG'] = kubeconfigPath;
    try {
      const config = await loadKubeConfig();
      expect(await whoAmI(api.keep(KubeClient.fromKubeConfig(config)))).toBe('admin');
      await expect(loadKubeConfig({context: 'nowhere'})).rejects.toThrow('The kubeconfig has no context nowhere');
    } finally {
      if (kept === undefined) {
        delete process.env['KUBECONFIG'];
      } else {
        process.env['KUBECONFIG'] = kept;
      }
    }
  });

  test('files that are missing are an error that names them', async () => {
    const config = new KubeConfig();
    const {server} = api.controlPlane;
    const certFile = join(directory, 'none.crt');
    config.loadFromClusterAndUser({name: 'c', server, skipTLSVerify: true}, {name: 'u', certFile});
    const client = api.keep(KubeClient.fromKubeConfig(config));
    await expect(client.serverVersion()).rejects.toMatchObject({
      kind: 'Network',
      reason: 'NoCredentials',
      message: expect.stringContaining('none.crt'),
    });
  });
});

test('a closed client sends nothing', async () => {
  const client = api.client();
  await client.serverVersion();
  await client.close();
  const before = api.proxy.requests.length;
  await expect(client.serverVersion()).rejects.toMatchObject({kind: 'Network', reason: 'Closed'});
  expect(api.proxy.requests.length).toBe(before);
  await until('the proxy to be quiet', () => api.proxy.watches().count === 0);
});
