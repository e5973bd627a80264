import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, type Answer, type ApiProcess} from './support.ts';

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

const request = (method: string, id: string, body?: object): Promise<Answer> =>
  api.request(method, `/api/v1/tasks/${id}`, body === undefined ? {} : {body});

describe('the release before this one, beside it', () => {
  // Its statements, word for word.
  const columns = 'id, title, description, status, created_at, updated_at, version';
  const insert = `INSERT INTO tasks (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`;
  const find = `SELECT ${columns} FROM tasks WHERE id = ?`;
  const list = `SELECT ${columns} FROM tasks WHERE id > ? ORDER BY id LIMIT ?`;
  const update = 'UPDATE tasks SET title = ?, description = ?, status = ?, updated_at = ?, version = ? WHERE id = ?';
  const remove = 'DELETE FROM tasks WHERE id = ?';
  const id = '017f22e2-79b0-7cc3-98c4-dc0c0c073900';
  const then = new Date('2026-01-01T00:00:00.000Z');

  test('writes tasks that this one reads, changes and lists', async () => {
    await root.execute(insert, [id, 'old', '', 'open', then, then, '1']);
    const {body} = await request('GET', id);
    expect(body).toMatchObject({priority: 'normal', dueAt: null, labels: [], recurrence: null, next: null, version: 1});
    expect((await request('PATCH', id, {labels: ['old'], priority: 'low'})).status).toBe(200);
    await root.execute(update, ['older', '', 'done', then, '3', id]);
    const done = (await request('GET', id)).body;
    expect(done).toMatchObject({title: 'older', status: 'done', completedAt: null, labels: ['old'], version: 3});
    expect((await request('GET', `${id}/history`)).body.items).toMatchObject([{version: 2}, {version: 1, by: null}]);
    await root.execute(remove, [id]);
    expect((await request('GET', id)).status).toBe(404);
    const [labels] = await root.execute<RowDataPacket[]>('SELECT * FROM task_labels WHERE task_id = ?', [id]);
    expect(labels).toEqual([]);
  });

  test('reads what this one writes, in the statuses that it knows, and no deleted task', async () => {
    const body = {title: 'Grease the pump', labels: ['pump'], priority: 'high', dueAt: '2026-03-01T09:00:00+01:00'};
    const {body: task} = await api.request('POST', '/api/v1/tasks', {body});
    await request('PATCH', task.id, {status: 'cancelled'});
    const [rows] = await root.execute<RowDataPacket[]>(find, [task.id]);
    expect(rows).toMatchObject([{title: body.title, status: 'done', version: 2}]);
    // Reopened there, it isn't cancelled here.
    await root.execute(update, [task.title, '', 'open', then, '3', task.id]);
    expect((await request('GET', task.id)).body).toMatchObject({status: 'open', version: 3});
    await request('DELETE', task.id);
    const [listed] = await root.execute<RowDataPacket[]>(list, ['', '1000']);
    expect(listed.map((row) => String(row['id']))).not.toContain(task.id);
  });

  test('leaves answers to keys that this one repeats', async () => {
    const old = {id, title: 'kept', description: '', status: 'open', createdAt: then, updatedAt: then, version: 1};
    const hash = 'UNHEX(SHA2(\'[["title","kept"]]\', 256))';
    await root.query(`INSERT INTO idempotency_keys VALUES ('tests', 'from-before', ${hash}, ?, NOW())`, [
      JSON.stringify(old),
    ]);
    const headers = {'idempotency-key': 'from-before'};
    const answer = await api.request('POST', '/api/v1/tasks', {body: {title: 'kept'}, headers});
    expect([answer.status, answer.body]).toMatchObject([201, {id, title: 'kept', priority: 'normal', labels: []}]);
  });
});
