import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {afterAll, expect} from '@jest/globals';
import type {RowDataPacket} from 'mysql2/promise';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {sideBySide} from '../../harness/stories.ts';
import {ApiSetting, createTask, eventually, type ApiProcess} from './support.ts';

/* Clients that send or read too slowly, or half. Each story has a process that takes no more than twenty requests at once. */
const LIMIT = 20;
/** As many slow clients as have a place, and some more: those who look beside them may have had one for a moment. */
const SLOW = LIMIT + 5;
const PATH = '/api/v1/tasks';

let mysql: Mysqld;
let setting: ApiSetting;

afterAll(async () => {
  await setting.close();
  await mysql.stop();
});

async function start(): Promise<ApiProcess> {
  return setting.start({MAX_REQUESTS_IN_FLIGHT: String(LIMIT)}).ready();
}

function head(method: string, path: string, headers: Record<string, string>): string {
  const all = {host: 'a', authorization: `Bearer ${setting.token}`, ...headers};
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A connection of a client that may end its own side first. */
function open(api: ApiProcess): Socket {
  const socket = connect({port: Number(api.logged('port')), host: '127.0.0.1', allowHalfOpen: true});
  // What is sent to a server that has ended the connection fails.
  socket.on('error', () => undefined);
  return socket;
}

/** The status of the answer on a connection, which the server ends; `none` when it ended without one. */
async function statusOn(socket: Socket): Promise<string> {
  let answer = '';
  socket.setEncoding('utf8').on('data', (data: string) => (answer += data));
  socket.once('end', () => socket.destroy());
  await once(socket, 'close');
  return /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'none';
}

/** Waits until a process takes a request again, and sees that nothing of the slow ones is left. */
async function recovered(api: ApiProcess): Promise<void> {
  await eventually('a task', async () => (await createTask(api, 'afterwards')).status === 201 || undefined);
  expect(await api.metrics()).toMatch(/^mysql_pool_connections\{state="used"\} 0$/m);
  // As many as there are places find one at once. A place is free a moment after its answer has come.
  await eventually('all places to be free', async () => {
    const together = await Promise.all(Array.from({length: LIMIT}, () => api.request('GET', `${PATH}?limit=1`)));
    return together.every(({status}) => status === 200) || undefined;
  });
  // Compared as a list, so that a failure shows the lines.
  expect(api.log.split('\n').filter((line) => line.includes('"level":"error"'))).toEqual([]);
}

async function rowsOf(title: string): Promise<number> {
  const connection = await mysql.connect(setting.database.database);
  const [rows] = await connection.query<RowDataPacket[]>('SELECT id FROM tasks WHERE title = ?', [title]);
  await connection.end();
  return rows.length;
}

/** The begin of a request to create a task, and a body that is never whole. */
function beginBody(api: ApiProcess, title: string, headers: Record<string, string> = {}): Socket {
  const socket = open(api);
  const all = {'content-type': 'application/json', 'content-length': '1000', ...headers};
  socket.write(`${head('POST', PATH, all)}{"title":"${title}"`);
  return socket;
}

async function slowBodies(): Promise<void> {
  const api = await start();
  const sockets = Array.from({length: SLOW}, () => beginBody(api, 'slow'));
  const statuses = sockets.map(statusOn);
  const over = new AbortController();
  const dripping = (async () => {
    while (!over.signal.aborted) {
      for (const socket of sockets.filter(({writable}) => writable)) socket.write(' ');
      await delay(200);
    }
  })();
  const shed = await eventually('the next one to be refused', async () => {
    const answer = await createTask(api, 'beside the slow ones');
    return answer.status === 503 ? answer : undefined;
  });
  expect([shed.body.code, shed.headers.get('retry-after')]).toEqual(['overloaded', '1']);
  expect(await api.isReady()).toBe(true);
  // Each that has a place gets half a minute for its request, however steadily its bytes come.
  const seen = await Promise.all(statuses);
  expect(seen.filter((status) => status === '408').length).toBeGreaterThanOrEqual(LIMIT - 1);
  expect(seen.filter((status) => status !== '408' && status !== '503')).toEqual([]);
  over.abort();
  await dripping;
  await recovered(api);
  expect(await rowsOf('slow')).toBe(0);
}

async function strangersBodies(): Promise<void> {
  const api = await start();
  const sockets = Array.from({length: 10 * LIMIT}, () => beginBody(api, 'stranger', {authorization: 'Bearer nobody'}));
  // A stranger is told at the head of the request, and takes nobody's place until its body has come.
  for (const socket of sockets) {
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString('latin1')).toMatch(/^HTTP\/1\.1 401 /);
  }
  await recovered(api);
  for (const socket of sockets) socket.destroy();
  expect(await rowsOf('stranger')).toBe(0);
}

async function halfBodies(): Promise<void> {
  const api = await start();
  for (let i = 0; i < 2 * LIMIT; i++) {
    const socket = beginBody(api, 'half');
    const status = statusOn(socket);
    if (i % 2 === 0) socket.end();
    else socket.destroy();
    expect(['400', 'none']).toContain(await status);
  }
  await recovered(api);
  expect(await rowsOf('half')).toBe(0);
}

async function slowReaders(): Promise<void> {
  const api = await start();
  const large = {title: 'large', labels: ['large'], description: 'x'.repeat(10_000)};
  for (let i = 0; i < 6; i++) {
    const {status} = await api.request('POST', `${PATH}/bulk`, {body: {tasks: Array(5).fill(large)}});
    expect(status).toBe(201);
  }
  const sockets = Array.from({length: SLOW}, () => open(api).pause());
  const another = (): Promise<number> =>
    api.request('GET', `${PATH}?limit=1`).then(
      ({status}) => status,
      () => 0,
    );
  // A page is a quarter of a megabyte. They go on to ask, until that is more than the kernel keeps for who doesn't read.
  await eventually(
    'the next one to be refused',
    async () => {
      for (const socket of sockets) socket.write(head('GET', `${PATH}?label=large&limit=100`, {}));
      if ((await another()) !== 503) return undefined;
      // Not because the database has work to do.
      const isIdle = /^mysql_pool_connections\{state="used"\} 0$/m.test(await api.metrics());
      return (isIdle && (await another()) === 503) || undefined;
    },
    60_000,
  );
  expect(await api.isReady()).toBe(true);
  await eventually('a free place', async () => (await another()) === 200 || undefined, 90_000);
  await recovered(api);
  for (const socket of sockets) socket.destroy();
}

async function brokenText(): Promise<void> {
  const api = await start();
  const ask = (bytes: Buffer): Promise<string> => {
    const socket = open(api);
    const status = statusOn(socket);
    socket.write(bytes);
    return status;
  };
  const close = {connection: 'close'};
  const invalid = Buffer.from([0xff, 0xfe, 0xc0, 0xaf]);
  for (const [path, expected] of [
    [`${PATH}/%ff%fe`, '400'],
    [`${PATH}/%`, '400'],
    [`${PATH}?q=%ff%fe`, '200'],
    [`${PATH}?cursor=%ff`, '400'],
    [`${PATH}/%00`, '404'],
  ] as const) {
    expect([path, await ask(Buffer.from(head('GET', path, close)))]).toEqual([path, expected]);
  }
  const [before = '', after = ''] = head('GET', `${PATH}/HERE`, close).split('HERE');
  expect(await ask(Buffer.concat([Buffer.from(before), invalid, Buffer.from(after)]))).toBe('400');
  const body = '{"title":"key"}';
  const headers = {...close, 'content-type': 'application/json', 'content-length': String(body.length)};
  const [start0 = '', end0 = ''] = head('POST', PATH, {...headers, 'idempotency-key': 'HERE'}).split('HERE');
  expect(await ask(Buffer.concat([Buffer.from(start0), invalid, Buffer.from(end0 + body)]))).toBe('400');
  expect(await rowsOf('key')).toBe(0);
  await recovered(api);
}

sideBySide(
  'the API',
  {
    start: async () => {
      mysql = await startMysqld();
      setting = await ApiSetting.create(mysql);
      await (await setting.up()).kill9();
    },
    timeoutMs: 120_000,
  },
  {
    'sheds while slow bodies take all places, cuts them off, and serves again': slowBodies,
    'gives strangers no place, however slow their bodies': strangersBodies,
    'forgets bodies of which only half comes': halfBodies,
    'sheds while clients that do not read take all places, cuts them off, and serves again': slowReaders,
    'refuses text that is not UTF-8 wherever it has to be text': brokenText,
  },
);
