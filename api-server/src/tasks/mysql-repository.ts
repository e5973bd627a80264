import type {RowDataPacket} from 'mysql2/promise';
import {Batch} from '../database/batch.ts';
import type {Database, Session} from '../database/database.ts';
import {Shared} from '../database/shared.ts';
import {decide} from './change.ts';
import type {Position} from './cursor.ts';
import {newTask} from './draft.ts';
import type {VersionCheck} from './etag.ts';
import type {IdempotentRequest} from './idempotency.ts';
import {claim} from './keys.ts';
import {planList} from './list-plan.ts';
import type {Page, TaskList} from './list.ts';
import {bytesOfTask, readPage} from './page.ts';
import type {
  Actor,
  BulkOutcome,
  CreateOutcome,
  RemoveOutcome,
  RestoreOutcome,
  TaskRepository,
  UpdateOutcome,
} from './repository.ts';
import {COLUMNS, taskOf, taskOfDocument, valuesOf} from './rows.ts';
import type {CreateTask, FieldChange, HistoryEntry, PatchTask, Task} from './schema.ts';
import * as sql from './statements.ts';
import {uuidV7} from './uuid.ts';

/** What a repeated bulk creation is answered from. The rest is in its body, which is the first one's. */
interface BulkResponse {
  readonly ids: readonly string[];
  readonly at: string;
}

const LAST_TIME = new Date('9999-12-31T23:59:59.999Z');

/** Tasks in MySQL. */
export class MysqlTaskRepository implements TaskRepository {
  readonly #database: Database;
  readonly #finds = new Batch<Task>((ids) => this.#findMany(ids), sql.FIND_LIMIT);
  readonly #pages = new Shared<Page<Task>>();

  constructor(database: Database) {
    this.#database = database;
  }

  async create(task: Task, actor: Actor, once: IdempotentRequest | undefined): Promise<CreateOutcome> {
    if (once === undefined && task.labels.length === 0) {
      await this.#database.run((session) => session.change(sql.INSERT, [...valuesOf(task), actor.principal]));
      return {kind: 'created', task};
    }
    return this.#database.transaction(async (session) => {
      if (once !== undefined) {
        const claimed = await claim(session, once, JSON.stringify(task), actor.now);
        if (claimed.kind === 'key-reused') return claimed;
        if (claimed.kind === 'repeated') return {kind: 'repeated', task: taskOfDocument(JSON.parse(claimed.response))};
      }
      await insert(session, task, actor.principal);
      return {kind: 'created', task};
    });
  }

  async createAll(
    bodies: readonly CreateTask[],
    {principal, now}: Actor,
    once: IdempotentRequest | undefined,
  ): Promise<BulkOutcome> {
    const response: BulkResponse = {ids: bodies.map(() => uuidV7(now.getTime())).sort(), at: now.toISOString()};
    const tasks = bulkTasks(bodies, response);
    return this.#database.transaction(async (session) => {
      if (once !== undefined) {
        const claimed = await claim(session, once, JSON.stringify(response), now);
        if (claimed.kind === 'key-reused') return claimed;
        if (claimed.kind === 'repeated') {
          return {kind: 'repeated', tasks: bulkTasks(bodies, JSON.parse(claimed.response) as BulkResponse)};
        }
      }
      await session.change(sql.INSERT_ALL, [principal, JSON.stringify(tasks.map(jsonValues))]);
      await insertLabels(session, tasks);
      return {kind: 'created', tasks};
    });
  }

  find(id: string): Promise<Task | undefined> {
    return this.#finds.find(id);
  }

  list(list: TaskList): Promise<Page<Task>> {
    return this.#pages.ask(nameOf(list), () => this.#page(list));
  }

  async #page(list: TaskList): Promise<Page<Task>> {
    const plan = planList(list);
    return this.#database.run(async (session) => {
      let edge: Position | undefined;
      if (plan.edge !== undefined) {
        const [row] = await session.rows(plan.edge.statement, plan.edge.values);
        if (row !== undefined) edge = plan.edgeOf({k: row.k as unknown, id: row.id as unknown});
      }
      const {items, hasMore} = await readPage<Task>(list.limit, bytesOfTask, async (last, count) => {
        const rest = last === undefined ? plan : planList({...list, after: plan.positionOf(last)});
        const {statement, values} = rest.page(edge, count);
        return (await session.rows(statement, values)).map(taskOf);
      });
      return {items, next: nextOfPage(items, hasMore, plan.positionOf) ?? edge};
    });
  }

  async listDeleted(after: readonly string[] | undefined, limit: number): Promise<Page<Task>> {
    const positionOf = (task: Task): readonly string[] => [task.deletedAt ?? '', task.id];
    return this.#database.run(async (session) => {
      const {items, hasMore} = await readPage<Task>(limit, bytesOfTask, async (last, count) => {
        const position = last === undefined ? after : positionOf(last);
        const [time, id] = position === undefined ? [LAST_TIME, ''] : [new Date(position[0] ?? ''), position[1] ?? ''];
        const rows = await session.rows(sql.LIST_DELETED, [time, time, id, String(count)]);
        return rows.map((row) => taskOfDocument(row.document));
      });
      return {items, next: nextOfPage(items, hasMore, positionOf)};
    });
  }

  async update(id: string, check: VersionCheck, patch: PatchTask, actor: Actor): Promise<UpdateOutcome> {
    return this.#database.transaction(async (session) => {
      const before = taskIn(await session.rows(sql.LOCK, [id]));
      if (before === undefined) return {kind: 'missing'};
      if (!check(before.version)) return {kind: 'stale', version: before.version};
      const decision = decide(before, patch, actor.now);
      if (decision.kind === 'unchanged') return {kind: 'updated', task: before};
      if (decision.kind !== 'changed') return decision;
      let {task} = decision;
      if (decision.repeats) {
        const next = await nextOf(task, actor.now);
        if (next !== undefined) {
          await insert(session, next, actor.principal);
          task = {...task, next: next.id};
        }
      }
      const [, ...values] = valuesOf(task);
      await session.change(sql.UPDATE, [...values, id]);
      if (decision.changes.some(({field}) => field === 'labels')) {
        await session.change(sql.DELETE_LABELS, [id]);
        await insertLabels(session, [task]);
      }
      await record(session, task, 'updated', decision.changes, actor);
      return {kind: 'updated', task};
    });
  }

  async remove(id: string, check: VersionCheck, actor: Actor): Promise<RemoveOutcome> {
    return this.#database.transaction(async (session) => {
      const [row] = await session.rows(sql.LOCK, [id]);
      if (row === undefined) return {kind: 'missing'};
      const before = taskOf(row);
      if (!check(before.version)) return {kind: 'stale', version: before.version};
      const task = {...before, deletedAt: actor.now.toISOString(), version: before.version + 1};
      const createdBy = row.created_by as string | null;
      const times = [new Date(task.createdAt), actor.now];
      await session.change(sql.INSERT_DELETED, [id, JSON.stringify(task), createdBy, ...times]);
      await session.change(sql.DELETE, [id]);
      await record(session, task, 'deleted', [], actor);
      return {kind: 'removed'};
    });
  }

  async restore(id: string, check: VersionCheck, actor: Actor): Promise<RestoreOutcome> {
    return this.#database.transaction(async (session) => {
      const [row] = await session.rows(sql.LOCK_DELETED, [id]);
      if (row === undefined) return unlessDeleted(taskIn(await session.rows(sql.LOCK, [id])), check);
      const before = taskOfDocument(row.document);
      if (!check(before.version)) return {kind: 'stale', version: before.version};
      const task = {...before, deletedAt: null, updatedAt: actor.now.toISOString(), version: before.version + 1};
      await insert(session, task, row.created_by as string | null);
      await session.change(sql.DELETE_DELETED, [id]);
      await record(session, task, 'restored', [], actor);
      return {kind: 'restored', task};
    });
  }

  async history(id: string, before: number | undefined, limit: number): Promise<Page<HistoryEntry> | undefined> {
    return this.#database.run(async (session) => {
      const [creation] = await session.rows(sql.FIND_CREATION, [id, id]);
      if (creation === undefined) return undefined;
      const {items, hasMore} = await readPage<HistoryEntry>(limit, bytesOfEntry, async (last, count) => {
        const until = last?.version ?? before ?? 2 ** 32 - 1;
        const rows = await session.rows(sql.LIST_CHANGES, [id, String(until), String(count)]);
        const found = rows.map(changeOf);
        if (until > 1 && found.length < count) found.push(creationOf(creation));
        return found;
      });
      return {items, next: nextOfPage(items, hasMore, ({version}) => [String(version)])};
    });
  }

  async #findMany(ids: readonly string[]): Promise<ReadonlyMap<string, Task>> {
    const exponent = Math.ceil(Math.log2(ids.length));
    const statement = sql.FIND[exponent];
    if (statement === undefined) throw new RangeError(`${ids.length} ids are more than ${sql.FIND_LIMIT}`);
    // The last id again, as often as it takes: a row is found once, however often it is asked for.
    const values = [...ids, ...Array.from({length: 2 ** exponent - ids.length}, () => ids.at(-1) ?? '')];
    const rows = await this.#database.run((session) => session.rows(statement, values));
    return new Map(rows.map(taskOf).map((task) => [task.id, task]));
  }
}

async function insert(session: Session, task: Task, createdBy: string | null): Promise<void> {
  await session.change(sql.INSERT, [...valuesOf(task), createdBy]);
  await insertLabels(session, [task]);
}

async function insertLabels(session: Session, tasks: readonly Task[]): Promise<void> {
  const pairs = tasks.flatMap(({id, labels}) => labels.map((label) => [label, id]));
  if (pairs.length > 0) await session.change(sql.INSERT_LABELS, [JSON.stringify(pairs)]);
}

async function record(
  session: Session,
  {id, version}: Task,
  action: 'updated' | 'deleted' | 'restored',
  changes: readonly FieldChange[],
  {principal, now}: Actor,
): Promise<void> {
  const values = [id, String(version), now, principal, action, JSON.stringify(changes)];
  await session.change(sql.INSERT_CHANGE, values);
}

/** The task after a completed one that repeats; undefined at the series' end. */
async function nextOf(task: Task, now: Date): Promise<Task | undefined> {
  if (task.recurrence === null || task.dueAt === null) return undefined;
  // Imported when the first task repeats: many services have none, and it is a fifth of the process's code.
  const {following} = await import('./recurrence.ts');
  const next = following(task.recurrence, task.dueAt, now);
  if (next === undefined) return undefined;
  const {title, description, priority, assignee, labels} = task;
  const body = {title, description, priority, assignee, labels, ...next};
  return newTask(body, uuidV7(now.getTime()), now.toISOString());
}

function bulkTasks(bodies: readonly CreateTask[], {ids, at}: BulkResponse): readonly Task[] {
  return bodies.map((body, i) => newTask(body, ids[i] ?? '', at));
}

/** The values of a task for JSON_TABLE: a time without the zone's letter, and labels as the array that they are. */
function jsonValues(task: Task): readonly unknown[] {
  return valuesOf(task).map((value, i) => {
    if (COLUMNS[i] === 'labels') return task.labels;
    return value instanceof Date ? value.toISOString().slice(0, -1) : value;
  });
}

/** What makes a page this one. The time counts only where the filter goes by it. */
function nameOf({filter, sort, order, after, limit, now}: TaskList): string {
  return JSON.stringify([filter, sort, order, after, limit, filter.overdue ? now : null]);
}

function taskIn([row]: readonly RowDataPacket[]): Task | undefined {
  return row === undefined ? undefined : taskOf(row);
}

function unlessDeleted(task: Task | undefined, check: VersionCheck): RestoreOutcome {
  if (task === undefined) return {kind: 'missing'};
  return check(task.version) ? {kind: 'restored', task} : {kind: 'stale', version: task.version};
}

function changeOf(row: RowDataPacket): HistoryEntry {
  return {
    version: row.version as number,
    at: (row.changed_at as Date).toISOString(),
    by: row.principal as string,
    action: row.action as HistoryEntry['action'],
    // MySQL keeps the names of a document in an order of its own.
    changes: (row.changes as FieldChange[]).map(({field, from, to}) => ({field, from, to})),
  };
}

function bytesOfEntry({changes}: HistoryEntry): number {
  return Buffer.byteLength(JSON.stringify(changes));
}

function creationOf(row: RowDataPacket): HistoryEntry {
  const at = (row.created_at as Date).toISOString();
  return {version: 1, at, by: row.created_by as string | null, action: 'created', changes: []};
}

/** Where the next page begins; undefined at the end. */
function nextOfPage<T>(
  items: readonly T[],
  hasMore: boolean,
  positionOf: (item: T) => readonly string[],
): readonly string[] | undefined {
  const last = items.at(-1);
  return hasMore && last !== undefined ? positionOf(last) : undefined;
}
