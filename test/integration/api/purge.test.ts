import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, createTask, eventually, type ApiProcess} from './support.ts';

jest.setTimeout(60_000);

const DAYS = 90;

let mysql: Mysqld;
let setting: ApiSetting;
let root: Connection;

beforeAll(async () => {
  mysql = await startMysqld();
});
afterAll(() => mysql.stop());
beforeEach(async () => {
  setting = await ApiSetting.create(mysql);
  root = await mysql.connect(setting.database.database);
});
afterEach(async () => {
  await root.end();
  await setting.close();
});

async function ids(sql: string): Promise<ReadonlySet<string>> {
  const [rows] = await root.query<RowDataPacket[]>(sql);
  return new Set(rows.map(({id}) => String(id)));
}
const deleted = (): Promise<ReadonlySet<string>> => ids('SELECT id FROM deleted_tasks');
const histories = (): Promise<ReadonlySet<string>> => ids('SELECT task_id AS id FROM task_history');

/** Deletes a new task, some days ago. */
async function deletedBefore(api: ApiProcess, days: number): Promise<string> {
  const {id} = (await createTask(api, `deleted ${days} days ago`)).body;
  expect((await api.request('DELETE', `/api/v1/tasks/${id}`)).status).toBe(204);
  await root.query('UPDATE deleted_tasks SET deleted_at = UTC_TIMESTAMP(3) - INTERVAL ? DAY WHERE id = ?', [days, id]);
  return id;
}

describe('a deleted task', () => {
  test('is purged with its history when its time is over, by several processes at once, and no other is', async () => {
    const api = await setting.up();
    const kept = await deletedBefore(api, DAYS - 1);
    const old: string[] = [];
    // More than two steps of it.
    for (let i = 0; i < 50; i++) old.push(await deletedBefore(api, DAYS + 1 + (i % 7)));
    const {id: alive} = (await createTask(api, 'alive')).body;
    await api.request('PATCH', `/api/v1/tasks/${alive}`, {body: {title: 'changed'}});
    expect((await deleted()).size).toBe(51);

    const pods = [setting.start(), setting.start(), setting.start()];
    await eventually('the old ones to be gone', async () => (await deleted()).size === 1 || undefined);
    expect(await deleted()).toEqual(new Set([kept]));
    expect(await histories()).toEqual(new Set([kept, alive]));
    for (const id of [old[0], old[49]]) {
      expect((await api.request('GET', `/api/v1/tasks/${id}/history`)).status).toBe(404);
      expect((await api.request('POST', `/api/v1/tasks/${id}/restore`)).status).toBe(404);
    }
    expect((await api.request('POST', `/api/v1/tasks/${kept}/restore`)).status).toBe(200);
    expect((await api.request('GET', `/api/v1/tasks/${alive}`)).body.title).toBe('changed');
    for (const pod of pods) {
      await pod.ready();
      expect(pod.log).not.toContain('"level":"warn"');
    }
  });

  test('that is being restored at that moment is left alone', async () => {
    const api = await setting.up();
    const [restored, old] = [await deletedBefore(api, DAYS + 2), await deletedBefore(api, DAYS + 1)];
    await root.query('START TRANSACTION');
    await root.query('SELECT id FROM deleted_tasks WHERE id = ? FOR UPDATE', [restored]);
    const pod = setting.start();
    await eventually('the other one to be gone', () => pod.log.includes('"purged":1') || undefined);
    await root.query('COMMIT');
    expect(await deleted()).toEqual(new Set([restored]));
    expect((await api.request('GET', `/api/v1/tasks/${old}/history`)).status).toBe(404);
    expect((await api.request('POST', `/api/v1/tasks/${restored}/restore`)).status).toBe(200);
    expect(await histories()).toEqual(new Set([restored]));
  });

  test.each([
    ['its time is said to have no end', {DELETED_TASKS_RETENTION_DAYS: '0'}],
    ['its time is said to be longer', {DELETED_TASKS_RETENTION_DAYS: '1000'}],
  ])('is kept when %s', async (_why, env) => {
    const api = await setting.up(env);
    const id = await deletedBefore(api, DAYS + 1);
    // Keys are purged in the same round, and before: once this one is gone, the round has come to the tasks.
    const gone = await deletedBefore(api, 2000);
    await root.query(
      "INSERT INTO idempotency_keys VALUES ('a', 'a', REPEAT('a', 32), '', UTC_TIMESTAMP(3) - INTERVAL 2 DAY)",
    );
    const pod = setting.start(env);
    await eventually('the round', () => pod.log.includes('Old idempotency keys purged') || undefined);
    const endless = env.DELETED_TASKS_RETENTION_DAYS === '0';
    if (!endless) await eventually('the oldest to be gone', async () => !(await deleted()).has(gone) || undefined);
    expect(await deleted()).toEqual(new Set(endless ? [id, gone] : [id]));
  });
});
