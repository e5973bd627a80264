import {mkdtemp, rm} from 'node:fs/promises';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {afterAll, beforeAll, expect, jest, test} from '@jest/globals';
import {bundle, PROGRAMS} from '../../../hack/bundle.ts';
import {Limits} from '../../bench/api/limits.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, eventually, type AnswerBody, type ApiProcess} from './support.ts';

jest.setTimeout(180_000);

/** The memory of a pod in the guide's baseline; its CPU is not what this is about. */
const BYTES = 128 * 2 ** 20;
const MILLICORES = 1000;
/** As many as the service takes at once. */
const CLIENTS = 200;
const TASKS = 120;

let folder: string;
let mysql: Mysqld;
let limits: Limits;
let setting: ApiSetting;
let api: ApiProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'api-memory-'));
  await bundle(PROGRAMS.api, folder);
  mysql = await startMysqld();
  limits = await Limits.create(MILLICORES, BYTES);
  // Nobody is refused because this machine is busy: it is memory that is short here.
  const env = {MAX_EVENT_LOOP_DELAY_SECONDS: '0'};
  setting = await ApiSetting.create(mysql, env, [...limits.wrapper, process.execPath, join(folder, 'server.mjs')]);
  api = await setting.up();
  const root = await mysql.connect(setting.database.database);
  // The longest descriptions there can be, in bytes of the database and of JSON: a hundred of them are five megabytes.
  await root.query(
    `INSERT INTO tasks (id, title, description, status, created_at, updated_at, version)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${TASKS})
     SELECT CONCAT('01900000-', LPAD(LOWER(HEX(i)), 4, '0'), '-7000-8000-000000000000'), CONCAT('Task ', i),
       REPEAT(IF(i % 2 = 0, '🛠', CHAR(1 USING utf8mb4)), 10000), 'open', '2026-01-01', '2026-01-01', 1 FROM n`,
  );
  await root.end();
});

afterAll(async () => {
  await setting.close();
  await limits.remove();
  await mysql.stop();
  await rm(folder, {recursive: true});
});

/** Asks for the largest page and reads it after a while; gives the status, or what broke the connection. */
async function ask(readAfterMs: number): Promise<string> {
  const socket = connect({port: Number(api.logged('port')), host: '127.0.0.1'});
  let begin = '';
  let failure = '';
  socket.on('data', (data) => {
    if (begin.length < 20) begin += data.toString('latin1');
  });
  socket.on('error', (error) => (failure = error.message));
  const lines = ['GET /api/v1/tasks?limit=100 HTTP/1.1', 'host: a', `authorization: Bearer ${setting.token}`];
  socket.write(`${[...lines, 'connection: close'].join('\r\n')}\r\n\r\n`);
  socket.pause();
  await delay(readAfterMs);
  await new Promise((resolve) => socket.once('close', resolve).resume());
  return /^HTTP\/1\.1 (\d+)/.exec(begin)?.[1] ?? failure;
}

test('the largest tasks, listed by two hundred clients who read late, fit into the memory of a pod', async () => {
  const seen = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({length: CLIENTS}, () => ask(1000)));
    expect(answers).toContain('200');
    for (const status of answers) seen.add(status);
  }
  // Who had to wait too long for a connection to the database was told so. Nobody lost its connection.
  expect([...seen].filter((status) => status !== '200' && status !== '503')).toEqual([]);
  expect(api.running).toBe(true);
});

/** All items of a list, page after page, of which none is large. */
async function everyPage(path: string): Promise<{readonly items: AnswerBody['items']; readonly pages: number}> {
  const items: AnswerBody['items'][number][] = [];
  for (let pages = 1, cursor = ''; ; pages++) {
    const {body} = await api.request('GET', `${path}${cursor}`);
    expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThan(300 * 1024);
    items.push(...body.items);
    if (body.nextCursor === null) return {items, pages};
    cursor = `&cursor=${body.nextCursor}`;
  }
}

test('a list of them is whole, in more pages', async () => {
  const {items, pages} = await everyPage('/api/v1/tasks?limit=100');
  expect(items.map(({title}) => title)).toEqual(Array.from({length: TASKS}, (_, i) => `Task ${i}`));
  expect(pages).toBeGreaterThan(TASKS / 10);
});

test('a history of long changes too', async () => {
  const {items: tasks} = await everyPage('/api/v1/tasks?limit=100');
  const id = tasks.at(-1)?.id ?? '';
  const root = await mysql.connect(setting.database.database);
  // As much as the history keeps of two texts, before and after, each character six in JSON.
  await root.query(
    `INSERT INTO task_history (task_id, version, changed_at, principal, action, changes)
     WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
     SELECT ?, i, '2026-01-01', 'tests', 'updated', JSON_ARRAY(JSON_OBJECT('field', 'description',
       'from', REPEAT(CHAR(1 USING utf8mb4), 400), 'to', REPEAT(CHAR(2 USING utf8mb4), 400))) FROM n`,
    [id],
  );
  await root.end();
  const {items, pages} = await everyPage(`/api/v1/tasks/${id}/history?limit=100`);
  expect(items.map(({version}) => version)).toEqual(Array.from({length: 200}, (_, i) => 200 - i));
  expect(pages).toBeGreaterThan(2);
});

test('deleted ones too', async () => {
  const {body: first} = await api.request('GET', '/api/v1/tasks?limit=20');
  const ids = first.items.map(({id}) => id);
  for (const id of ids) {
    expect((await api.request('DELETE', `/api/v1/tasks/${id}`, {headers: {'if-match': '*'}})).status).toBe(204);
  }
  const {items} = await everyPage('/api/v1/tasks?deleted=true&limit=3');
  expect(items.map(({id}) => id).sort()).toEqual([...ids].sort());
});

/** Sends the largest body there may be but for its end, and that when all others have come so far; gives what was answered. */
async function askForMany(body: Buffer, together: Promise<unknown>): Promise<string> {
  const socket = connect({port: Number(api.logged('port')), host: '127.0.0.1'});
  let answer = '';
  let failure = '';
  socket.on('data', (data) => (answer += data.toString('latin1')));
  socket.on('error', (error) => (failure = error.message));
  const lines = ['POST /api/v1/tasks/bulk HTTP/1.1', 'host: a', `authorization: Bearer ${setting.token}`];
  lines.push('content-type: application/json', `content-length: ${body.length}`, 'connection: close');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  socket.write(body.subarray(0, -1));
  await Promise.race([together, closed]);
  socket.write(body.subarray(-1));
  await closed;
  return /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? failure;
}

test('two hundred clients who each create as many tasks as one request may, all at once, fit too', async () => {
  const tasks = Array.from({length: 13}, () => ({title: 'Long', description: '🛠'.repeat(9950)}));
  const body = Buffer.from(JSON.stringify({tasks}));
  expect(body.length).toBeGreaterThan(500 * 1024);
  const answers = await Promise.all(Array.from({length: CLIENTS}, () => askForMany(body, delay(3000))));
  const made = answers.filter((status) => status === '201').length;
  expect(made).toBeGreaterThan(0);
  expect(answers.filter((status) => status !== '201' && status !== '503')).toEqual([]);
  expect(api.running).toBe(true);
  const root = await mysql.connect(setting.database.database);
  const [rows] = await root.query("SELECT COUNT(*) AS count FROM tasks WHERE title = 'Long'");
  await root.end();
  expect(rows).toEqual([{count: made * tasks.length}]);
  // What they had is free again, of those too who were refused.
  expect((await api.request('POST', '/api/v1/tasks/bulk', {body: {tasks}})).status).toBe(201);
});

test('the process has only those parts of Node.js in memory that it uses', async () => {
  // Two of them would share the memory of one.
  api.signal('SIGKILL');
  await api.exited;
  const preload = 'process.on("SIGWINCH", () => console.log(JSON.stringify({modules: process.moduleLoadList})));';
  const observed = await setting
    .start({NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}`})
    .ready();
  expect((await observed.request('GET', '/api/v1/tasks?limit=1')).status).toBe(200);
  observed.signal('SIGWINCH');
  const modules = await eventually('the list of modules', () => observed.logged('modules') as string[] | undefined);
  expect(modules).toContain('NativeModule http');
  expect(modules.filter((name) => /undici|http2/.test(name))).toEqual([]);
});
