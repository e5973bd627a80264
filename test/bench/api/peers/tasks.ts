import {createHash, randomBytes, timingSafeEqual} from 'node:crypto';
import {createPool, type Pool, type ResultSetHeader, type RowDataPacket} from 'mysql2/promise';

/**
 * What the two peers on Node have in common: the same statements, the same rows, the same check of the token and the same
 * answers as our service. They keep no metrics, write no log, give no request ids and know no idempotency keys, no filters
 * of a list and no changes of a task.
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

export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
/** What a new task may begin with. */
export const STATUSES = ['open', 'in_progress', 'done'] as const;
export const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const LABEL = /^[a-z0-9]([a-z0-9._/-]{0,48}[a-z0-9])?$/;
export const LIMIT = /^([1-9][0-9]?|100)$/;
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
    const values = valuesOf(task, now);
    if (labels.length === 0) {
      await this.#pool.execute<ResultSetHeader>(INSERT, values);
      return task;
    }
    const connection = await this.#pool.getConnection();
    try {
      await connection.beginTransaction();
      await connection.execute<ResultSetHeader>(INSERT, values);
      const pairs = labels.flatMap((label) => [label, id]);
      await connection.execute<ResultSetHeader>(insertLabels(labels.length), pairs);
      await connection.commit();
    } catch (error) {
      await connection.rollback();
      throw error;
    } finally {
      connection.release();
    }
    return task;
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

function valuesOf(task: Task, now: Date): (string | Date | null)[] {
  return [
    ...[task.id, task.title, task.description, task.status, '0'],
    String(PRIORITIES.indexOf(task.priority as (typeof PRIORITIES)[number])),
    task.dueAt === null ? null : new Date(task.dueAt),
    task.assignee,
    task.labels.length === 0 ? null : JSON.stringify(task.labels),
    task.recurrence?.rule ?? null,
    task.recurrence?.timeZone ?? null,
    task.completedAt === null ? null : now,
    ...[task.next, now, now, '1', PRINCIPAL],
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
