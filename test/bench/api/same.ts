import {deepStrictEqual} from 'node:assert';
import type {RowDataPacket} from 'mysql2/promise';
import type {Server, Stand} from './stand.ts';
import {mix, type Wish} from './traffic.ts';

/** Columns of a row, and fields of an answer, that differ from one creation to the next. */
const OWN = new Set([
  'id',
  'createdAt',
  'updatedAt',
  'completedAt',
  'created_at',
  'updated_at',
  'completed_at',
  'changed_at',
  'task_id',
]);

/** Bodies that no server may take. */
const WRONG: readonly object[] = [
  {},
  {title: ' '},
  {title: 'x'.repeat(201)},
  {title: 'x', unknown: 1},
  {title: 'x', description: 'x'.repeat(10_001)},
  {title: 'x', status: 'cancelled'},
  {title: 'x', priority: 'some'},
  {title: 'x', dueAt: 'tomorrow'},
  {title: 'x', dueAt: 5},
  {title: 'x', assignee: ''},
  {title: 'x', labels: ['Pump']},
  {title: 'x', labels: ['a', 'a']},
  {title: 'x', labels: Array.from({length: 11}, (_, i) => `l${i}`)},
  {title: 'x', recurrence: {rule: 'FREQ=DAILY', timeZone: 'Etc/UTC'}},
  {title: 'x', dueAt: '2027-03-01T09:00:00Z', recurrence: {rule: 'FREQ=DAILY'}},
];

/** Changes of a task, one after the other, of which the last two are refused for what the task has become. */
const PATCHES: readonly object[] = [
  {title: 'Another title', priority: 'urgent'},
  {title: 'Another title'},
  {status: 'in_progress', assignee: 'somebody', dueAt: '2027-03-01T09:00:00+01:00'},
  {labels: ['valve', 'pump']},
  {description: 'y'.repeat(300), dueAt: null, assignee: null, labels: []},
  {status: 'cancelled'},
  {status: 'done'},
  {status: 'in_progress', title: 'Not this one'},
];

/** Patches that no server may take. */
const WRONG_PATCHES: readonly object[] = [
  {},
  {title: ' '},
  {title: null},
  {status: 'some'},
  {dueAt: 'tomorrow'},
  {labels: ['a', 'a']},
  {unknown: 1},
];

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly hasLocation: boolean;
  readonly body: Record<string, unknown>;
}

/**
 * Sees that two servers do the same for the requests that are measured: equal answers, equal rows, and the same bodies
 * refused. A comparison of servers that do different work would say nothing.
 *
 * @throws {AssertionError} saying what differs.
 */
export async function assertSame(stand: Stand, ours: Server, peer: Server): Promise<void> {
  const both = async (wish: Wish): Promise<readonly [Answer, Answer]> => [
    await ask(stand, ours, wish),
    await ask(stand, peer, wish),
  ];
  const wishes = mix(stand.ids);
  for (const wish of Array.from({length: 20}, (_, index) => wishes(index))) {
    if (wish.method === 'PATCH') continue;
    const [ourAnswer, theirAnswer] = await both(wish);
    deepStrictEqual(comparable(theirAnswer), comparable(ourAnswer), `${wish.method} ${wish.path}`);
    if (wish.method === 'POST') {
      const rows = await Promise.all([ourAnswer, theirAnswer].map(async ({body}) => rowsOf(stand, String(body['id']))));
      deepStrictEqual(rows[1], rows[0], 'the rows of a new task');
    }
  }
  for (const body of WRONG) {
    const answers = await both({method: 'POST', path: '/api/v1/tasks', body: JSON.stringify(body)});
    deepStrictEqual(
      answers.map(({status}) => status >= 400 && status < 500),
      [true, true],
      `both must refuse ${JSON.stringify(body).slice(0, 200)}`,
    );
  }
  await assertSamePatches(stand, ours, peer);
}

/** Each server changes a task of its own in the same steps. */
async function assertSamePatches(stand: Stand, ours: Server, peer: Server): Promise<void> {
  const create: Wish = {method: 'POST', path: '/api/v1/tasks', body: JSON.stringify({title: 'x', labels: ['pump']})};
  const servers = [ours, peer];
  const ids: string[] = [];
  for (const server of servers) ids.push(String((await ask(stand, server, create)).body['id']));
  const both = async (body: object, ifMatch?: string): Promise<readonly Answer[]> =>
    Promise.all(
      servers.map(async (server, i) => {
        const wish: Wish = {method: 'PATCH', path: `/api/v1/tasks/${ids[i] ?? ''}`, body: JSON.stringify(body)};
        return ask(stand, server, wish, ifMatch);
      }),
    );
  const expectSame = async (what: string, answers: readonly Answer[]): Promise<void> => {
    const [ourAnswer, theirAnswer] = answers.map(({status, etag, body}) =>
      status === 200 ? {status, etag, body: withoutOwn(body)} : {status},
    );
    deepStrictEqual(theirAnswer, ourAnswer, what);
    const rows = await Promise.all(ids.map(async (id) => rowsOf(stand, id)));
    deepStrictEqual(rows[1], rows[0], `the rows after ${what}`);
  };
  for (const body of PATCHES) await expectSame(`the patch ${JSON.stringify(body).slice(0, 200)}`, await both(body));
  await expectSame('a patch of a version that is past', await both({title: 'late'}, '"1"'));
  for (const body of WRONG_PATCHES) {
    const statuses = (await both(body)).map(({status}) => status >= 400 && status < 500);
    deepStrictEqual(statuses, [true, true], `both must refuse the patch ${JSON.stringify(body)}`);
  }
}

async function ask(stand: Stand, {origin}: Server, {method, path, body}: Wish, ifMatch = '*'): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${stand.token}`,
    'content-type': 'application/json',
    ...(method === 'PATCH' && {'if-match': ifMatch}),
  };
  const answer = await fetch(`${origin}${path}`, {method, headers, ...(body === undefined ? {} : {body})});
  return {
    status: answer.status,
    etag: answer.headers.get('etag'),
    hasLocation: answer.headers.has('location'),
    body: (await answer.json()) as Record<string, unknown>,
  };
}

/** Without what is each one's own: times and the id of a new task, and how a cursor is written. */
function comparable({body: {nextCursor, ...body}, ...answer}: Answer): unknown {
  return {...answer, hasNext: typeof nextCursor === 'string', body: answer.status === 201 ? withoutOwn(body) : body};
}

async function rowsOf(stand: Stand, id: string): Promise<unknown> {
  const connection = await stand.connect();
  try {
    const [tasks] = await connection.query<RowDataPacket[]>('SELECT * FROM tasks WHERE id = ?', [id]);
    const [labels] = await connection.query<RowDataPacket[]>(
      'SELECT * FROM task_labels WHERE task_id = ? ORDER BY label',
      [id],
    );
    const [changes] = await connection.query<RowDataPacket[]>(
      'SELECT * FROM task_history WHERE task_id = ? ORDER BY version',
      [id],
    );
    return [tasks, labels, changes].map((rows) => rows.map(withoutOwn));
  } finally {
    await connection.end();
  }
}

function withoutOwn(value: object): unknown {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !OWN.has(name)));
}
