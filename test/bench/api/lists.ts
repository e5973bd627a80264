import {statfs} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import type {Connection} from 'mysql2/promise';
import type {Progress} from '../../../hack/lib/progress.ts';
import {percentile} from '../statistics.ts';
import {Stand, type Fill, type Server} from './stand.ts';

const FEW = 10_000;
const MANY = 10_000_000;
/** Rows made by one statement: what a transaction of it takes stays small. */
const STEP = 500_000;
/** Of the migration that adds the indexes: ten million rows are put in before it, in order, and sorted once. */
const BEFORE_INDEXES = 3;
/** What ten million rows take while their indexes are made, with something to spare. */
const DISK_BYTES = 24 * 2 ** 30;
/** A database that big has a server to go with it; both sizes get the same one. */
const MYSQLD = [
  '--innodb-buffer-pool-size=1G',
  '--innodb-redo-log-capacity=1G',
  '--innodb-ddl-buffer-size=512M',
  '--innodb-flush-log-at-trx-commit=2',
  '--skip-log-bin',
];
/** Pages that are read one after the other, from the begin of a list. */
const PAGES = 5;
const ROUNDS = 60;
const WARM_UP_ROUNDS = 10;

/** Lists of every kind that clients ask for. Each is found at least a hundred times among ten thousand tasks. */
const LISTS = [
  '',
  '&order=desc',
  '&sort=dueAt',
  '&sort=priority&order=desc',
  '&sort=updatedAt&order=desc',
  '&status=open',
  '&status=open&sort=dueAt',
  '&status=in_progress&sort=updatedAt&order=desc',
  '&assignee=user-7',
  '&assignee=user-7&sort=dueAt',
  '&label=site-3',
  '&priority=urgent',
  '&overdue=true',
  '&status=open&priority=high',
  '&status=open&assignee=user-10',
  '&q=pump',
] as const;

/** How long a list took at both sizes, the 95th percentile in milliseconds. */
export interface ListTimes {
  readonly list: string;
  readonly few: number;
  readonly many: number;
}

/** Lists at ten million tasks beside ten thousand. */
export interface ListsResult {
  /** The 95th percentiles over all lists. */
  readonly few: number;
  readonly many: number;
  readonly lists: readonly ListTimes[];
}

/**
 * Asks two services, one with ten thousand tasks and one with ten million of the same kind, for the same lists in turns,
 * one request at a time: the first pages of each, which is what clients read. Takes many minutes and 24 GiB of disk, which
 * it looks for first and gives back.
 */
export async function measureLists(progress: Progress): Promise<ListsResult> {
  const {bavail, bsize} = await statfs(tmpdir());
  if (bavail * bsize < DISK_BYTES) {
    throw new Error(`${tmpdir()} has less than ${DISK_BYTES / 2 ** 30} GiB free, which ten million tasks need`);
  }
  const few = await Stand.open(progress, {mysqld: MYSQLD, fill: filling(FEW, progress)});
  try {
    const many = await Stand.open(progress, {mysqld: MYSQLD, fill: filling(MANY, progress)});
    try {
      return await progress.run('reading lists at both sizes', async () => inTurns(few, many));
    } finally {
      await many.close();
    }
  } finally {
    await few.close();
  }
}

async function inTurns(few: Stand, many: Stand): Promise<ListsResult> {
  const servers = {few: await few.start('ours'), many: await many.start('ours')};
  const times = LISTS.map((list) => ({list, few: [] as number[], many: [] as number[]}));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const {list, ...measured} of times) {
      for (const size of round % 2 === 0 ? (['few', 'many'] as const) : (['many', 'few'] as const)) {
        const pages = await readPages(servers[size], few.token, list);
        if (round >= 0) measured[size].push(...pages);
      }
    }
  }
  const overall = (size: 'few' | 'many'): number =>
    percentile(
      times.flatMap((measured) => measured[size]),
      95,
    );
  return {
    few: overall('few'),
    many: overall('many'),
    lists: times.map(({list, ...measured}) => ({
      list,
      few: percentile(measured.few, 95),
      many: percentile(measured.many, 95),
    })),
  };
}

/** Milliseconds for each page; a page that is not full would be less work, and is an error. */
async function readPages({origin}: Server, token: string, list: string): Promise<readonly number[]> {
  const times: number[] = [];
  for (let page = 0, cursor = ''; page < PAGES; page++) {
    const begin = performance.now();
    const answer = await fetch(`${origin}/api/v1/tasks?limit=20${list}${cursor}`, {
      headers: {authorization: `Bearer ${token}`},
    });
    const {items, nextCursor} = (await answer.json()) as {items: unknown[]; nextCursor: string | null};
    times.push(performance.now() - begin);
    if (items.length !== 20 || nextCursor === null) throw new Error(`page ${page + 1} of "${list}" is not full`);
    cursor = `&cursor=${nextCursor}`;
  }
  return times;
}

/** Fills the table in the order of its key, and lets the migrations add the indexes after that. */
function filling(rows: number, progress: Progress): Fill {
  return async ({connection, migrate}) => {
    await migrate(BEFORE_INDEXES);
    await progress.run(`making ${rows} tasks`, async ({detail}) => {
      await connection.query('SET SESSION cte_max_recursion_depth = ?', [STEP]);
      for (let from = 0; from < rows; from += STEP) {
        await insertTasks(connection, from, Math.min(STEP, rows - from));
        detail(String(from));
      }
    });
    await progress.run('adding indexes', async () => migrate());
    await progress.run('labelling', async () => {
      await connection.query('INSERT INTO task_labels SELECT labels->>"$[0]", id FROM tasks WHERE labels IS NOT NULL');
      await connection.query('ANALYZE TABLE tasks, task_labels');
    });
  };
}

/** Tasks like those of a service that has run for years: most are done, half have a due time, every fifth has a label. */
async function insertTasks(connection: Connection, from: number, count: number): Promise<void> {
  await connection.query(
    `INSERT INTO tasks (id, title, description, status, priority, due_at, assignee, labels, created_at, updated_at, version)
     WITH RECURSIVE numbers (n) AS (SELECT ? UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
     SELECT CONCAT(INSERT(LPAD(LOWER(HEX(n)), 12, '0'), 9, 0, '-'), '-7000-8000-000000000000'), CONCAT('Inspect pump ', n),
       REPEAT('x', 40), ELT(n * 7 % 10 + 1, 'open', 'open', 'open', 'in_progress', 'done', 'done', 'done', 'done', 'done', 'done'),
       n * 3 % 4, IF(n % 2 = 0, TIMESTAMP'2020-01-01 00:00:00' + INTERVAL (n * 7919 % 3000000) MINUTE, NULL),
       CONCAT('user-', n * 11 % 50), IF(n % 5 = 0, JSON_ARRAY(CONCAT('site-', n DIV 5 % 10)), NULL),
       TIMESTAMP'2020-01-01 00:00:00' + INTERVAL n SECOND, TIMESTAMP'2020-01-01 00:00:00' + INTERVAL (n + n * 104729 % 1000000) SECOND, 1
     FROM numbers`,
    [from, from + count - 1],
  );
}
