import {setTimeout as delay} from 'node:timers/promises';
import type {RowDataPacket} from 'mysql2/promise';
import {afterAll, beforeAll, expect, jest, test} from '@jest/globals';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, eventually, type ApiProcess} from './support.ts';

jest.setTimeout(240_000);

const ROUNDS = 20;
const COUNTERS = 3;
/** Acknowledged writes between two kills. */
const ACKNOWLEDGED = 30;

let mysql: Mysqld;
let setting: ApiSetting;

beforeAll(async () => {
  mysql = await startMysqld();
  setting = await ApiSetting.create(mysql);
});
afterAll(async () => {
  await setting.close();
  await mysql.stop();
});

/** A counter kept in a task's description; each change adds one, on the version that was read. */
interface Count {
  readonly id: string;
  readonly version: number;
  readonly value: number;
}

/** Clients that write all the time, whatever breaks, and remember what they were told. */
class Writers {
  readonly created = new Map<string, string>();
  readonly counts: Count[] = [];
  readonly surprises: string[] = [];
  readonly #stop = new AbortController();
  #loops: Promise<void>[] = [];
  readonly #api: () => ApiProcess;

  constructor(api: () => ApiProcess) {
    this.#api = api;
  }

  get acknowledged(): number {
    return this.created.size + this.counts.length;
  }

  start(counters: readonly string[]): void {
    for (let client = 0; client < 4; client++) this.#loops.push(this.#creating(client));
    // Two clients for each counter, so that they get in each other's way.
    for (const id of [...counters, ...counters]) this.#loops.push(this.#counting(id));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  /** Makes tasks one after the other, each with a key, and repeats a request until it is answered. */
  async #creating(client: number): Promise<void> {
    for (let i = 0; !this.#stop.signal.aborted; i++) {
      const title = `task ${client}-${i}`;
      while (!this.created.has(title) && !this.#isStopped()) {
        await this.#attempt(async (api) => {
          const headers = {'idempotency-key': title.replace(' ', '-')};
          const {status, body} = await api.request('POST', '/api/v1/tasks', {body: {title}, headers});
          if (status === 201) this.created.set(title, body.id);
          else this.#judge(status, 'create');
        });
      }
    }
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #counting(id: string): Promise<void> {
    const path = `/api/v1/tasks/${id}`;
    while (!this.#stop.signal.aborted) {
      await this.#attempt(async (api) => {
        const before = await api.request('GET', path);
        if (before.status !== 200) {
          this.#judge(before.status, 'read');
          return;
        }
        const value = Number(before.body.description) + 1;
        const headers = {'if-match': before.headers.get('etag') ?? ''};
        const after = await api.request('PATCH', path, {body: {description: String(value)}, headers});
        if (after.status === 200) this.counts.push({id, version: after.body.version, value});
        else if (after.status !== 412) this.#judge(after.status, 'change');
      });
    }
  }

  #judge(status: number, what: string): void {
    if (status !== 503) this.surprises.push(`${what}: ${status}`);
  }

  async #attempt(work: (api: ApiProcess) => Promise<void>): Promise<void> {
    try {
      await work(this.#api());
    } catch (error) {
      if (!isFetchError(error)) throw error;
      await delay(20);
    }
  }
}

/** The process is gone, or went in the middle: nothing was acknowledged. The class is of another realm than the test's. */
function isFetchError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'TypeError';
}

async function query(sql: string): Promise<RowDataPacket[]> {
  const connection = await mysql.connect(setting.database.database);
  try {
    return (await connection.query<RowDataPacket[]>(sql))[0];
  } finally {
    await connection.end();
  }
}

test(`${ROUNDS} times the API or MySQL is killed under writers: every acknowledged write is there, and no update was lost`, async () => {
  let api = await setting.up();
  const counters: string[] = [];
  for (let i = 0; i < COUNTERS; i++) {
    const {body} = await api.request('POST', '/api/v1/tasks', {body: {title: `counter ${i}`, description: '0'}});
    counters.push(body.id);
  }
  const writers = new Writers(() => api);
  writers.start(counters);
  for (let round = 0; round < ROUNDS; round++) {
    const before = writers.acknowledged;
    await eventually(`writes in round ${round}`, () => writers.acknowledged >= before + ACKNOWLEDGED || undefined);
    if (round % 2 === 0) {
      await api.kill9();
      api = await setting.start().ready();
    } else {
      await mysql.kill9();
      await mysql.restart();
    }
  }
  const before = writers.acknowledged;
  await eventually('writes after the last round', () => writers.acknowledged >= before + ACKNOWLEDGED || undefined);
  await writers.stop();

  expect(writers.surprises).toEqual([]);
  const rows = await query('SELECT id, title, description, version FROM tasks');
  const byId = new Map(rows.map((row) => [row['id'] as string, row]));
  // Every task that was acknowledged is there, and no key made two.
  const lost = [...writers.created].filter(([title, id]) => byId.get(id)?.['title'] !== title);
  expect(lost).toEqual([]);
  expect(new Set(rows.map((row) => row['title'] as string)).size).toBe(rows.length);
  // Every change added one to the value and to the version that it was made on: together they tell of any that was lost.
  expect(writers.counts.filter(({version, value}) => version !== value + 1)).toEqual([]);
  const acknowledged = writers.counts.map(({id, version}) => `${id} ${version}`);
  expect(new Set(acknowledged).size).toBe(acknowledged.length);
  for (const id of counters) {
    const row = byId.get(id);
    const last = Math.max(...writers.counts.filter((count) => count.id === id).map(({version}) => version));
    expect(row?.['version']).toBeGreaterThanOrEqual(last);
    expect(Number(row?.['description'])).toBe(Number(row?.['version']) - 1);
  }
});
