import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import type {Connection, ResultSetHeader, RowDataPacket} from 'mysql2/promise';
import {connectorFor} from '../../../api-server/src/database/connect.ts';
import {Database} from '../../../api-server/src/database/database.ts';
import {planList, type Query} from '../../../api-server/src/tasks/list-plan.ts';
import type {TaskFilter, TaskList} from '../../../api-server/src/tasks/list.ts';
import {MysqlTaskRepository} from '../../../api-server/src/tasks/mysql-repository.ts';
import {ORDERS, PRIORITIES, SORTS, type Task} from '../../../api-server/src/tasks/schema.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, type ApiProcess} from './support.ts';

jest.setTimeout(120_000);

/** More than one window, so that short pages come about too. */
const TASKS = 5000;
/** Entries that one statement may read: a window, and a few beyond the ends of its ranges. */
const BOUND = 2000 + 20;
const NOW = new Date('2026-06-01T00:00:00Z');

let mysql: Mysqld;
let setting: ApiSetting;
let api: ApiProcess;
let root: Connection;
let database: Database;
let repository: MysqlTaskRepository;
let all: readonly Task[];

beforeAll(async () => {
  mysql = await startMysqld();
  setting = await ApiSetting.create(mysql);
  api = await setting.up();
  root = await mysql.connect(setting.database.database);
  database = new Database({
    connect: connectorFor({
      host: mysql.host,
      port: mysql.port,
      name: setting.database.database,
      user: setting.database.user,
      passwordFile: `${setting.folder}/password`,
      tlsCaFile: undefined,
    }),
    size: 2,
    observe: () => undefined,
  });
  repository = new MysqlTaskRepository(database);
  await fill();
  all = await everyPage({filter: NO_FILTER, sort: 'createdAt', order: 'asc'});
});

afterAll(async () => {
  await database.close();
  await root.end();
  await setting.close();
  await mysql.stop();
});

/** Tasks whose fields vary apart from each other, with many equal values, so that orders have ties. */
async function fill(): Promise<void> {
  await root.query(`SET SESSION cte_max_recursion_depth = ${TASKS}`);
  const [{affectedRows}] = await root.query<ResultSetHeader>(
    `INSERT INTO tasks (id, title, description, status, cancelled, priority, due_at, assignee, labels, created_at,
       updated_at, version)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${TASKS})
     SELECT CONCAT('01900000-', LPAD(LOWER(HEX(i)), 4, '0'), '-7000-8000-', LPAD(LOWER(HEX(CRC32(i))), 12, '0')),
       IF(i % 97 = 0, 'Grease the 100% pump', CONCAT('Task ', i)), IF(i % 89 = 0, 'PUMP_2 is noisy', ''),
       ELT(1 + i % 7 % 3, 'open', 'in_progress', 'done'), i % 2, i DIV 3 % 4,
       IF(i % 5 = 0, NULL, '2026-05-01' + INTERVAL (i * 7919 % 90) DAY), IF(i % 4 = 0, NULL, CONCAT('team-', i % 11)),
       IF(i % 6 = 0, JSON_ARRAY('pump', CONCAT('area-', i % 9)), NULL), '2026-01-01',
       '2026-01-01' + INTERVAL (i * 104729 % 500) HOUR, 1 FROM n`,
  );
  expect(affectedRows).toBe(TASKS);
  await root.query(
    `INSERT INTO task_labels SELECT j.label, t.id FROM tasks t, JSON_TABLE(t.labels, '$[*]' COLUMNS (
       label VARCHAR(50) PATH '$')) j`,
  );
  await root.query('ANALYZE TABLE tasks, task_labels');
}

const NO_FILTER: TaskFilter = {
  status: undefined,
  priority: undefined,
  assignee: undefined,
  label: undefined,
  dueAfter: undefined,
  dueBefore: undefined,
  overdue: false,
  text: undefined,
};

/** Each filter by itself; a case is any set of them. */
const FILTERS: readonly Partial<TaskFilter>[] = [
  {status: 'open'},
  {priority: 'high'},
  {assignee: 'team-3'},
  {label: 'area-3'},
  {dueAfter: new Date('2026-05-10T00:00:00Z'), dueBefore: new Date('2026-07-01T00:00:00Z')},
  {overdue: true},
  {text: 'pump'},
];

type Case = Pick<TaskList, 'filter' | 'sort' | 'order'>;

const CASES: readonly Case[] = Array.from({length: 2 ** FILTERS.length}, (_, set) =>
  FILTERS.filter((_filter, i) => (set >> i) % 2 === 1),
).flatMap((chosen) => {
  const filter: TaskFilter = Object.assign({}, NO_FILTER, ...chosen);
  return SORTS.flatMap((sort) => ORDERS.map((order) => ({filter, sort, order})));
});

async function everyPage(wanted: Case, limit = 100): Promise<readonly Task[]> {
  const tasks: Task[] = [];
  let after: readonly string[] | undefined;
  do {
    const page = await repository.list({...wanted, after, limit, now: NOW});
    expect(page.items.length).toBeLessThanOrEqual(limit);
    tasks.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return tasks;
}

/** What each filter means, said a second time and in another language than the product's. */
const MEANINGS: {readonly [Name in keyof TaskFilter]: (task: Task, wanted: NonNullable<TaskFilter[Name]>) => boolean} =
  {
    status: ({status}, wanted) => status === wanted,
    priority: ({priority}, wanted) => priority === wanted,
    assignee: ({assignee}, wanted) => assignee === wanted,
    label: ({labels}, wanted) => labels.includes(wanted),
    dueAfter: ({dueAt}, wanted) => dueAt !== null && new Date(dueAt) >= wanted,
    dueBefore: ({dueAt}, wanted) => dueAt !== null && new Date(dueAt) < wanted,
    overdue: ({status, dueAt}, wanted) =>
      !wanted || (['open', 'in_progress'].includes(status) && dueAt !== null && new Date(dueAt) < NOW),
    text: ({title, description}, wanted) => `${title}\n${description}`.toLowerCase().includes(wanted.toLowerCase()),
  };

function passes(task: Task, filter: TaskFilter): boolean {
  return (Object.keys(MEANINGS) as (keyof TaskFilter)[]).every((name) => {
    const wanted = filter[name];
    const means = MEANINGS[name] as (task: Task, wanted: unknown) => boolean;
    return wanted === undefined || means(task, wanted);
  });
}

function inOrder({sort, order}: Case): (a: Task, b: Task) => number {
  const key = (task: Task): string => {
    switch (sort) {
      case 'createdAt':
        return task.id;
      case 'dueAt':
        return `${task.dueAt ?? '9999'} ${task.id}`;
      case 'priority':
        return `${PRIORITIES.indexOf(task.priority)} ${task.id}`;
      case 'updatedAt':
        return `${task.updatedAt} ${task.id}`;
    }
  };
  const sign = order === 'asc' ? 1 : -1;
  return (a, b) => (key(a) < key(b) ? -sign : sign);
}

describe('every combination of filters and order', () => {
  test('has, page by page, exactly the tasks that pass, in order', async () => {
    expect(all).toHaveLength(TASKS);
    // Every set of filters with every order once, and each of the 32 pairs of order and limit often.
    let compared = 0;
    for (const [i, wanted] of CASES.entries()) {
      if ((i + (i >> 3)) % 8 !== 0) continue;
      const expected = all.filter((task) => passes(task, wanted.filter)).sort(inOrder(wanted));
      const found = await everyPage(wanted, i % 3 === 0 ? 37 : 100);
      expect({...wanted, ids: found.map(({id}) => id)}).toEqual({...wanted, ids: expected.map(({id}) => id)});
      if (expected.length > 0) compared++;
    }
    expect(compared).toBeGreaterThan(60);
  });

  test('walks an index in its order: no sorting, no full scan, and a bounded number of rows', async () => {
    for (const wanted of CASES) {
      for (const after of [undefined, 'middle'] as const) {
        const first = planList({...wanted, after: undefined, limit: 100, now: NOW});
        const position = after && first.positionOf(all[TASKS / 2] ?? fail());
        const plan = planList({...wanted, after: position, limit: 100, now: NOW});
        let edge: readonly string[] | undefined;
        if (plan.edge !== undefined) {
          const [row] = await run(plan.edge);
          edge = row && plan.edgeOf(row as RowDataPacket & {k: unknown; id: unknown});
        }
        await run(plan.page(edge, 101));
      }
    }
  });
});

/** Explains a query and runs it. */
async function run({statement: {sql}, values}: Query): Promise<readonly RowDataPacket[]> {
  const [plan] = await root.execute<RowDataPacket[]>(`EXPLAIN FORMAT = TRADITIONAL ${sql}`, [...values]);
  for (const {Extra: extra, type} of plan as {Extra: string | null; type: string | null}[]) {
    // MySQL saw from the values alone that nothing can be found: a position outside of a range.
    if (extra?.startsWith('Impossible WHERE') === true || extra?.startsWith('no matching row') === true) continue;
    expect([sql, values, type]).toEqual([sql, values, expect.stringMatching(/^(range|ref|eq_ref|const)$/)]);
    expect([sql, values, extra ?? '']).toEqual([sql, values, expect.not.stringMatching(/filesort|temporary/)]);
  }
  await root.query('FLUSH STATUS');
  const [rows] = await root.execute<RowDataPacket[]>(sql, [...values]);
  const [counters] = await root.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Handler_read%'");
  const examined = counters.reduce((sum, {Value}) => sum + Number(Value), 0);
  expect([sql, values, examined <= BOUND]).toEqual([sql, values, true]);
  return rows;
}

function fail(): never {
  throw new Error('There is no such task');
}

describe('a list over HTTP', () => {
  const get = (query: string, method = 'GET') => api.request(method, `/api/v1/tasks${query}`);

  test('takes filters together, and HEAD', async () => {
    const query = '?status=open&priority=high&assignee=team-3&sort=dueAt&order=desc&limit=3';
    const page = await get(query);
    expect(page.status).toBe(200);
    const expected = all
      .filter((task) => passes(task, {...NO_FILTER, status: 'open', priority: 'high', assignee: 'team-3'}))
      .sort(inOrder({filter: NO_FILTER, sort: 'dueAt', order: 'desc'}));
    expect(page.body.items).toEqual(expected.slice(0, page.body.items.length));
    const head = await get(query, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, page.headers.get('content-length')]);
  });

  test('asked about due times is in their order, the overdue first', async () => {
    const now = Date.now();
    const page = await get('?overdue=true&limit=100');
    const dues = page.body.items.map(({dueAt}) => String(dueAt));
    expect(dues).toHaveLength(100);
    expect(dues).toEqual([...dues].sort());
    expect(Date.parse(dues.at(-1) ?? '')).toBeLessThan(now);
  });

  test('searches text as text: % and _ stand for themselves', async () => {
    const titles = async (q: string) => {
      const {body} = await get(`?limit=100&q=${encodeURIComponent(q)}`);
      return new Set(body.items.map(({title, description}) => `${title}|${description}`));
    };
    for (const task of await titles('100% P')) expect(task).toContain('Grease the 100% pump');
    for (const task of await titles('pump_2')) expect(task).toContain('PUMP_2');
    expect(await titles('p_mp')).toEqual(new Set());
    expect(await titles(String.raw`\\`)).toEqual(new Set());
  });

  test('refuses a cursor of another list, of none, and one that was changed', async () => {
    const {nextCursor} = (await get('?status=open&limit=5')).body;
    const cursor = nextCursor ?? '';
    expect((await get(`?status=open&limit=7&cursor=${cursor}`)).status).toBe(200);
    for (const query of ['?status=done', '?status=open&sort=dueAt', '?status=open&order=desc', '?', '?deleted=true']) {
      const answer = await get(`${query}&cursor=${cursor}`);
      expect([query, answer.status, answer.body.code]).toEqual([query, 400, 'cursor-mismatch']);
    }
    const changed = `${cursor.slice(0, -2)}${cursor.endsWith('AA') ? 'BB' : 'AA'}`;
    expect((await get(`?status=open&cursor=${changed}`)).body).toMatchObject({code: 'invalid-cursor', status: 400});
  });

  test.each([
    '?status=closed',
    '?priority=0',
    '?label=UPPER',
    '?dueBefore=2026-01-01',
    '?dueBefore=2026-02-30T00:00:00Z',
    '?dueAfter=2026-01-01T00:00:00',
    '?overdue=yes',
    '?q=',
    '?sort=title',
    '?order=up',
    '?status=open&status=done',
    '?deleted=true&status=open',
  ])('refuses %s', async (query) => {
    expect((await get(query)).body).toMatchObject({code: 'invalid-request', status: 400});
  });
});
