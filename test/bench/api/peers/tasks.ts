import {createHash, randomBytes, timingSafeEqual} from 'node:crypto';
import {createPool, type Pool, type ResultSetHeader, type RowDataPacket} from 'mysql2/promise';

/**
 * What the two peers on Node have in common: the same statements, the same check of the token and the same fields as our
 * service. They keep no metrics, write no log, give no request ids and know no idempotency keys.
 */
export interface Task {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly status: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly version: number;
}

export interface NewTask {
  readonly title: string;
  readonly description?: string;
  readonly status?: string;
}

const COLUMNS = 'id, title, description, status, created_at, updated_at, version';
const FIND = `SELECT ${COLUMNS} FROM tasks WHERE id = ?`;
const LIST = `SELECT ${COLUMNS} FROM tasks WHERE id > ? ORDER BY id LIMIT ?`;
const INSERT = `INSERT INTO tasks (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`;

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

  async create({title, description = '', status = 'open'}: NewTask): Promise<Task> {
    const now = new Date();
    const time = now.toISOString();
    const task = {id: uuidV7(now.getTime()), title, description, status, createdAt: time, updatedAt: time, version: 1};
    await this.#pool.execute<ResultSetHeader>(INSERT, [task.id, title, description, status, now, now, '1']);
    return task;
  }
}

function taskOf(row: RowDataPacket): Task {
  return {
    id: row['id'] as string,
    title: row['title'] as string,
    description: row['description'] as string,
    status: row['status'] as string,
    createdAt: (row['created_at'] as Date).toISOString(),
    updatedAt: (row['updated_at'] as Date).toISOString(),
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
