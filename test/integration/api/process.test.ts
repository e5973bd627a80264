import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import {createAuthority, issueServerCertificate} from '../../../operator/src/act/pki.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ServiceClients} from './service-client.ts';
import {ApiSetting, createTask, eventually, type ApiProcess} from './support.ts';

jest.setTimeout(120_000);

let mysql: Mysqld;
let setting: ApiSetting;

beforeAll(async () => {
  mysql = await startMysqld();
});
afterAll(() => mysql.stop());
beforeEach(async () => {
  setting = await ApiSetting.create(mysql);
});
afterEach(() => setting.close());

/** Whether a new connection is taken. */
function connects(api: ApiProcess): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(api.logged('port')), '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Makes every creation of a task wait until the returned function is called. */
async function holdTasks(): Promise<() => Promise<void>> {
  const blocker = await mysql.connect(setting.database.database);
  await blocker.query('LOCK TABLES tasks WRITE');
  return () => blocker.end();
}

async function inFlight(api: ApiProcess): Promise<void> {
  await eventually('a request in flight', async () => {
    return /^mysql_pool_connections\{state="used"\} 1$/m.test(await api.metrics()) || undefined;
  });
}

describe('the end of a process', () => {
  test('behind a Service, under load on kept-alive and on new connections, fails no request', async () => {
    const env = {DRAIN_SECONDS: '1'};
    const pods = [await setting.up(env), await setting.start(env).ready()];
    const clients = new ServiceClients(setting.token, 8);
    for (const pod of pods) clients.add(pod);
    await eventually('traffic', () => clients.succeeded > 100 || undefined);
    // A rolling update: each pod is replaced, the new one first.
    for (const old of [...pods]) {
      const next = await setting.start(env).ready();
      clients.add(next);
      await eventually('the new pod in the endpoints', () => clients.has(next) || undefined);
      old.signal('SIGTERM');
      expect(await old.exited).toBe(0);
      const {succeeded} = clients;
      await eventually('traffic without the old pod', () => clients.succeeded > succeeded + 100 || undefined);
    }
    await clients.stop();
    expect(clients.failures).toEqual([]);
  });

  test('is announced at once: not ready, but alive and serving, and connections end with their answer', async () => {
    const api = await setting.up({DRAIN_SECONDS: '2'});
    expect((await createTask(api, 'before')).headers.get('connection')).toBe('keep-alive');
    api.signal('SIGTERM');
    await eventually('it to be unready', async () => !(await api.isReady()) || undefined);
    expect((await fetch(api.url('/health/live'))).status).toBe(200);
    const answer = await createTask(api, 'draining');
    expect(answer.status).toBe(201);
    expect(answer.headers.get('connection')).toBe('close');
    expect((await api.metrics()).length).toBeGreaterThan(0);
    expect(await api.exited).toBe(0);
  });

  test('waits for a request in flight after the port is closed', async () => {
    const api = await setting.up();
    const release = await holdTasks();
    const pending = createTask(api, 'in flight');
    await inFlight(api);
    api.signal('SIGTERM');
    await eventually('the port to be closed', async () => !(await connects(api)) || undefined);
    expect(api.running).toBe(true);
    await release();
    expect((await pending).status).toBe(201);
    expect(await api.exited).toBe(0);
  });

  test('serves the first request of a connection that was opened before the port was closed', async () => {
    const api = await setting.up();
    const socket = connect(Number(api.logged('port')), '127.0.0.1').setEncoding('utf8');
    let answer = '';
    socket.on('data', (data: string) => (answer += data));
    await once(socket, 'connect');
    // Another connection's answer shows that the server has taken this one too, which came first.
    expect((await createTask(api, 'other')).status).toBe(201);
    api.signal('SIGTERM');
    await eventually('the port to be closed', async () => !(await connects(api)) || undefined);
    socket.write(`GET /api/v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${setting.token}\r\n\r\n`);
    await once(socket, 'end');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await api.exited).toBe(0);
  });

  test('waits no longer than SHUTDOWN_SECONDS', async () => {
    const api = await setting.up({SHUTDOWN_SECONDS: '0.3'});
    const release = await holdTasks();
    const pending = createTask(api, 'never answered').then(
      () => 'answered',
      () => 'cut off',
    );
    await inFlight(api);
    api.signal('SIGTERM');
    expect(await api.exited).toBe(0);
    expect(await pending).toBe('cut off');
    expect(api.log).toContain('Requests in flight were cut off');
    await release();
  });
});

describe('a process that can’t start says why and ends', () => {
  test('environment', async () => {
    const api = setting.start({DB_POOL_SIZE: 'many', DB_USER: ''});
    expect(await api.exited).toBe(2);
    expect(api.log).toContain('DB_POOL_SIZE must be a whole number from 2 to 1000');
    expect(api.log).toContain('DB_USER must be set');
    expect(api.log).not.toContain('many');
  });

  test('tokens', async () => {
    await setting.mountTokens('tests:short\n');
    const api = setting.start();
    expect(await api.exited).toBe(1);
    expect(api.log).toContain('Line 1 must be <name>:<token>');
    expect(api.log).not.toContain('short');
  });

  test('a port that is taken', async () => {
    const first = await setting.start().listening();
    const second = setting.start({PORT: String(first.logged('port'))});
    expect(await second.exited).toBe(1);
    expect(second.log).toContain('EADDRINUSE');
  });
});

describe('tokens', () => {
  test('follow the mounted Secret as kubelet swaps it', async () => {
    const api = await setting.up();
    const next = 'next-0123456789abcdef';
    expect((await createTask(api, 'old token')).status).toBe(201);
    expect((await createTask(api, 'too early', next)).status).toBe(401);

    await setting.mountTokens(`tests:${setting.token}\ntests:${next}\n`);
    await eventually('the next token', async () => (await createTask(api, 'both', next)).status === 201 || undefined);
    expect((await createTask(api, 'both')).status).toBe(201);

    await setting.mountTokens(`tests:${next}\n`);
    await eventually(
      'the end of the old token',
      async () => (await createTask(api, 'old')).status === 401 || undefined,
    );

    await setting.mountTokens('broken\n');
    await eventually('a report', () => api.log.includes('Tokens not reloaded') || undefined);
    expect((await createTask(api, 'still', next)).status).toBe(201);
    expect(api.log).not.toContain(next);
  });

  test('of the same name share idempotency keys, of another name don’t', async () => {
    const [again, other] = ['again-0123456789abcdef', 'other-0123456789abcdef'];
    await setting.mountTokens(`tests:${setting.token}\ntests:${again}\nother:${other}\n`);
    const api = await setting.up();
    const post = async (token: string): Promise<string> => {
      const headers = {'idempotency-key': 'one-key'};
      return (await api.request('POST', '/api/v1/tasks', {body: {title: 'same'}, headers, token})).body.id;
    };
    const first = await post(setting.token);
    expect(await post(again)).toBe(first);
    expect(await post(other)).not.toBe(first);
  });
});

describe('TLS to the database', () => {
  async function serveWith(dns: readonly string[]): Promise<string> {
    const authority = await createAuthority(new Date());
    const server = await issueServerCertificate(authority, {dns, ip: []}, new Date());
    const path = (name: string): string => join(mysql.dataDir, name);
    await writeFile(path('test-ca.pem'), authority.certificate);
    await writeFile(path('test-cert.pem'), server.certificate);
    await writeFile(path('test-key.pem'), server.privateKey, {mode: 0o600});
    const connection = await mysql.connect();
    for (const [variable, name] of [
      ['ssl_ca', 'test-ca.pem'],
      ['ssl_cert', 'test-cert.pem'],
      ['ssl_key', 'test-key.pem'],
    ] as const) {
      await connection.query(`SET GLOBAL ${variable} = ?`, [path(name)]);
    }
    await connection.query('ALTER INSTANCE RELOAD TLS');
    await connection.end();
    await writeFile(join(setting.folder, 'ca.crt'), authority.certificate);
    return join(setting.folder, 'ca.crt');
  }

  async function requireTls(): Promise<void> {
    const connection = await mysql.connect();
    await connection.query(`ALTER USER '${setting.database.user}'@'%' REQUIRE SSL`);
    await connection.end();
  }

  test('is used, with the server’s name verified, and follows a new authority', async () => {
    const ca = await serveWith(['localhost']);
    await requireTls();
    const env = {DB_HOST: 'localhost', DB_TLS_CA_FILE: ca};
    const migration = setting.migrate(env);
    expect([await migration.exited, migration.log]).toEqual([0, expect.any(String)]);
    const api = await setting.start(env).ready();
    expect((await createTask(api, 'over TLS')).status).toBe(201);

    await serveWith(['localhost']);
    const root = await mysql.connect();
    const [sessions] = await root.query('SELECT id FROM performance_schema.processlist WHERE user = ?', [
      setting.database.user,
    ]);
    for (const {id} of sessions as {id: number}[]) await root.query('KILL ?', [id]);
    await root.end();
    await eventually(
      'a task under the new authority',
      async () => (await createTask(api, 'again')).status === 201 || undefined,
    );
  });

  test('with a certificate for another name is refused', async () => {
    const ca = await serveWith(['mysql.elsewhere']);
    const told = join(setting.folder, 'termination-log');
    const env = {DB_HOST: 'localhost', DB_TLS_CA_FILE: ca, MIGRATE_TIMEOUT_SECONDS: '1', TERMINATION_LOG: told};
    const migration = setting.migrate(env);
    expect(await migration.exited).toBe(1);
    expect(await readFile(told, 'utf8')).toBe('database: certificate\n');
    expect(migration.log).toMatch(/Hostname\/IP does not match certificate's altnames/);
  });

  test('with a certificate of an unknown authority is refused', async () => {
    await serveWith(['localhost']);
    const other = await createAuthority(new Date());
    await writeFile(join(setting.folder, 'other.crt'), other.certificate);
    const env = {DB_HOST: 'localhost', DB_TLS_CA_FILE: join(setting.folder, 'other.crt'), MIGRATE_TIMEOUT_SECONDS: '1'};
    const migration = setting.migrate(env);
    expect(await migration.exited).toBe(1);
    expect(migration.log).toMatch(/Not migrated within 1 s: The database can't be reached: .*certificate/);
  });
});

test('metrics are on their own port, and nothing else is', async () => {
  const api = await setting.up();
  expect((await createTask(api, 'counted')).status).toBe(201);
  const page = await api.metrics();
  expect(page).toContain('http_requests_total{method="POST",route="/api/v1/tasks",status="201"} 1');
  expect(page).toMatch(/^process_resident_memory_bytes \d+$/m);
  await eventually('the schema', async () => {
    return (await api.metrics()).includes('schema_migration_info{version="7",previous_can_read="true"} 1') || undefined;
  });
  const metricsUrl = `http://127.0.0.1:${String(api.logged('metricsPort'))}`;
  expect((await fetch(`${metricsUrl}/api/v1/tasks`)).status).toBe(404);
  expect((await fetch(`${metricsUrl}/metrics`, {method: 'POST'})).status).toBe(405);
  expect((await fetch(api.url('/metrics'))).status).toBe(404);
});
