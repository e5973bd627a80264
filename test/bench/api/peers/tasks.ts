import {createHash, randomBytes, timingSafeEqual} from 'node:crypto';
import {isDeepStrictEqual} from 'node:util';
import {createPool, type Pool, type PoolConnection, type ResultSetHeader, type RowDataPacket} from 'mysql2/promise';

/**
 * What the two peers on Node have in common: the same statements, the same rows, the same check of the token and the same
 * answers as our service. They keep no metrics, write no log, give no request ids and know no idempotency keys, no filters
 * of a list and no recurrence in a patch.
 */
export interface Task {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly status: string;
  readonly priority: string;
  readonly dueAt: string | null;
  readonly assignee: string | null;
  readonly labels: readonly string[];
  readonly recurrence: Recurrence | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly completedAt: string | null;
  readonly deletedAt: null;
  readonly next: string | null;
  readonly version: number;
}

interface Recurrence {
  readonly rule: string;
  readonly timeZone: string;
}

/** A body that passed validation. */
export interface NewTask {
  readonly title: string;
  readonly description?: string | undefined;
  readonly status?: string | undefined;
  readonly priority?: string | undefined;
  readonly dueAt?: string | null | undefined;
  readonly assignee?: string | null | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly recurrence?: Recurrence | null | undefined;
}

/** A patch that passed validation. */
export type TaskPatch = {readonly [Name in Exclude<keyof NewTask, 'recurrence'>]?: NewTask[Name] | undefined};
/** A task as it is after a patch, or why it is as it was. */
export type Patched = Task | Refusal;
export type Refusal = 'missing' | 'stale' | 'refused';
/** The statuses of HTTP that say so. */
export const REFUSALS: Readonly<Record<Refusal, number>> = {missing: 404, stale: 412, refused: 409};

export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
/** What a new task may begin with. */
export const STATUSES = ['open', 'in_progress', 'done'] as const;
export const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const LABEL = /^[a-z0-9]([a-z0-9._/-]{0,48}[a-z0-9])?$/;
export const LIMIT = /^([1-9][0-9]?|100)$/;
/** What may follow a status. */
const TRANSITIONS: Readonly<Record<string, readonly string[]>> = {
  open: ['in_progress', 'done', 'cancelled'],
  in_progress: ['open', 'done', 'cancelled'],
  done: ['open'],
  cancelled: ['open'],
};
export const ALL_STATUSES = Object.keys(TRANSITIONS);
/** Fields whose changes the history has. */
const WATCHED = ['title', 'description', 'status', 'priority', 'dueAt', 'assignee', 'labels'] as const;
/** Code points of a text that it keeps. */
const KEPT_TEXT = 200;
/** The shape of a rule; none of the measured requests has one, so what it means is looked at by our service only. */
export const RULE = /^[A-Z0-9=;,+-]{1,500}$/;
export const ZONE = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

/** Of the one token. */
const PRINCIPAL = 'bench';
const COLUMNS =
  'id, title, description, status, cancelled, priority, due_at, assignee, labels, recurrence_rule, ' +
  'recurrence_time_zone, completed_at, next_id, created_at, updated_at, version';
const FIND = `SELECT ${COLUMNS} FROM tasks WHERE id = ?`;
const LIST = `SELECT ${COLUMNS} FROM tasks WHERE id > ? ORDER BY id LIMIT ?`;
const INSERT = `INSERT INTO tasks (${COLUMNS}, created_by) VALUES (${'?, '.repeat(16)}?)`;
const LOCK = `SELECT ${COLUMNS}, created_by FROM tasks WHERE id = ? FOR UPDATE`;
const UPDATE = `UPDATE tasks SET ${COLUMNS.split(', ')
  .slice(1)
  .map((column) => `${column} = ?`)
  .join(', ')} WHERE id = ?`;
const DELETE_LABELS = 'DELETE FROM task_labels WHERE task_id = ?';
const INSERT_CHANGE =
  'INSERT INTO task_history (task_id, version, changed_at, principal, action, changes) VALUES (?, ?, ?, ?, ?, ?)';
const insertLabels = (count: number): string =>
  `INSERT INTO task_labels (label, task_id) VALUES ${Array.from({length: count}, () => '(?, ?)').join(', ')}`;

export class Tasks {
  readonly #pool: Pool;

  constructor(env: NodeJS.ProcessEnv) {
    this.#pool = createPool({
      host: env['DB_HOST'] ?? '',
      port: Number(env['DB_PORT']),
      database: env['DB_NAME'] ?? '',
      user: env['DB_USER'] ?? '',
      password: env['DB_PASSWORD'] ?? '',
      connectionLimit: Number(env['DB_POOL_SIZE']),
      timezone: 'Z',
    });
  }

  async find(id: string): Promise<Task | undefined> {
    const [[row]] = await this.#pool.execute<RowDataPacket[]>(FIND, [id]);
    return row === undefined ? undefined : taskOf(row);
  }

  async list(after: string, limit: number): Promise<{items: Task[]; nextCursor: string | null}> {
    const [rows] = await this.#pool.execute<RowDataPacket[]>(LIST, [after, String(limit + 1)]);
    const items = rows.slice(0, limit).map(taskOf);
    return {items, nextCursor: rows.length > limit ? encodeCursor(items.at(-1)?.id ?? '') : null};
  }

  async create(body: NewTask): Promise<Task> {
    const now = new Date();
    const task = newTask(body, now);
    const {id, labels} = task;
    const values = [...valuesOf(task, now, now), PRINCIPAL];
    if (labels.length === 0) {
      await this.#pool.execute<ResultSetHeader>(INSERT, values);
      return task;
    }
    return this.#transaction(async (connection) => {
      await connection.execute<ResultSetHeader>(INSERT, values);
      await addLabels(connection, id, labels);
      return task;
    });
  }

  /** @param ifMatch - the header: `*` or one entity tag */
  async patch(id: string, ifMatch: string | undefined, patch: TaskPatch): Promise<Patched> {
    return this.#transaction(async (connection) => {
      const [[row]] = await connection.execute<RowDataPacket[]>(LOCK, [id]);
      if (row === undefined) return 'missing';
      const before = taskOf(row);
      if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== `"${before.version}"`) return 'stale';
      const wanted = patched(before, patch);
      if (wanted.status !== before.status && TRANSITIONS[before.status]?.includes(wanted.status) !== true)
        return 'refused';
      const changes = WATCHED.filter((field) => !isDeepStrictEqual(before[field], wanted[field])).map((field) => ({
        field,
        from: kept(before[field]),
        to: kept(wanted[field]),
      }));
      if (changes.length === 0) return before;
      const now = new Date();
      const task = changed(before, wanted, now);
      const [, ...values] = valuesOf(task, new Date(task.createdAt), now);
      await connection.execute<ResultSetHeader>(UPDATE, [...values, id]);
      if (changes.some(({field}) => field === 'labels')) {
        await connection.execute<ResultSetHeader>(DELETE_LABELS, [id]);
        await addLabels(connection, id, task.labels);
      }
      const change = [id, String(task.version), now, PRINCIPAL, 'updated', JSON.stringify(changes)];
      await connection.execute<ResultSetHeader>(INSERT_CHANGE, change);
      return task;
    });
  }

  async #transaction<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    const connection = await this.#pool.getConnection();
    try {
      await connection.beginTransaction();
      const result = await work(connection);
      await connection.commit();
      return result;
    } catch (error) {
      await connection.rollback();
      throw error;
    } finally {
      connection.release();
    }
  }
}

function newTask(body: NewTask, now: Date): Task {
  const {title, description = '', status = 'open', priority = 'normal', dueAt, assignee = null, labels = []} = body;
  const time = now.toISOString();
  return {
    ...{id: uuidV7(now.getTime()), title, description, status, priority, assignee},
    dueAt: typeof dueAt === 'string' ? new Date(dueAt).toISOString() : null,
    labels: [...labels].sort(),
    recurrence: body.recurrence ?? null,
    createdAt: time,
    updatedAt: time,
    completedAt: status === 'done' ? time : null,
    deletedAt: null,
    next: null,
    version: 1,
  };
}

async function addLabels(connection: PoolConnection, id: string, labels: readonly string[]): Promise<void> {
  if (labels.length === 0) return;
  const pairs = labels.flatMap((label) => [label, id]);
  await connection.execute<ResultSetHeader>(insertLabels(labels.length), pairs);
}

function patched(before: Task, patch: TaskPatch): Task {
  const {dueAt} = patch;
  return {
    ...before,
    ...(patch as Partial<Task>),
    ...(typeof dueAt === 'string' ? {dueAt: new Date(dueAt).toISOString()} : {}),
    ...(patch.labels === undefined ? {} : {labels: [...patch.labels].sort()}),
  };
}

function changed(before: Task, wanted: Task, now: Date): Task {
  const at = now.toISOString();
  const completedAt = wanted.status !== 'done' ? null : before.status === 'done' ? before.completedAt : at;
  return {...wanted, completedAt, updatedAt: at, version: before.version + 1};
}

function kept(value: Task[(typeof WATCHED)[number]]): unknown {
  if (typeof value !== 'string') return value;
  const points = Array.from(value);
  return points.length > KEPT_TEXT ? `${points.slice(0, KEPT_TEXT).join('')}…` : value;
}

function valuesOf(task: Task, created: Date, updated: Date): (string | Date | null)[] {
  const isCancelled = task.status === 'cancelled';
  return [
    ...[task.id, task.title, task.description, isCancelled ? 'done' : task.status, isCancelled ? '1' : '0'],
    String(PRIORITIES.indexOf(task.priority as (typeof PRIORITIES)[number])),
    task.dueAt === null ? null : new Date(task.dueAt),
    task.assignee,
    task.labels.length === 0 ? null : JSON.stringify(task.labels),
    task.recurrence?.rule ?? null,
    task.recurrence?.timeZone ?? null,
    task.completedAt === null ? null : new Date(task.completedAt),
    ...[task.next, created, updated, String(task.version)],
  ];
}

function taskOf(row: RowDataPacket): Task {
  const rule = row['recurrence_rule'] as string | null;
  return {
    id: row['id'] as string,
    title: row['title'] as string,
    description: row['description'] as string,
    status: row['cancelled'] === 1 ? 'cancelled' : (row['status'] as string),
    priority: PRIORITIES[row['priority'] as number] ?? 'normal',
    dueAt: (row['due_at'] as Date | null)?.toISOString() ?? null,
    assignee: row['assignee'] as string | null,
    labels: (row['labels'] as string[] | null) ?? [],
    recurrence: rule === null ? null : {rule, timeZone: row['recurrence_time_zone'] as string},
    createdAt: (row['created_at'] as Date).toISOString(),
    updatedAt: (row['updated_at'] as Date).toISOString(),
    completedAt: (row['completed_at'] as Date | null)?.toISOString() ?? null,
    deletedAt: null,
    next: row['next_id'] as string | null,
    version: row['version'] as number,
  };
}

/** Says whether the header holds the one token, by hashes and in constant time. */
export function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = hash(token);
  return (authorization) =>
    authorization?.startsWith('Bearer ') === true && timingSafeEqual(hash(authorization.slice(7)), expected);
}

function encodeCursor(id: string): string {
  return Buffer.from(id, 'latin1').toString('base64url');
}

export function decodeCursor(cursor: string | undefined): string {
  return cursor === undefined ? '' : Buffer.from(cursor, 'base64url').toString('latin1');
}

function uuidV7(now: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
