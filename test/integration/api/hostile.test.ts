import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import type {RowDataPacket} from 'mysql2/promise';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, type ApiProcess} from './support.ts';

jest.setTimeout(30_000);

let mysql: Mysqld;
let setting: ApiSetting;
let api: ApiProcess;

beforeAll(async () => {
  mysql = await startMysqld();
  setting = await ApiSetting.create(mysql);
  api = await setting.up();
});
afterAll(async () => {
  // Whatever came, it is the same process, and it serves.
  expect(api.running).toBe(true);
  expect((await api.request('POST', '/api/v1/tasks', {body: {title: 'the last one'}})).status).toBe(201);
  expect(api.log).not.toContain('"level":"error"');
  await setting.close();
  await mysql.stop();
});

function open(): Socket {
  return connect({port: Number(api.logged('port')), host: '127.0.0.1', allowHalfOpen: true});
}

/** Writes bytes and reads until the server ends the connection. */
async function raw(bytes: Buffer | string, socket = open()): Promise<string> {
  let answer = '';
  socket.setEncoding('utf8').on('data', (data: string) => (answer += data));
  // A server that refuses a request stops reading it, and what is still under way then fails.
  socket.on('error', () => undefined);
  socket.once('end', () => socket.destroy());
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

function head(method: string, path: string, headers: Record<string, string> = {}): string {
  const all = {host: 'a', authorization: `Bearer ${setting.token}`, connection: 'close', ...headers};
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function post(body: Buffer | string, headers: Record<string, string> = {}): Promise<string> {
  const content = Buffer.from(body);
  const all = {'content-type': 'application/json', 'content-length': String(content.length), ...headers};
  return raw(Buffer.concat([Buffer.from(head('POST', '/api/v1/tasks', all)), content]));
}

/** Status and problem code of an answer. */
function outcome(answer: string): string {
  const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'none';
  return `${status} ${/"code":"([^"]+)"/.exec(answer)?.[1] ?? ''}`.trim();
}

async function rows(): Promise<readonly RowDataPacket[]> {
  const connection = await mysql.connect();
  const [found] = await connection.query<RowDataPacket[]>(`SELECT title FROM ${setting.database.database}.tasks`);
  await connection.end();
  return found;
}

describe('a body', () => {
  test.each([
    ['a list', '[]', '400 invalid-request'],
    ['a text', '"title"', '400 invalid-request'],
    ['null', 'null', '400 invalid-request'],
    ['a number for a text', '{"title":5}', '400 invalid-request'],
    ['an object for a text', '{"title":{"$ne":""}}', '400 invalid-request'],
    ['a field twice, the second one wrong', '{"title":"a","title":5}', '400 invalid-request'],
    ['a prototype', '{"title":"a","__proto__":{"admin":true}}', '400 malformed-body'],
    ['a constructor', '{"title":"a","constructor":{"prototype":{"admin":true}}}', '400 malformed-body'],
    ['a number beyond all', '{"title":1e999}', '400 invalid-request'],
    ['half of it', '{"title":"a"', '400 malformed-body'],
    ['a trailing comma', '{"title":"a",}', '400 malformed-body'],
    ['two values', '{"title":"a"}{"title":"b"}', '400 malformed-body'],
    ['nothing but depth', '['.repeat(60_000), '400 malformed-body'],
    ['depth, well-formed', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, '400 invalid-request'],
    ['depth in a field', `{"title":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`, '400 invalid-request'],
    [
      'a thousand unknown fields',
      JSON.stringify(Object.fromEntries(Array.from({length: 1000}, (_, i) => [i, i]))),
      '400 invalid-request',
    ],
    ['more than 64 KiB', JSON.stringify({title: 'a', description: 'x'.repeat(64 * 1024)}), '413 body-too-large'],
  ])('that is %s is refused', async (_what, body, expected) => {
    const before = (await rows()).length;
    expect(outcome(await post(body))).toBe(expected);
    expect(await rows()).toHaveLength(before);
  });

  test('that is not UTF-8 is kept as replacement characters, never as broken text', async () => {
    const answer = await post(
      Buffer.concat([Buffer.from('{"title":"a'), Buffer.from([0xff, 0xc0, 0xaf]), Buffer.from('"}')]),
    );
    expect(outcome(answer)).toBe('201');
    expect(answer).toContain('"title":"a\uFFFD\uFFFD\uFFFD"');
  });

  test.each([
    ["'; DROP TABLE tasks; --"],
    ["' OR '1'='1"],
    ['Robert"); DELETE FROM tasks WHERE ("1"="1'],
    ['\\'],
    ['%_%'],
    ['a\u0000b'],
    ['${jndi:ldap://127.0.0.1/a}'],
    ['<script>alert(1)</script>'],
    ['\u202Eevil\u0007\u001B[31m'],
  ])('with the text %j keeps it letter by letter', async (title) => {
    const {status, body} = await api.request('POST', '/api/v1/tasks', {body: {title}});
    expect(status).toBe(201);
    expect((await rows()).map((row) => row['title'] as string)).toContain(title);
    expect((await api.request('GET', `/api/v1/tasks/${body.id}`)).body).toMatchObject({title});
  });

  test('that says to be huge is refused by its head, and one that does not say is cut off', async () => {
    const headers = {'content-type': 'application/json'};
    const declared = head('POST', '/api/v1/tasks', {...headers, 'content-length': '1000000000'});
    expect(outcome(await raw(declared))).toBe('413 body-too-large');
    const chunked = head('POST', '/api/v1/tasks', {...headers, 'transfer-encoding': 'chunked'});
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    expect(outcome(await raw(chunked + chunk.repeat(8)))).toBe('413 body-too-large');
  });

  test('that says two lengths is refused: two servers could read two requests in it', async () => {
    const headers = {'content-type': 'application/json', 'content-length': '15', 'transfer-encoding': 'chunked'};
    expect(outcome(await raw(`${head('POST', '/api/v1/tasks', headers)}{"title":"abc"}`))).toBe('400 invalid-request');
  });
});

describe('a head', () => {
  test.each([
    ['one header of 20 KB', {'x-long': 'x'.repeat(20_000)}],
    ['three hundred headers', Object.fromEntries(Array.from({length: 300}, (_, i) => [`x-${i}`, 'x'.repeat(60)]))],
  ])('with %s is refused', async (_what, headers) => {
    expect(outcome(await raw(head('GET', '/api/v1/tasks', headers)))).toBe('431 headers-too-large');
  });

  test.each([
    ['noise', '\u0000\u0001\u0002\r\n\r\n'],
    ['a TLS handshake', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001'],
    ['a head without an end', 'GET /api/v1/tasks HTTP/1.1 HTTP/1.1\r\n\r\n'],
    ['a header with a line break in its name', 'GET /api/v1/tasks HTTP/1.1\r\nHost: a\r\nx y: 1\r\n\r\n'],
  ])('that is %s is refused', async (_what, bytes) => {
    expect(outcome(await raw(bytes))).toBe('400 invalid-request');
  });

  test('that never ends is cut off, and holds nobody up meanwhile', async () => {
    const slow = Array.from({length: 200}, () => raw('GET /api/v1/tasks HTTP/1.1\r\nHost: a\r\nX-'));
    expect((await api.request('GET', '/api/v1/tasks')).status).toBe(200);
    expect(new Set((await Promise.all(slow)).map(outcome))).toEqual(new Set(['408 request-timeout']));
  });

  test('from clients that hang up before the answer leaves nothing behind, however many there are', async () => {
    // More than may be under way at once.
    for (let i = 0; i < 300; i++) {
      const socket = open();
      const answer = raw(head('GET', '/api/v1/tasks?limit=1'), socket);
      socket.end();
      expect(['none', '200']).toContain(outcome(await answer));
    }
    expect((await api.request('GET', '/api/v1/tasks')).status).toBe(200);
    expect(await api.metrics()).toMatch(/^mysql_pool_connections\{state="used"\} 0$/m);
  });
});

describe('what somebody changed on its way', () => {
  test('is refused: a cursor', async () => {
    for (const title of ['a', 'b']) await api.request('POST', '/api/v1/tasks', {body: {title}});
    const cursor = (await api.request('GET', '/api/v1/tasks?limit=1')).body.nextCursor ?? '';
    expect(cursor).not.toBe('');
    const swapped = `${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`;
    for (const changed of [swapped, cursor.slice(0, -4), `${cursor}A`, "' OR 1=1 --", '\u0000']) {
      const answer = await api.request('GET', `/api/v1/tasks?limit=1&cursor=${encodeURIComponent(changed)}`);
      expect([changed, answer.status, answer.body.code]).toEqual([changed, 400, 'invalid-cursor']);
    }
  });

  test('is refused: a token, however like the right one', async () => {
    const {token} = setting;
    const changed = [token.slice(0, -1), `${token}A`, token.toUpperCase(), Array.from(token).reverse().join('')];
    for (const presented of changed) {
      const answer = await api.request('GET', '/api/v1/tasks', {token: presented});
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
    }
    for (const authorization of ['Basic dGVzdHM6dGVzdHM=', 'Bearer', `Bearer ${token} ${token}`, `Token ${token}`]) {
      const answer = await api.request('GET', '/api/v1/tasks', {token: undefined, headers: {authorization}});
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
    }
  });
});
