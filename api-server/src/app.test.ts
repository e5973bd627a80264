import {connect} from 'node:net';
import type {AddressInfo} from 'node:net';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import type {InjectOptions, LightMyRequestResponse} from 'fastify';
import {DatabaseUnavailableError, OverloadedError} from './database/errors.ts';
import {createTestApp, TEST_TOKEN, type TestApp} from './testing/test-app.ts';

let api: TestApp;
beforeEach(() => {
  api = createTestApp();
});
afterEach(() => api.app.close());

function inject(method: string, url: string, options: InjectOptions = {}): Promise<LightMyRequestResponse> {
  const headers = {authorization: `Bearer ${TEST_TOKEN}`, ...options.headers};
  return api.app.inject({method: method as 'GET', url, ...options, headers});
}

function problemOf(response: LightMyRequestResponse): {
  code: string;
  status: number;
  errors?: unknown;
  detail?: string;
} {
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = response.json<{code: string; status: number; type: string; title: string; requestId: string}>();
  expect(problem.status).toBe(response.statusCode);
  expect(problem.type).toBe(`urn:maintenance-api:problem:${problem.code}`);
  expect(problem.title).not.toBe('');
  expect(problem.requestId).toBe(response.headers['x-request-id']);
  return problem;
}

async function createTask(): Promise<string> {
  const response = await inject('POST', '/api/v1/tasks', {payload: {title: 'a'}});
  expect(response.statusCode).toBe(201);
  return String(response.headers.location);
}

describe('tasks', () => {
  test('are created with defaults, a location and an entity tag', async () => {
    const response = await inject('POST', '/api/v1/tasks', {payload: {title: 'Grease the pump'}});
    expect(response.statusCode).toBe(201);
    const task = response.json<{id: string}>();
    expect(task).toEqual({
      id: expect.any(String),
      title: 'Grease the pump',
      description: '',
      status: 'open',
      priority: 'normal',
      dueAt: null,
      assignee: null,
      labels: [],
      recurrence: null,
      createdAt: '2026-11-23T05:00:00.123Z',
      updatedAt: '2026-11-23T05:00:00.123Z',
      completedAt: null,
      deletedAt: null,
      next: null,
      version: 1,
    });
    expect(response.headers).toMatchObject({location: `/api/v1/tasks/${task.id}`, etag: '"1"'});
    expect((await inject('GET', `/api/v1/tasks/${task.id}`)).json()).toEqual(task);
    expect((await inject('HEAD', `/api/v1/tasks/${task.id}`)).statusCode).toBe(200);
  });

  test.each([
    [{}, '/title', 'is required'],
    [{title: ''}, '/title', 'must not be blank'],
    [{title: ' \t'}, '/title', 'must not be blank'],
    [{title: 5}, '/title', 'must be string'],
    [{title: 'x'.repeat(201)}, '/title', 'must NOT have more than 200 characters'],
    [{title: 'a', description: 'x'.repeat(10_001)}, '/description', 'must NOT have more than 10000 characters'],
    [{title: 'a', description: null}, '/description', 'must be string'],
    [{title: 'a', 'is/done~': true}, '/is~1done~0', 'is not a known field'],
  ])('with the body %j are refused, naming the field', async (payload, pointer, message) => {
    const response = await inject('POST', '/api/v1/tasks', {payload});
    expect(response.statusCode).toBe(400);
    expect(problemOf(response)).toMatchObject({code: 'invalid-request', errors: [{pointer, message}]});
    expect(api.tasks.tasks.size).toBe(0);
  });

  test('are not created in bulk from what has more values than tasks can have, which is said once', async () => {
    const unknown = Object.fromEntries(Array.from({length: 5001}, (_, i) => [`f${i}`, 0]));
    const many = [
      {title: 'a', ...unknown},
      {title: 'a', labels: Array.from({length: 5001}, () => 5)},
    ];
    const deep = '['.repeat(10_000) + ']'.repeat(10_000);
    for (const task of [...many.map((value) => JSON.stringify(value)), deep]) {
      const response = await inject('POST', '/api/v1/tasks/bulk', {
        payload: `{"tasks": [${task}]}`,
        headers: {'content-type': 'application/json'},
      });
      expect(problemOf(response)).toMatchObject({
        status: 400,
        errors: [{pointer: '/tasks', message: 'must NOT have more than 5000 values in all'}],
      });
    }
    expect((await inject('POST', '/api/v1/tasks/bulk', {payload: {tasks: [{title: 'a'}]}})).statusCode).toBe(201);
  });

  test('with an unknown status are refused', async () => {
    const response = await inject('PATCH', await createTask(), {payload: {status: 'closed'}});
    expect(problemOf(response)).toMatchObject({code: 'invalid-request', status: 400});
  });

  test('are not changed by an empty patch', async () => {
    expect((await inject('PATCH', await createTask(), {payload: {}})).statusCode).toBe(400);
  });

  test('take the greatest text, counted in characters as people count them', async () => {
    const payload = {title: '🔧'.repeat(200), description: 'é'.repeat(10_000)};
    expect((await inject('POST', '/api/v1/tasks', {payload})).statusCode).toBe(201);
  });

  test.each(['?limit=0', '?limit=101', '?limit=-1', '?limit=1.5', '?limit=1&limit=2', '?page=2', '?cursor='])(
    'are not listed by %s',
    async (query) => {
      const response = await inject('GET', `/api/v1/tasks${query}`);
      expect(problemOf(response)).toMatchObject({code: 'invalid-request', status: 400});
    },
  );

  test('are listed twenty at a time, or up to a hundred', async () => {
    for (let i = 0; i < 101; i++) await createTask();
    const sizes = await Promise.all(
      ['', '?limit=1', '?limit=100'].map(async (query) => {
        const page = (await inject('GET', `/api/v1/tasks${query}`)).json<{items: unknown[]; nextCursor: unknown}>();
        expect(page.nextCursor).toEqual(expect.any(String));
        return page.items.length;
      }),
    );
    expect(sizes).toEqual([20, 1, 100]);
    expect(problemOf(await inject('GET', '/api/v1/tasks?cursor=abc')).code).toBe('invalid-cursor');
  });
});

describe('problems', () => {
  test.each([
    ['GET', '/', 404, 'route-not-found', {}],
    ['GET', '/api/v1/tasks/1', 404, 'task-not-found', {}],
    ['GET', '/api/v1/tasks/017f22e2-79b0-7cc3-98c4-dc0c0c07398f', 404, 'task-not-found', {}],
    ['GET', '/api/v1/%zz', 400, 'invalid-request', {}],
    ['GET', `/api/v1/tasks/${'x'.repeat(200)}`, 414, 'path-too-long', {}],
    [
      'POST',
      '/api/v1/tasks',
      415,
      'unsupported-media-type',
      {payload: 'title=a', headers: {'content-type': 'text/plain'}},
    ],
    ['POST', '/api/v1/tasks', 415, 'unsupported-media-type', {payload: '<a/>', headers: {'content-type': 'text/xml'}}],
    [
      'POST',
      '/api/v1/tasks',
      400,
      'malformed-body',
      {payload: '{"title":', headers: {'content-type': 'application/json'}},
    ],
    ['POST', '/api/v1/tasks', 400, 'malformed-body', {payload: '', headers: {'content-type': 'application/json'}}],
    [
      'POST',
      '/api/v1/tasks',
      400,
      'malformed-body',
      {payload: '{"__proto__": {"title": "a"}}', headers: {'content-type': 'application/json'}},
    ],
    ['POST', '/api/v1/tasks', 413, 'body-too-large', {payload: {title: 'x'.repeat(65_536)}}],
    [
      'POST',
      '/api/v1/tasks',
      400,
      'invalid-idempotency-key',
      {payload: {title: 'a'}, headers: {'idempotency-key': 'a b'}},
    ],
    ['POST', '/api/v1/tasks', 400, 'invalid-request', {}],
  ] as const)('%s %s is %i %s', async (method, url, status, code, options) => {
    expect(problemOf(await inject(method, url, options))).toMatchObject({status, code});
  });

  test.each([
    ['PUT', '/api/v1/tasks', 'GET, HEAD, POST'],
    ['DELETE', '/api/v1/tasks', 'GET, HEAD, POST'],
    ['POST', '/api/v1/tasks/1', 'GET, HEAD, PATCH, DELETE'],
    ['POST', '/health/live', 'GET, HEAD'],
  ])('%s %s is 405 and says what is allowed', async (method, url, allow) => {
    // A body that would be refused for its type, had the method been right.
    const response = await inject(method, url, {payload: '<a/>', headers: {'content-type': 'text/xml'}});
    expect(problemOf(response)).toMatchObject({code: 'method-not-allowed', status: 405});
    expect(response.headers.allow).toBe(allow);
  });

  test('of the database tell the client when to come back, and the log what happened', async () => {
    for (const [failure, code] of [
      [new OverloadedError('90 wait'), 'overloaded'],
      [new DatabaseUnavailableError('ECONNREFUSED 10.1.2.3'), 'database-unavailable'],
    ] as const) {
      api.tasks.failure = failure;
      const response = await inject('GET', '/api/v1/tasks');
      expect(problemOf(response)).toMatchObject({code, status: 503});
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
      expect(response.body).not.toContain(failure.message);
      expect(api.log.join('')).toContain(failure.message);
    }
  });

  test('that nobody foresaw are 500, and their text stays in the log', async () => {
    api.tasks.failure = new Error('Unknown column tasks.x');
    const response = await inject('GET', '/api/v1/tasks');
    expect(problemOf(response)).toMatchObject({code: 'internal', status: 500});
    expect(response.body).not.toContain('column');
    expect(api.log.join('')).toContain('Unknown column tasks.x');
  });
});

describe('bearer tokens', () => {
  test.each([
    ['none', undefined, 'Bearer realm="maintenance-api"'],
    ['a wrong one', 'Bearer wrong-token-0123456789', 'Bearer realm="maintenance-api", error="invalid_token"'],
    ['another scheme', `Basic ${TEST_TOKEN}`, 'Bearer realm="maintenance-api", error="invalid_token"'],
    ['two words', `Bearer ${TEST_TOKEN} x`, 'Bearer realm="maintenance-api", error="invalid_token"'],
  ])('%s: 401 with a challenge', async (_what, authorization, challenge) => {
    for (const [method, url] of [
      ['GET', '/api/v1/tasks'],
      ['PUT', '/api/v1/tasks'],
      ['DELETE', '/api/v1/tasks/1'],
    ] as const) {
      const response = await api.app.inject({method, url, headers: authorization === undefined ? {} : {authorization}});
      expect(problemOf(response)).toMatchObject({code: 'unauthorized', status: 401});
      expect(response.headers['www-authenticate']).toBe(challenge);
    }
  });

  test('are not needed for probes', async () => {
    for (const url of ['/health/live', '/health/ready']) {
      expect((await api.app.inject({method: 'GET', url})).statusCode).toBe(200);
    }
  });

  test('never reach the log, not even of an error that carries them', async () => {
    api.tasks.failure = Object.assign(new Error('failed'), {
      request: {headers: {authorization: `Bearer ${TEST_TOKEN}`}},
    });
    expect((await inject('GET', '/api/v1/tasks')).statusCode).toBe(500);
    expect(api.log.join('')).toContain('[redacted]');
    expect(api.log.join('')).not.toContain(TEST_TOKEN);
  });
});

describe('request ids', () => {
  test('are taken over from the client where they are harmless', async () => {
    const response = await inject('GET', '/', {headers: {'x-request-id': 'trace-1:2.3'}});
    expect(response.headers['x-request-id']).toBe('trace-1:2.3');
    expect(api.log.join('')).toContain('"requestId":"trace-1:2.3"');
  });

  test.each(['a b', 'x'.repeat(129), '{"a":1}'])('%s is replaced', async (id) => {
    const response = await inject('GET', '/', {headers: {'x-request-id': id}});
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('probes', () => {
  const statusOf = async (url: string): Promise<number> => (await api.app.inject({method: 'GET', url})).statusCode;

  test('readiness follows the database, liveness does not', async () => {
    api.readiness.ready = false;
    expect([await statusOf('/health/ready'), await statusOf('/health/live')]).toEqual([503, 200]);
    api.readiness.ready = true;
    expect(await statusOf('/health/ready')).toBe(200);
  });

  test('shedding load stays ready', async () => {
    api.tasks.failure = new OverloadedError('full');
    expect((await inject('GET', '/api/v1/tasks')).statusCode).toBe(503);
    expect(await statusOf('/health/ready')).toBe(200);
  });

  test('draining is not ready, lives, serves, and asks clients to go elsewhere', async () => {
    expect((await inject('GET', '/api/v1/tasks')).headers.connection).toBe('keep-alive');
    api.drain.draining = true;
    expect([await statusOf('/health/ready'), await statusOf('/health/live')]).toEqual([503, 200]);
    const response = await inject('GET', '/api/v1/tasks');
    expect([response.statusCode, response.headers.connection]).toEqual([200, 'close']);
  });
});

describe('metrics', () => {
  test('count every answer by its route template, and probes not at all', async () => {
    const path = await createTask();
    await inject('GET', path);
    await inject('GET', '/api/v1/tasks/1');
    await inject('GET', '/one/made/up?path');
    await inject('GET', '/another');
    await inject('GET', '/%zz');
    await inject('PUT', '/api/v1/tasks', {payload: {}});
    await api.app.inject({method: 'GET', url: '/api/v1/tasks'});
    await api.app.inject({method: 'GET', url: '/health/ready'});
    api.tasks.failure = new Error('broken');
    await inject('GET', path);

    const page = await api.metrics.page();
    const counted = page.split('\n').filter((line) => line.startsWith('http_requests_total{'));
    expect(counted.sort()).toEqual([
      'http_requests_total{method="GET",route="/api/v1/tasks",status="401"} 1',
      'http_requests_total{method="GET",route="/api/v1/tasks/:id",status="200"} 1',
      'http_requests_total{method="GET",route="/api/v1/tasks/:id",status="404"} 1',
      'http_requests_total{method="GET",route="/api/v1/tasks/:id",status="500"} 1',
      'http_requests_total{method="GET",route="<unmatched>",status="400"} 1',
      'http_requests_total{method="GET",route="<unmatched>",status="404"} 2',
      'http_requests_total{method="POST",route="/api/v1/tasks",status="201"} 1',
      'http_requests_total{method="PUT",route="/api/v1/tasks",status="405"} 1',
    ]);
    const post = 'method="POST",route="/api/v1/tasks",status="201"';
    expect(page).toContain(`http_request_duration_seconds_bucket{le="0.5",${post}} 1`);
    expect(page).toContain(`http_request_duration_seconds_count{${post}} 1`);
  });

  test('tell of the process, the pool and the schema', async () => {
    api.metrics.setMigrations([
      {version: 1, previousCanRead: true},
      {version: 2, previousCanRead: false},
    ]);
    api.metrics.observeQuery('task_find', 0.003);
    const page = await api.metrics.page();
    for (const line of [
      'schema_migration_info{version="1",previous_can_read="true"} 1',
      'schema_migration_info{version="2",previous_can_read="false"} 1',
      'mysql_pool_connections{state="idle"} 1',
      'mysql_pool_connections{state="used"} 2',
      'mysql_pool_connections{state="connecting"} 3',
      'mysql_pool_pending_requests 4',
      'mysql_query_duration_seconds_bucket{le="0.005",query="task_find"} 1',
      `build_info{version="0.0.0",node="${process.version}"} 1`,
    ]) {
      expect(page.split('\n')).toContain(line);
    }
    const resident = Number(/^process_resident_memory_bytes (\d+)$/m.exec(page)?.[1]);
    expect(resident).toBeGreaterThan(10 * 1024 * 1024);
  });
});

describe('over a real connection', () => {
  async function port(): Promise<number> {
    await api.app.listen({port: 0, host: '127.0.0.1'});
    return (api.app.server.address() as AddressInfo).port;
  }

  function send(to: number, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(to, '127.0.0.1', () => socket.write(text));
      socket.setEncoding('utf8').on('data', (data: string) => (answer += data));
      socket.on('end', () => resolve(answer)).on('error', reject);
    });
  }

  test('what is not HTTP is answered with a problem and counted', async () => {
    const answer = await send(await port(), 'NONSENSE\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/);
    expect(answer).toContain('"code":"invalid-request"');
    expect(await api.metrics.page()).toContain(
      'http_requests_total{method="<unknown>",route="<broken>",status="400"} 1',
    );
  });

  test('headers without end are refused', async () => {
    const answer = await send(await port(), `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toContain('"code":"headers-too-large"');
  });

  test('a client that leaves before its answer is counted once, as 499', async () => {
    let answerNow = (): void => undefined;
    api.tasks.delay = new Promise((resolve) => (answerNow = resolve));
    const to = await port();
    const counted = new Promise<void>((resolve) => {
      const count = api.metrics.countRequest.bind(api.metrics);
      api.metrics.countRequest = (labels, seconds) => {
        count(labels, seconds);
        resolve();
      };
    });
    const socket = connect(to, '127.0.0.1', () => {
      socket.write(`GET /api/v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TEST_TOKEN}\r\n\r\n`);
    });
    api.app.server.once('request', () => setImmediate(() => socket.destroy()));
    await counted;
    answerNow();
    await inject('GET', '/api/v1/tasks');
    const lines = (await api.metrics.page()).split('\n').filter((line) => line.startsWith('http_requests_total{'));
    expect(lines.sort()).toEqual([
      'http_requests_total{method="GET",route="/api/v1/tasks",status="200"} 1',
      'http_requests_total{method="GET",route="/api/v1/tasks",status="499"} 1',
    ]);
  });
});
