import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import type {LightMyRequestResponse} from 'fastify';
import {createTestApp, EXPIRED_TOKEN, READ_TOKEN, TEST_TOKEN, type TestApp} from '../testing/test-app.ts';

let api: TestApp;
beforeEach(() => {
  api = createTestApp({burst: 3});
});
afterEach(() => api.app.close());

function send(
  method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE',
  token = TEST_TOKEN,
): Promise<LightMyRequestResponse> {
  return api.app.inject({
    method,
    url: method === 'PATCH' || method === 'DELETE' ? '/api/v1/tasks/1' : '/api/v1/tasks',
    headers: {authorization: `Bearer ${token}`},
    ...(method === 'POST' || method === 'PATCH' ? {payload: {title: 'a'}} : {}),
  });
}

function codeOf(response: LightMyRequestResponse): string {
  return response.json<{code: string}>().code;
}

describe('a token', () => {
  test('that only reads is refused what changes something, and told which scope it lacks', async () => {
    expect((await send('GET', READ_TOKEN)).statusCode).toBe(200);
    expect((await send('HEAD', READ_TOKEN)).statusCode).toBe(200);
    const response = await send('POST', READ_TOKEN);
    expect([response.statusCode, codeOf(response)]).toEqual([403, 'insufficient-scope']);
    expect(response.headers['www-authenticate']).toBe(
      'Bearer realm="maintenance-api", error="insufficient_scope", scope="write"',
    );
    expect((await send('PATCH', READ_TOKEN)).statusCode).toBe(403);
    expect((await send('DELETE', READ_TOKEN)).statusCode).toBe(403);
    expect(api.tasks.tasks.size).toBe(0);
  });

  test('whose time is over is told so', async () => {
    const response = await send('GET', EXPIRED_TOKEN);
    expect([response.statusCode, codeOf(response)]).toEqual([401, 'unauthorized']);
    expect(response.headers['www-authenticate']).toBe(
      'Bearer realm="maintenance-api", error="invalid_token", error_description="The token has expired"',
    );
  });

  test('over its rate is told when to come back, and no other token with it', async () => {
    for (let i = 0; i < 3; i++) expect((await send('GET')).statusCode).toBe(200);
    const response = await send('GET');
    expect([response.statusCode, codeOf(response), response.headers['retry-after']]).toEqual([
      429,
      'rate-limited',
      '1',
    ]);
    expect((await send('GET', READ_TOKEN)).statusCode).toBe(200);
    api.clock.now += 1000;
    expect((await send('GET')).statusCode).toBe(200);
    expect((await send('GET')).statusCode).toBe(429);
  });
});

describe('read-only mode', () => {
  test('refuses what changes something, and lets reads go on', async () => {
    api.readOnly.active = true;
    for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
      api.clock.now += 10_000;
      const response = await send(method);
      expect([response.statusCode, codeOf(response), response.headers['retry-after']]).toEqual([
        503,
        'read-only',
        '30',
      ]);
    }
    api.clock.now += 10_000;
    expect((await send('GET')).statusCode).toBe(200);
    api.readOnly.active = false;
    expect((await send('POST')).statusCode).toBe(201);
  });

  test('is told, and what it refuses is counted as what was asked for, not as a fault', async () => {
    api.readOnly.active = true;
    expect((await send('POST')).statusCode).toBe(503);
    const page = await api.metrics.page();
    expect(page).toContain('http_requests_total{method="POST",route="/api/v1/tasks",status="423"} 1');
    expect(page).not.toContain('status="503"');
    expect(page).toMatch(/^read_only_mode 1$/m);
    api.readOnly.active = false;
    expect(await api.metrics.page()).toMatch(/^read_only_mode 0$/m);
    api.admission.refusal = 'too much';
    expect((await send('POST')).statusCode).toBe(503);
    expect(await api.metrics.page()).toContain('status="503"');
  });
});

describe('a process with more to do than it can', () => {
  test('refuses each request before it looks at it, and stays ready', async () => {
    api.admission.refusal = 'too much';
    const response = await send('GET', 'no-token-that-anyone-knows');
    expect([response.statusCode, codeOf(response), response.headers['retry-after']]).toEqual([503, 'overloaded', '1']);
    expect((await api.app.inject('/health/ready')).statusCode).toBe(200);
    expect((await api.app.inject('/health/live')).statusCode).toBe(200);
    expect(api.log.join('')).toContain('too much');
  });

  test('counts each request that it takes in and out once', async () => {
    expect((await send('GET')).statusCode).toBe(200);
    expect((await send('GET', 'no-token-that-anyone-knows')).statusCode).toBe(401);
    api.admission.refusal = 'too much';
    expect((await send('GET')).statusCode).toBe(503);
    expect(api.admission.inFlight).toBe(0);
  });
});
