import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import type {RowDataPacket} from 'mysql2/promise';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, createTask, eventually, type Answer, type ApiProcess} from './support.ts';

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

/** Every title in the database, read page by page through the API. */
async function titles(api: ApiProcess): Promise<readonly string[]> {
  const found: string[] = [];
  let query = '?limit=100';
  for (;;) {
    const {body} = await api.request('GET', `/api/v1/tasks${query}`);
    found.push(...body.items.map(({title}) => title));
    if (body.nextCursor === null) return found;
    query = `?limit=100&cursor=${body.nextCursor}`;
  }
}

describe('a database killed under writes', () => {
  test('costs 503s while it is away, no 5xx after, and no acknowledged task', async () => {
    const api = await setting.up();
    const acknowledged: string[] = [];
    const refused: Answer[] = [];
    let serving = true;
    const writers = Array.from({length: 8}, async (_, writer) => {
      for (let i = 0; serving; i++) {
        const title = `${writer}/${i}`;
        const answer = await createTask(api, title);
        if (answer.status === 201) acknowledged.push(title);
        else refused.push(answer);
      }
    });
    await eventually('some tasks', () => acknowledged.length > 50 || undefined);
    await mysql.kill9();
    await eventually('the outage to show', () => refused.length > 20 || undefined);
    const beforeOutageEnds = acknowledged.length;
    await mysql.restart();
    await eventually('the first task after it', () => acknowledged.length > beforeOutageEnds || undefined);
    const refusedInOutage = refused.length;
    await eventually('many tasks after it', () => acknowledged.length > beforeOutageEnds + 500 || undefined);
    serving = false;
    await Promise.all(writers);

    expect(new Set(refused.map(({status}) => status))).toEqual(new Set([503]));
    expect(refused.every(({headers}) => headers.has('retry-after'))).toBe(true);
    // The writers whose request was on its way when the first one succeeded may still have met the outage.
    expect(refused.length - refusedInOutage).toBeLessThan(writers.length);
    const kept = new Set(await titles(api));
    expect(acknowledged.filter((title) => !kept.has(title))).toEqual([]);
  });

  test('makes the pod unready after three misses, and ready after one answer', async () => {
    const api = await setting.up({READINESS_INTERVAL_SECONDS: '0.4'});
    await mysql.kill9();
    // Requests fail at once, while the probe still forgives.
    expect((await createTask(api, 'refused')).status).toBe(503);
    expect(await api.isReady()).toBe(true);
    await eventually('the pod to be unready', async () => !(await api.isReady()) || undefined);
    expect((await fetch(api.url('/health/live'))).status).toBe(200);
    await mysql.restart();
    await eventually('the pod to be ready', async () => (await api.isReady()) || undefined);
    expect((await createTask(api, 'served')).status).toBe(201);
  });

  test('that hangs is answered with 503 in bounded time, and is left as soon as it is back', async () => {
    const api = await setting.up();
    expect((await createTask(api, 'before')).status).toBe(201);
    mysql.signal('SIGSTOP');
    const answers = await Promise.all(['a', 'b', 'c'].map((title) => createTask(api, title)));
    expect(answers.map(({status, body}) => [status, body.code])).toEqual(Array(3).fill([503, 'database-unavailable']));
    await eventually('the pod to be unready', async () => !(await api.isReady()) || undefined);
    mysql.signal('SIGCONT');
    await eventually('the pod to be ready', async () => (await api.isReady()) || undefined);
    expect((await createTask(api, 'after')).status).toBe(201);
  });

  test('that isn’t there at the start keeps the pod unready, and alive', async () => {
    const first = await setting.up();
    await first.kill9();
    await mysql.kill9();
    const api = await setting.start().listening();
    expect(await api.isReady()).toBe(false);
    expect((await fetch(api.url('/health/live'))).status).toBe(200);
    await mysql.restart();
    await api.ready();
    expect((await createTask(api, 'served')).status).toBe(201);
  });
});

/** How many creations were answered with 503. */
async function shedBy(api: ApiProcess): Promise<number> {
  const line = /^http_requests_total\{method="POST",route="\/api\/v1\/tasks",status="503"\} (\d+)$/m;
  return Number(line.exec(await api.metrics())?.[1] ?? 0);
}

describe('more work than the pool takes', () => {
  test('is shed with 503 and Retry-After, while the pod stays ready and recovers by itself', async () => {
    const api = await setting.up({DB_POOL_SIZE: '3'});
    const blocker = await mysql.connect(setting.database.database);
    await blocker.query('LOCK TABLES tasks WRITE');
    // Two connections, twenty places in the queue: of sixty at once, at least thirty-eight find no place.
    const answers = Array.from({length: 60}, (_, i) => createTask(api, `shed ${i}`));
    await eventually('the shedding to show', async () => (await shedBy(api)) >= 38 || undefined);
    expect(await api.isReady()).toBe(true);
    expect(await api.metrics()).toMatch(/^mysql_pool_connections\{state="used"\} 2$/m);
    await blocker.query('UNLOCK TABLES');
    const settled = await Promise.all(answers);
    const shed = settled.filter(({status}) => status === 503);
    expect(shed.length).toBeGreaterThanOrEqual(38);
    expect(shed.every(({headers, body}) => headers.get('retry-after') === '1' && body.code === 'overloaded')).toBe(
      true,
    );
    expect(settled.filter(({status}) => status === 201)).toHaveLength(60 - shed.length);
    expect(await api.isReady()).toBe(true);
    expect((await createTask(api, 'afterwards')).status).toBe(201);
    const [sessions] = await blocker.query<RowDataPacket[]>(
      'SELECT COUNT(*) AS n FROM performance_schema.processlist WHERE db = ? AND user <> ?',
      [setting.database.database, mysql.rootUser],
    );
    expect(Number(sessions[0]?.['n'])).toBeLessThanOrEqual(3);
    await blocker.end();
  });

  test('given up in the middle of a transaction leaves nothing of it behind', async () => {
    const api = await setting.up({DB_POOL_SIZE: '2'});
    const post = (title: string): Promise<Answer> =>
      api.request('POST', '/api/v1/tasks', {body: {title}, headers: {'idempotency-key': 'given-up'}});
    const blocker = await mysql.connect(setting.database.database);
    await blocker.query('LOCK TABLES tasks WRITE');
    expect((await post('given up')).status).toBe(503);
    await blocker.end();
    // Had the connection been used again, its next transaction would have committed this one's key and task.
    expect((await post('another body')).status).toBe(201);
    expect(await titles(api)).toEqual(['another body']);
  });

  test('of the server itself, with no connection to spare, is shed too', async () => {
    const api = await setting.up();
    const root = await mysql.connect();
    await root.query(`ALTER USER '${setting.database.user}'@'%' WITH MAX_USER_CONNECTIONS 2`);
    await root.query(`USE ${setting.database.database}`);
    await root.query('LOCK TABLES tasks WRITE');
    const sent = Array.from({length: 10}, (_, i) => createTask(api, `limited ${i}`));
    // Two connections may be open already, and two more are allowed; they wait for the table.
    await eventually('the shedding to show', async () => (await shedBy(api)) >= 6 || undefined);
    await root.end();
    const answers = await Promise.all(sent);
    const refused = answers.filter(({status}) => status !== 201);
    expect(new Set(refused.map(({status, body}) => `${status} ${body.code}`))).toEqual(new Set(['503 overloaded']));
    expect(await api.isReady()).toBe(true);
  });
});

describe('a rotated password', () => {
  test('is read for each new connection, without a restart', async () => {
    const api = await setting.up();
    expect((await createTask(api, 'old password')).status).toBe(201);
    const root = await mysql.connect();
    const {user} = setting.database;
    await root.query(`ALTER USER '${user}'@'%' IDENTIFIED BY 'rotated-0123456789'`);
    await writeFile(join(setting.folder, 'password'), 'rotated-0123456789\n');
    const [sessions] = await root.query<RowDataPacket[]>(
      'SELECT id FROM performance_schema.processlist WHERE user = ?',
      [user],
    );
    for (const {id} of sessions) await root.query('KILL ?', [id]);
    await root.end();
    await eventually(
      'a task with the new password',
      async () => (await createTask(api, 'new')).status === 201 || undefined,
    );
    await eventually('the pod to be ready', async () => (await api.isReady()) || undefined);
    expect(api.log).not.toContain('rotated-0123456789');
  });
});
