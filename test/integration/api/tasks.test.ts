import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {HoldingProxy} from './holding-proxy.ts';
import {ApiSetting, eventually, type Answer, type ApiProcess} from './support.ts';

jest.setTimeout(60_000);

let mysql: Mysqld;
let setting: ApiSetting;
let api: ApiProcess;
let root: Connection;

beforeAll(async () => {
  mysql = await startMysqld();
  setting = await ApiSetting.create(mysql);
  api = await setting.up();
  root = await mysql.connect(setting.database.database);
});

afterAll(async () => {
  await root.end();
  await setting.close();
  await mysql.stop();
});

async function countTasks(title: string): Promise<number> {
  const [rows] = await root.query<RowDataPacket[]>('SELECT COUNT(*) AS n FROM tasks WHERE title = ?', [title]);
  return Number(rows[0]?.['n']);
}

async function create(title: string): Promise<Answer> {
  return api.request('POST', '/api/v1/tasks', {body: {title}});
}

describe('one task', () => {
  test('is created, read, changed and deleted', async () => {
    const title = 'Œuvre 🔧 "quoted" \u0000 end';
    const created = await api.request('POST', '/api/v1/tasks', {body: {title, description: 'd'}});
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe(`/api/v1/tasks/${created.body.id}`);
    expect(created.headers.get('etag')).toBe('"1"');
    expect(created.body).toMatchObject({title, description: 'd', status: 'open', version: 1});

    const path = created.headers.get('location') ?? '';
    const read = await api.request('GET', path);
    expect(read.status).toBe(200);
    expect(read.body).toEqual(created.body);

    const patched = await api.request('PATCH', path, {body: {status: 'done'}, headers: {'if-match': '"1"'}});
    expect(patched.status).toBe(200);
    expect(patched.headers.get('etag')).toBe('"2"');
    expect(patched.body).toMatchObject({title, description: 'd', status: 'done', version: 2});
    expect((await api.request('GET', path)).body).toEqual(patched.body);

    const stale = await api.request('PATCH', path, {body: {status: 'open'}, headers: {'if-match': '"1"'}});
    expect(stale.status).toBe(412);
    expect(stale.body).toMatchObject({code: 'precondition-failed', status: 412});
    expect(stale.headers.get('etag')).toBe('"2"');
    expect((await api.request('DELETE', path, {headers: {'if-match': '"1"'}})).status).toBe(412);

    expect((await api.request('DELETE', path)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) expect((await api.request(method, path)).status).toBe(404);
    expect((await api.request('PATCH', path, {body: {status: 'open'}})).status).toBe(404);
  });

  test('keeps exactly what was answered, also for text that is not well-formed', async () => {
    const created = await api.request('POST', '/api/v1/tasks', {body: {title: 'lone \ud800 surrogate'}});
    expect(created.status).toBe(201);
    expect((await api.request('GET', `/api/v1/tasks/${created.body.id}`)).body).toEqual(created.body);
  });

  test('of the greatest size is kept whole, with its idempotency key', async () => {
    const body = {title: '🔧'.repeat(200), description: '\u0001'.repeat(10_000)};
    const headers = {'idempotency-key': 'greatest'};
    const created = await api.request('POST', '/api/v1/tasks', {body, headers});
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject(body);
    expect((await api.request('POST', '/api/v1/tasks', {body, headers})).body).toEqual(created.body);
  });
});

describe('the list', () => {
  test('has every task once, in order of creation, page by page', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.push((await create(`listed ${i}`)).body.id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '?limit=3' : `?limit=3&cursor=${cursor}`;
      const page = await api.request('GET', `/api/v1/tasks${query}`);
      expect(page.status).toBe(200);
      expect(page.body.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.body.items.map(({id}: {id: string}) => id));
      cursor = page.body.nextCursor;
      // What is added or deleted between two pages moves no other task in or out.
      if (seen.length === 3) await create('added between pages');
    } while (cursor !== null);
    expect(seen.filter((id) => ids.includes(id))).toEqual(ids);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual([...seen].sort());
  });
});

describe('an idempotency key', () => {
  const post = (key: string, title: string, on = api): Promise<Answer> =>
    on.request('POST', '/api/v1/tasks', {body: {title}, headers: {'idempotency-key': key}});

  test('repeated gives the same answer, even after the task changed', async () => {
    const first = await post('repeat', 'once only');
    await api.request('PATCH', `/api/v1/tasks/${first.body.id}`, {body: {status: 'done'}});
    const second = await post('repeat', 'once only');
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect(await countTasks('once only')).toBe(1);
  });

  test('used for another body is refused and creates nothing', async () => {
    expect((await post('other', 'first body')).status).toBe(201);
    const refused = await post('other', 'second body');
    expect(refused.status).toBe(422);
    expect(refused.body.code).toBe('idempotency-key-reused');
    expect(await countTasks('second body')).toBe(0);
  });

  test('used by thirty requests at once creates one task, and all get its answer', async () => {
    const answers = await Promise.all(Array.from({length: 30}, () => post('concurrent', 'all at once')));
    expect(new Set(answers.map(({status}) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({body}) => body.id)).size).toBe(1);
    expect(await countTasks('all at once')).toBe(1);
  });

  test('survives a process killed between the key and the task', async () => {
    const victim = await setting.start().ready();
    const blocker = await mysql.connect(setting.database.database);
    await blocker.query('LOCK TABLES tasks WRITE');
    const lost = post('killed-before', 'killed before', victim).then(
      () => 'answered',
      () => 'lost',
    );
    await eventually('the task to wait behind the lock', () => waitingForTable());
    await victim.kill9();
    expect(await lost).toBe('lost');
    await blocker.query('UNLOCK TABLES');
    await blocker.end();

    const again = await post('killed-before', 'killed before');
    expect(again.status).toBe(201);
    expect(await countTasks('killed before')).toBe(1);
  });

  test('survives a process killed between the commit and the answer', async () => {
    const proxy = await HoldingProxy.start(setting.database.port);
    const victim = await setting.start({DB_PORT: String(proxy.port)}).ready();
    proxy.holdRepliesTo('COMMIT');
    const lost = post('killed-after', 'killed after', victim).then(
      () => 'answered',
      () => 'lost',
    );
    await proxy.held;
    await eventually('the commit', async () => (await countTasks('killed after')) === 1 || undefined);
    await victim.kill9();
    expect(await lost).toBe('lost');
    await proxy.stop();

    const again = await post('killed-after', 'killed after');
    expect(again.status).toBe(201);
    expect(await countTasks('killed after')).toBe(1);
    expect((await api.request('GET', again.headers.get('location') ?? '')).body).toEqual(again.body);
  });
});

describe('a deadlock', () => {
  test('between requests with one key is run again, and all get one answer', async () => {
    const holder = await mysql.connect(setting.database.database);
    await holder.query('START TRANSACTION');
    const claim = "INSERT INTO idempotency_keys VALUES ('tests', 'deadlock', REPEAT('x', 32), '', NOW())";
    await holder.query(claim);
    const post = (): Promise<Answer> =>
      api.request('POST', '/api/v1/tasks', {body: {title: 'deadlock'}, headers: {'idempotency-key': 'deadlock'}});
    const answers = [post(), post(), post()];
    await eventually('three requests to wait for the key', async () => {
      const [rows] = await root.query<RowDataPacket[]>('SELECT 1 FROM performance_schema.data_lock_waits');
      return rows.length >= 3 || undefined;
    });
    // Rolled back, it lets all three share a lock that each then wants for itself: InnoDB ends all but one of them.
    await holder.query('ROLLBACK');
    await holder.end();
    const settled = await Promise.all(answers);
    expect(settled.map(({status}) => status)).toEqual([201, 201, 201]);
    expect(new Set(settled.map(({body}) => body.id)).size).toBe(1);
    expect(await countTasks('deadlock')).toBe(1);
  });
});

async function waitingForTable(): Promise<true | undefined> {
  const [rows] = await root.query<RowDataPacket[]>(
    "SELECT 1 FROM performance_schema.processlist WHERE db = ? AND state LIKE 'Waiting for table%'",
    [setting.database.database],
  );
  return rows.length > 0 ? true : undefined;
}

describe('changes at the same time', () => {
  test('with If-Match: exactly one of each round wins, and no change is lost', async () => {
    const {body: task} = await create('raced');
    const path = `/api/v1/tasks/${task.id}`;
    const writers = 8;
    const rounds = 5;
    for (let round = 1; round <= rounds; round++) {
      const headers = {'if-match': `"${round}"`};
      const answers = await Promise.all(
        Array.from({length: writers}, (_, i) =>
          api.request('PATCH', path, {body: {description: `${round}/${i}`}, headers}),
        ),
      );
      const winners = answers.filter(({status}) => status === 200);
      expect(winners).toHaveLength(1);
      expect(answers.filter(({status}) => status === 412)).toHaveLength(writers - 1);
      const {body: now} = await api.request('GET', path);
      expect(now).toEqual(winners[0]?.body);
      expect(now.version).toBe(round + 1);
    }
  });

  test('without If-Match: changes of different fields all hold, and each makes a version', async () => {
    const {body: task} = await create('merged');
    const path = `/api/v1/tasks/${task.id}`;
    const bodies = [{title: 'new title'}, {description: 'new description'}, {status: 'in_progress'}];
    const answers = await Promise.all(bodies.map((body) => api.request('PATCH', path, {body})));
    expect(answers.map(({status}) => status)).toEqual([200, 200, 200]);
    expect(answers.map(({body}) => body.version).sort()).toEqual([2, 3, 4]);
    const {body: now} = await api.request('GET', path);
    expect(now).toMatchObject({...bodies[0], ...bodies[1], ...bodies[2], version: 4});
  });
});
