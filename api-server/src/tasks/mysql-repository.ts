import type {RowDataPacket} from 'mysql2/promise';
import type {Database, Session, SqlValue, Statement} from '../database/database.ts';
import {errnoOf} from '../database/errors.ts';
import type {VersionCheck} from './etag.ts';
import type {IdempotentRequest} from './idempotency.ts';
import type {CreateOutcome, RemoveOutcome, TaskRepository, UpdateOutcome} from './repository.ts';
import type {PatchTask, Task, TaskStatus} from './schema.ts';

const COLUMNS = 'id, title, description, status, created_at, updated_at, version';

const INSERT: Statement = {
  name: 'task_insert',
  sql: `INSERT INTO tasks (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
};
const FIND: Statement = {name: 'task_find', sql: `SELECT ${COLUMNS} FROM tasks WHERE id = ?`};
const LOCK: Statement = {name: 'task_lock', sql: `SELECT ${COLUMNS} FROM tasks WHERE id = ? FOR UPDATE`};
const LIST: Statement = {name: 'task_list', sql: `SELECT ${COLUMNS} FROM tasks WHERE id > ? ORDER BY id LIMIT ?`};
const UPDATE: Statement = {
  name: 'task_update',
  sql: 'UPDATE tasks SET title = ?, description = ?, status = ?, updated_at = ?, version = ? WHERE id = ?',
};
const DELETE: Statement = {name: 'task_delete', sql: 'DELETE FROM tasks WHERE id = ?'};

const CLAIM_KEY: Statement = {
  name: 'idempotency_claim',
  sql: 'INSERT INTO idempotency_keys (principal, idempotency_key, body_hash, response, created_at) VALUES (?, ?, ?, ?, ?)',
};
const FIND_KEY: Statement = {
  name: 'idempotency_find',
  sql: 'SELECT body_hash, response FROM idempotency_keys WHERE principal = ? AND idempotency_key = ? FOR SHARE',
};
const PURGE_KEYS: Statement = {
  name: 'idempotency_purge',
  sql: 'DELETE FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?',
};

const ER_DUP_ENTRY = 1062;
/** Rows a purge takes at once: few enough that no request waits long behind its locks. */
const PURGE_BATCH = 500;

/** Tasks in MySQL. */
export class MysqlTaskRepository implements TaskRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(task: Task, once: IdempotentRequest | undefined): Promise<CreateOutcome> {
    if (once === undefined) {
      await this.#database.run((session) => session.change(INSERT, insertValues(task)));
      return {kind: 'created', task};
    }
    // The key and the task are one transaction: whoever finds the key finds the task too, whatever crashed in between.
    // A second request with the key waits in the INSERT for the first one's transaction, and then finds its answer.
    return this.#database.transaction(async (session) => {
      const earlier = await claim(session, once, task);
      if (earlier !== undefined) return earlier;
      await session.change(INSERT, insertValues(task));
      return {kind: 'created', task};
    });
  }

  async find(id: string): Promise<Task | undefined> {
    const [row] = await this.#database.run((session) => session.rows(FIND, [id]));
    return row === undefined ? undefined : taskOf(row);
  }

  async list(after: string | undefined, limit: number): Promise<readonly Task[]> {
    const rows = await this.#database.run((session) => session.rows(LIST, [after ?? '', String(limit)]));
    return rows.map(taskOf);
  }

  async update(id: string, check: VersionCheck, patch: PatchTask, now: Date): Promise<UpdateOutcome> {
    return this.#database.transaction(async (session) => {
      const [row] = await session.rows(LOCK, [id]);
      if (row === undefined) return {kind: 'missing'};
      const before = taskOf(row);
      if (!check(before.version)) return {kind: 'stale', version: before.version};
      const task: Task = {
        ...before,
        title: patch.title ?? before.title,
        description: patch.description ?? before.description,
        status: patch.status ?? before.status,
        updatedAt: now.toISOString(),
        version: before.version + 1,
      };
      await session.change(UPDATE, [task.title, task.description, task.status, now, String(task.version), id]);
      return {kind: 'updated', task};
    });
  }

  async remove(id: string, check: VersionCheck): Promise<RemoveOutcome> {
    return this.#database.transaction(async (session) => {
      const [row] = await session.rows(LOCK, [id]);
      if (row === undefined) return {kind: 'missing'};
      const {version} = taskOf(row);
      if (!check(version)) return {kind: 'stale', version};
      await session.change(DELETE, [id]);
      return {kind: 'removed'};
    });
  }

  /**
   * Forgets idempotency keys from before a time, in small steps.
   *
   * @returns how many were forgotten.
   */
  async purgeKeys(before: Date): Promise<number> {
    for (let purged = 0; ;) {
      const step = await this.#database.run((session) => session.change(PURGE_KEYS, [before, String(PURGE_BATCH)]));
      purged += step;
      if (step < PURGE_BATCH) return purged;
    }
  }
}

/** Claims the request's key for a task, or says how the key was used before. */
async function claim(session: Session, once: IdempotentRequest, task: Task): Promise<CreateOutcome | undefined> {
  try {
    const created = new Date(task.createdAt);
    await session.change(CLAIM_KEY, [once.principal, once.key, once.bodyHash, JSON.stringify(task), created]);
    return undefined;
  } catch (error) {
    if (errnoOf(error) !== ER_DUP_ENTRY) throw error;
  }
  // A locking read sees what was committed after this transaction's snapshot; the failed INSERT holds the row already.
  const [row] = await session.rows(FIND_KEY, [once.principal, once.key]);
  const bodyHash: unknown = row?.body_hash;
  if (!(bodyHash instanceof Buffer)) throw new Error('An idempotency key vanished while it was locked');
  if (!bodyHash.equals(once.bodyHash)) return {kind: 'key-reused'};
  return {kind: 'repeated', task: JSON.parse(String(row?.response)) as Task};
}

function insertValues(task: Task): readonly SqlValue[] {
  return [
    task.id,
    task.title,
    task.description,
    task.status,
    new Date(task.createdAt),
    new Date(task.updatedAt),
    String(task.version),
  ];
}

/** The columns' types are those of the migrations, and the schema of the answer checks them again. */
function taskOf(row: RowDataPacket): Task {
  return {
    id: row.id as string,
    title: row.title as string,
    description: row.description as string,
    status: row.status as TaskStatus,
    createdAt: (row.created_at as Date).toISOString(),
    updatedAt: (row.updated_at as Date).toISOString(),
    version: row.version as number,
  };
}
