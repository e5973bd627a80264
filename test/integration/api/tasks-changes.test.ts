import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {HoldingProxy} from './holding-proxy.ts';
import {ApiSetting, eventually, type Answer, type AnswerBody, type ApiProcess, type RequestOptions} from './support.ts';

jest.setTimeout(60_000);

const MISSING = '/api/v1/tasks/017f22e2-79b0-7cc3-98c4-dc0c0c07398f';

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

async function create(body: object, on = api): Promise<AnswerBody> {
  const answer = await on.request('POST', '/api/v1/tasks', {body});
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
  return answer.body;
}

function pathOf({id}: {readonly id: string}): string {
  return `/api/v1/tasks/${id}`;
}

function patch(task: {readonly id: string}, body: object, options: RequestOptions = {}): Promise<Answer> {
  return api.request('PATCH', pathOf(task), {body, ...options});
}

async function historyOf(task: {readonly id: string}, query = ''): Promise<AnswerBody> {
  const answer = await api.request('GET', `${pathOf(task)}/history${query}`);
  expect(answer.status).toBe(200);
  return answer.body;
}

async function count(sql: string, values: readonly string[] = []): Promise<number> {
  const [rows] = await root.query<RowDataPacket[]>(sql, [...values]);
  return Number(rows[0]?.['n']);
}

const FULL = {
  title: 'Grease the pump',
  description: 'Both bearings.',
  priority: 'high',
  dueAt: '2026-03-01T09:00:00+01:00',
  assignee: 'Zoë',
  labels: ['pump', 'area-3'],
  recurrence: {rule: 'FREQ=MONTHLY', timeZone: 'Europe/Paris'},
};

describe('fields', () => {
  test('are kept as they were answered; times in UTC, labels in order', async () => {
    const created = await create(FULL);
    expect(created).toMatchObject({
      ...FULL,
      dueAt: '2026-03-01T08:00:00.000Z',
      labels: ['area-3', 'pump'],
      status: 'open',
      completedAt: null,
      next: null,
    });
    expect((await api.request('GET', pathOf(created))).body).toEqual(created);
  });

  test('are taken away by null, and labels by an empty set', async () => {
    const created = await create(FULL);
    const bare = {dueAt: null, assignee: null, labels: [], recurrence: null};
    const {body} = await patch(created, bare);
    expect(body).toMatchObject({...bare, version: 2});
    expect((await api.request('GET', pathOf(created))).body).toEqual(body);
    expect(await count('SELECT COUNT(*) AS n FROM task_labels WHERE task_id = ?', [created.id])).toBe(0);
  });

  test.each([
    [{dueAt: '2026-02-30T00:00:00Z'}, '/dueAt'],
    [{dueAt: '2026-01-01T00:00:00'}, '/dueAt'],
    [{dueAt: '1969-12-31T23:59:59Z'}, '/dueAt'],
    [{dueAt: '2026-06-30T23:59:60Z'}, '/dueAt'],
    [{priority: 'highest'}, '/priority'],
    [{labels: ['a', 'a']}, '/labels'],
    [{labels: ['Pump']}, '/labels/0'],
    [{labels: Array.from({length: 11}, (_, i) => `l${i}`)}, '/labels'],
    [{assignee: ' '}, '/assignee'],
    [{status: 'cancelled'}, '/status'],
    [{recurrence: {rule: 'every day', timeZone: 'Europe/Paris'}}, '/recurrence/rule'],
  ])('%j are refused, naming the field', async (fields, pointer) => {
    const answer = await api.request('POST', '/api/v1/tasks', {body: {title: 'refused', ...fields}});
    expect([answer.status, answer.body]).toMatchObject([
      400,
      {code: 'invalid-request', errors: expect.arrayContaining([expect.objectContaining({pointer})])},
    ]);
  });

  test.each([
    [{recurrence: {rule: 'FREQ=DAILY', timeZone: 'Europe/Paris'}}, '/dueAt'],
    [{dueAt: FULL.dueAt, recurrence: {rule: 'FREQ=HOURLY', timeZone: 'Europe/Paris'}}, '/recurrence/rule'],
    [{dueAt: FULL.dueAt, recurrence: {rule: 'FREQ=DAILY', timeZone: 'Mars/Olympus'}}, '/recurrence/timeZone'],
    [{dueAt: FULL.dueAt, recurrence: {rule: 'FREQ=DAILY;COUNT=1001', timeZone: 'UTC'}}, '/recurrence/rule'],
  ])('%j can not be followed, and the field is named', async (fields, pointer) => {
    const created = await create({title: 'not repeating'});
    for (const answer of [
      await api.request('POST', '/api/v1/tasks', {body: {title: 'refused', ...fields}}),
      await api.request('PATCH', pathOf(created), {body: fields}),
    ]) {
      expect([answer.status, answer.body]).toMatchObject([422, {code: 'recurrence-refused', errors: [{pointer}]}]);
    }
  });

  test('a patch that changes nothing makes no version and no line in the history', async () => {
    const created = await create(FULL);
    const {body, status} = await patch(created, {title: FULL.title, dueAt: FULL.dueAt, labels: ['area-3', 'pump']});
    expect([status, body]).toEqual([200, created]);
    expect((await historyOf(created)).items).toHaveLength(1);
  });
});

describe('the status', () => {
  test('goes only where it may, and a refusal says where that is', async () => {
    const task = await create({title: 'transitions'});
    const done = await patch(task, {status: 'done'});
    expect(done.body.completedAt).toBe(done.body.updatedAt);
    const refused = await patch(task, {status: 'in_progress'});
    expect([refused.status, refused.body]).toMatchObject([
      409,
      {code: 'transition-refused', from: 'done', to: 'in_progress', allowed: ['open']},
    ]);
    expect((await patch(task, {status: 'open'})).body).toMatchObject({status: 'open', completedAt: null});
    expect((await patch(task, {status: 'cancelled'})).body).toMatchObject({status: 'cancelled', completedAt: null});
    expect((await api.request('GET', pathOf(task))).body.status).toBe('cancelled');
    expect((await patch(task, {status: 'done'})).status).toBe(409);
    expect((await patch(task, {status: 'open'})).status).toBe(200);
  });
});

describe('the history', () => {
  test('has who changed what, when, from what to what, the newest first and page by page', async () => {
    const task = await create({title: 'first', labels: ['a']});
    await patch(task, {title: 'second', priority: 'urgent'});
    await patch(task, {labels: ['b'], description: '🔧'.repeat(300)});
    await api.request('DELETE', pathOf(task));
    await api.request('POST', `${pathOf(task)}/restore`);
    const {items, nextCursor} = await historyOf(task);
    expect(nextCursor).toBeNull();
    expect(items.map(({version, action, by}) => [version, action, by])).toEqual([
      [5, 'restored', 'tests'],
      [4, 'deleted', 'tests'],
      [3, 'updated', 'tests'],
      [2, 'updated', 'tests'],
      [1, 'created', 'tests'],
    ]);
    expect(items[2]?.changes).toEqual([
      {field: 'description', from: '', to: `${'🔧'.repeat(200)}…`},
      {field: 'labels', from: ['a'], to: ['b']},
    ]);
    expect(items[3]?.changes).toEqual([
      {field: 'title', from: 'first', to: 'second'},
      {field: 'priority', from: 'normal', to: 'urgent'},
    ]);
    expect(items.at(-1)?.at).toBe(task.createdAt);

    const paged: unknown[] = [];
    let query = '?limit=2';
    for (;;) {
      const page = await historyOf(task, query);
      expect(page.items.length).toBeLessThanOrEqual(2);
      paged.push(...page.items);
      if (page.nextCursor === null) break;
      query = `?limit=2&cursor=${page.nextCursor}`;
    }
    expect(paged).toEqual(items);
    const other = await create({title: 'other'});
    const stolen = await api.request('GET', `${pathOf(other)}/history${query}`);
    expect([stolen.status, stolen.body.code]).toEqual([400, 'cursor-mismatch']);
    expect((await api.request('GET', `${MISSING}/history`)).status).toBe(404);
  });

  test('has a line for each version, whatever changes come at once', async () => {
    const task = await create({title: 'raced'});
    await Promise.all(Array.from({length: 12}, (_, i) => patch(task, {description: `change ${i}`})));
    const {items} = await historyOf(task);
    expect(items.map(({version}) => version)).toEqual(Array.from({length: 13}, (_, i) => 13 - i));
    // Each change begins where the one before it ended: none was lost.
    const described = items.flatMap(({changes}) => changes);
    for (const [i, {from}] of described.slice(0, -1).entries()) expect(from).toBe(described[i + 1]?.to);
  });
});

describe('a deleted task', () => {
  test('is gone, is listed among the deleted, and comes back as it was', async () => {
    const task = await create({...FULL, title: 'Œuvre 🔧 "quoted" \u0000 end'});
    expect((await api.request('DELETE', pathOf(task), {headers: {'if-match': '"1"'}})).status).toBe(204);
    for (const method of ['GET', 'DELETE']) expect((await api.request(method, pathOf(task))).status).toBe(404);
    const listed = (await api.request('GET', '/api/v1/tasks?deleted=true&limit=1')).body.items;
    expect(listed).toEqual([{...task, version: 2, deletedAt: expect.any(String)}]);
    const all = (await api.request('GET', '/api/v1/tasks?limit=100')).body.items;
    expect(all.map(({id}) => id)).not.toContain(task.id);

    const restore = (headers = {}): Promise<Answer> => api.request('POST', `${pathOf(task)}/restore`, {headers});
    expect((await restore({'if-match': '"1"'})).status).toBe(412);
    const restored = await restore({'if-match': '"2"'});
    expect([restored.status, restored.headers.get('etag')]).toEqual([200, '"3"']);
    expect(restored.body).toEqual({...task, version: 3, updatedAt: expect.any(String)});
    expect((await api.request('GET', pathOf(task))).body).toEqual(restored.body);
    const labelled = (await api.request('GET', '/api/v1/tasks?label=area-3&limit=100')).body.items;
    expect(labelled.map(({id}) => id)).toContain(task.id);
    expect((await restore()).body).toEqual(restored.body);
    expect((await api.request('POST', `${MISSING}/restore`)).status).toBe(404);
  });

  test('restored by ten requests at once comes back once', async () => {
    const task = await create({title: 'restored at once', labels: ['once']});
    await api.request('DELETE', pathOf(task));
    const answers = await Promise.all(Array.from({length: 10}, () => api.request('POST', `${pathOf(task)}/restore`)));
    expect(new Set(answers.map(({status, body}) => `${status} ${body.version}`))).toEqual(new Set(['200 3']));
    expect((await historyOf(task)).items).toHaveLength(3);
  });

  test('is listed by the time of its deletion, page by page', async () => {
    const deleted: string[] = [];
    for (let i = 0; i < 5; i++) {
      const task = await create({title: `deleted ${i}`});
      await api.request('DELETE', pathOf(task));
      deleted.unshift(task.id);
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null && seen.length < 5) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const {body} = await api.request('GET', `/api/v1/tasks?deleted=true&limit=2${query}`);
      seen.push(...body.items.map(({id}) => id));
      cursor = body.nextCursor;
    }
    expect(seen.slice(0, 5)).toEqual(deleted);
  });
});

describe('a task that repeats', () => {
  const daily = {dueAt: '2199-03-30T01:30:00+01:00', recurrence: {rule: 'FREQ=DAILY', timeZone: 'Europe/Paris'}};

  test('makes the next one when it is completed, with all that it has', async () => {
    const task = await create({...FULL, ...daily});
    const done = await patch(task, {status: 'done'});
    const {body: next} = await api.request('GET', `/api/v1/tasks/${String(done.body.next)}`);
    expect(next).toMatchObject({
      ...FULL,
      labels: ['area-3', 'pump'],
      recurrence: daily.recurrence,
      status: 'open',
      version: 1,
      dueAt: '2199-03-31T00:30:00.000Z',
    });
    expect((await historyOf(next)).items).toMatchObject([{action: 'created', by: 'tests'}]);
  });

  test('completed by ten requests at once, and again after it was opened, makes one', async () => {
    const title = 'completed at once';
    const task = await create({title, ...daily});
    const answers = await Promise.all(Array.from({length: 10}, () => patch(task, {status: 'done'})));
    expect(new Set(answers.map(({status, body}) => `${status} ${String(body.next)}`)).size).toBe(1);
    expect(answers[0]?.body.next).toEqual(expect.any(String));
    await patch(task, {status: 'open'});
    expect((await patch(task, {status: 'done'})).body.next).toBe(answers[0]?.body.next);
    expect(await count('SELECT COUNT(*) AS n FROM tasks WHERE title = ?', [title])).toBe(2);
  });

  test('completed by a process that is killed before its answer makes one', async () => {
    const title = 'completed and killed';
    const task = await create({title, ...daily});
    const proxy = await HoldingProxy.start(setting.database.port);
    const victim = await setting.start({DB_PORT: String(proxy.port)}).ready();
    proxy.holdRepliesTo('COMMIT');
    const lost = victim.request('PATCH', pathOf(task), {body: {status: 'done'}}).then(
      () => 'answered',
      () => 'lost',
    );
    await proxy.held;
    await eventually('the commit', async () => {
      return (await count('SELECT COUNT(*) AS n FROM tasks WHERE title = ?', [title])) === 2 || undefined;
    });
    await victim.kill9();
    expect(await lost).toBe('lost');
    await proxy.stop();
    const again = await patch(task, {status: 'done'});
    expect(again.body).toMatchObject({status: 'done', next: expect.any(String), version: 2});
    expect(await count('SELECT COUNT(*) AS n FROM tasks WHERE title = ?', [title])).toBe(2);
  });

  test('ends with its count', async () => {
    const recurrence = {rule: 'FREQ=DAILY;COUNT=2', timeZone: 'UTC'};
    const task = await create({title: 'twice', dueAt: daily.dueAt, recurrence});
    const {next} = (await patch(task, {status: 'done'})).body;
    const second = await patch({id: String(next)}, {status: 'done'});
    expect(second.body).toMatchObject({status: 'done', next: null, recurrence: {rule: 'FREQ=DAILY;COUNT=1'}});
  });

  test('keeps its due time while it repeats', async () => {
    const task = await create({title: 'bound', ...daily});
    expect((await patch(task, {dueAt: null})).body).toMatchObject({status: 422, errors: [{pointer: '/dueAt'}]});
    expect((await patch(task, {dueAt: null, recurrence: null})).status).toBe(200);
  });
});

describe('a bulk creation', () => {
  const bulk = (tasks: readonly object[], headers = {}, on = api): Promise<Answer> =>
    on.request('POST', '/api/v1/tasks/bulk', {body: {tasks}, headers});

  test('makes all tasks, in order, as if one by one', async () => {
    const tasks = [FULL, {title: 'plain'}, {title: 'Œuvre "\\" \u0000', status: 'done', labels: ['pump']}];
    const answer = await bulk(tasks);
    expect([answer.status, answer.body.items]).toMatchObject([
      201,
      [{title: FULL.title, dueAt: '2026-03-01T08:00:00.000Z'}, {title: 'plain'}, {status: 'done'}],
    ]);
    for (const task of answer.body.items) expect((await api.request('GET', pathOf(task))).body).toEqual(task);
    const ids = answer.body.items.map(({id}) => id);
    expect(ids).toEqual([...ids].sort());
    const labelled = (await api.request('GET', '/api/v1/tasks?label=pump&limit=100')).body.items.map(({id}) => id);
    expect(labelled).toEqual(expect.arrayContaining([ids[0], ids[2]]));
    expect((await historyOf(answer.body.items[1] ?? {id: ''})).items).toMatchObject([{action: 'created', by: 'tests'}]);
  });

  test('with anything wrong makes none, and names each', async () => {
    const before = await count('SELECT COUNT(*) AS n FROM tasks');
    const shape = await bulk([{title: 'a'}, {title: ''}, {title: 'b', priority: 'most'}]);
    expect([shape.status, shape.body]).toMatchObject([
      400,
      {errors: [{pointer: '/tasks/1/title'}, {pointer: '/tasks/2/priority'}]},
    ]);
    const rule = {rule: 'FREQ=DAILY;COUNT=0', timeZone: 'UTC'};
    const meaning = await bulk([
      {title: 'a', recurrence: rule},
      {title: 'b', recurrence: rule, dueAt: FULL.dueAt},
    ]);
    expect(meaning.body).toMatchObject({
      status: 422,
      code: 'recurrence-refused',
      errors: [{pointer: '/tasks/0/dueAt'}, {pointer: '/tasks/1/recurrence/rule'}],
    });
    expect((await bulk([])).status).toBe(400);
    const many = await bulk(Array.from({length: 101}, () => ({})));
    expect(many.body).toMatchObject({status: 400, errors: [{pointer: '/tasks'}]});
    expect(await count('SELECT COUNT(*) AS n FROM tasks')).toBe(before);
  });

  test('repeated with its key, at once and later, makes the tasks once and has one answer', async () => {
    const tasks = Array.from({length: 100}, (_, i) => ({title: 'bulk once', description: `task ${i}`.repeat(50)}));
    const headers = {'idempotency-key': 'bulk'};
    const answers = await Promise.all(Array.from({length: 8}, () => bulk(tasks, headers)));
    const [first] = answers;
    await patch(first?.body.items[0] ?? {id: ''}, {title: 'changed since'});
    answers.push(await bulk(tasks, headers));
    for (const {status, body} of answers) expect([status, body]).toEqual([201, first?.body]);
    expect(await count("SELECT COUNT(*) AS n FROM tasks WHERE title = 'bulk once'")).toBe(99);
    expect((await bulk([{title: 'another body'}], headers)).body.code).toBe('idempotency-key-reused');
  });

  test('in a process that is killed between the tasks and their labels makes none', async () => {
    const proxy = await HoldingProxy.start(setting.database.port);
    const victim = await setting.start({DB_PORT: String(proxy.port)}).ready();
    proxy.holdRepliesTo('INSERT INTO task_labels');
    const tasks = Array.from({length: 5}, () => ({title: 'bulk killed', labels: ['killed']}));
    const lost = bulk(tasks, {}, victim).then(
      () => 'answered',
      () => 'lost',
    );
    await proxy.held;
    const uncommitted = "SELECT COUNT(*) AS n FROM tasks WHERE title = 'bulk killed'";
    await root.query('SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED');
    expect(await count(uncommitted)).toBe(5);
    await victim.kill9();
    expect(await lost).toBe('lost');
    await proxy.stop();
    await eventually('the tasks to be gone', async () => (await count(uncommitted)) === 0 || undefined);
    await root.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  });
});
