import type {SqlValue, Statement} from '../database/database.ts';
import {Problem} from '../problems.ts';
import type {Position} from './cursor.ts';
import {isTime, type TaskFilter, type TaskList} from './list.ts';
import {COLUMNS, PRIORITY_NUMBERS, STATE_NUMBERS} from './rows.ts';
import type {Order, Sort, Task} from './schema.ts';
import {isTaskId} from './uuid.ts';

/**
 * Tasks that one request looks at, at most, where the index doesn't answer all of a filter. It is what bounds a request's
 * time whatever the filter and however many tasks there are; the price is that a page may be short before the end.
 */
const WINDOW = 2000;

type Key = 'id' | 'due_order' | 'open_due_at' | 'priority' | 'updated_at';

/** An index, walked in its order. */
interface Walk {
  readonly index: string;
  /** What the walk goes up or down by, before the id. */
  readonly key: Key;
  /** The columns that the index begins with, of which the whole walk has one value each. */
  readonly prefix: readonly {readonly column: string; readonly value: string}[];
  /** What of the filter the walk itself answers. */
  readonly answers: readonly (keyof TaskFilter)[];
}

/** A statement with its values. */
export interface Query {
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
}

/**
 * How to get a page. Without `edge`, one statement does it. With it, the edge tells where the window ends, and the page
 * has the tasks up to there that pass the filter.
 */
export interface Plan {
  readonly edge: Query | undefined;
  /** @param edge what the edge's statement gave; undefined when the list ends before the window does. */
  page(edge: Position | undefined, limit: number): Query;
  /** Where a task stands in this list. */
  readonly positionOf: (task: Task) => Position;
  /** The position that a row of the edge's statement tells. */
  edgeOf(row: {readonly k: unknown; readonly id: unknown}): Position;
}

const NO_DUE = new Date('9999-12-31T23:59:59.999Z');
const FIRST_TIME = new Date('1000-01-01T00:00:00Z');
/** Before and after every id. */
const [FIRST_ID, LAST_ID] = ['', '~'];

const LABELLED = 'labelled';

/** The order's ends, as positions that no task lies beyond. */
const ENDS: Readonly<Record<Key, readonly [SqlValue, SqlValue]>> = {
  id: [FIRST_ID, LAST_ID],
  due_order: [FIRST_TIME, NO_DUE],
  open_due_at: [FIRST_TIME, NO_DUE],
  priority: ['0', '3'],
  updated_at: [FIRST_TIME, NO_DUE],
};

/**
 * Plans a page of a list.
 *
 * @throws {Problem} invalid-cursor when the list's position isn't one of this order.
 */
export function planList(list: TaskList): Plan {
  const {filter, order, after, now} = list;
  const walk = walkOf(list.sort, filter);
  const sql = sqlOf(walk, order);
  const [start, end] = order === 'asc' ? ([FIRST_ID, LAST_ID] as const) : ([LAST_ID, FIRST_ID] as const);
  const [first, last] = order === 'asc' ? ENDS[walk.key] : ([...ENDS[walk.key]].reverse() as [SqlValue, SqlValue]);
  const bound = (position: Position | undefined, key: SqlValue, id: string): readonly SqlValue[] =>
    position === undefined ? repeatKey(walk, key, id) : boundOf(walk, position);
  const begin = [...walk.prefix.map(({value}) => value), ...bound(after, first, start), ...rangeOf(walk, filter, now)];
  const complete = isAnswered(filter, walk);
  return {
    edge: complete ? undefined : {statement: sql.edge, values: begin},
    page: (edge, limit) =>
      complete
        ? {statement: sql.page, values: [...begin, String(limit)]}
        : {
            statement: sql.filtered,
            values: [...begin, ...bound(edge, last, end), ...filterValues(filter, now), String(limit)],
          },
    positionOf: (task) => positionOf(walk.key, task),
    edgeOf: ({k, id}) =>
      walk.key === 'id' ? [String(id)] : [k instanceof Date ? k.toISOString() : String(k), String(id)],
  };
}

/** The index that gives the order and cuts most of what the filter leaves out. */
function walkOf(sort: Sort, filter: TaskFilter): Walk {
  const state = only('state', filter.status && STATE_NUMBERS[filter.status]);
  const priority = only('priority', filter.priority && PRIORITY_NUMBERS[filter.priority]);
  const assignee = only('assignee', filter.assignee);
  switch (sort) {
    case 'createdAt':
      return byCreation(filter.label, assignee, priority, state);
    case 'dueAt':
      if (filter.overdue) {
        return {index: 'by_overdue', key: 'open_due_at', prefix: [], answers: ['overdue', 'dueAfter', 'dueBefore']};
      }
      if (assignee.length > 0) return byDue('by_assignee_due', assignee, ['assignee']);
      return state.length > 0 ? byDue('by_state_due', state, ['status']) : byDue('by_due', [], []);
    case 'priority':
      return byPriority(state, priority, priority.length > 0 ? 'id' : 'priority');
    case 'updatedAt':
      return state.length > 0
        ? {index: 'by_state_updated', key: 'updated_at', prefix: state, answers: ['status']}
        : {index: 'by_updated', key: 'updated_at', prefix: [], answers: []};
  }
}

function only(column: string, value: string | undefined): Walk['prefix'] {
  return value === undefined ? [] : [{column, value}];
}

function byCreation(
  label: string | undefined,
  assignee: Walk['prefix'],
  priority: Walk['prefix'],
  state: Walk['prefix'],
): Walk {
  if (label !== undefined) return {index: LABELLED, key: 'id', prefix: only('label', label), answers: ['label']};
  if (assignee.length > 0) return {index: 'by_assignee', key: 'id', prefix: assignee, answers: ['assignee']};
  if (priority.length > 0) return byPriority(state, priority, 'id');
  if (state.length > 0) return {index: 'by_state', key: 'id', prefix: state, answers: ['status']};
  return {index: 'PRIMARY', key: 'id', prefix: [], answers: []};
}

function byDue(index: string, prefix: Walk['prefix'], answers: readonly (keyof TaskFilter)[]): Walk {
  return {index, key: 'due_order', prefix, answers: [...answers, 'dueAfter', 'dueBefore']};
}

/** Among tasks of one priority, the order by priority is the order by id. */
function byPriority(state: Walk['prefix'], priority: Walk['prefix'], key: 'id' | 'priority'): Walk {
  return state.length > 0
    ? {index: 'by_state_priority', key, prefix: [...state, ...priority], answers: ['status', 'priority']}
    : {index: 'by_priority', key, prefix: priority, answers: ['priority']};
}

function isAnswered(filter: TaskFilter, {answers}: Walk): boolean {
  const asked = (Object.keys(filter) as (keyof TaskFilter)[]).filter(
    (name) => filter[name] !== undefined && filter[name] !== false,
  );
  return asked.every((name) => answers.includes(name));
}

interface Sql {
  readonly page: Statement;
  readonly edge: Statement;
  readonly filtered: Statement;
}

/** Texts by what makes them differ: few, since each connection prepares each once and keeps it. */
const texts = new Map<string, Sql>();

function sqlOf(walk: Walk, order: Order): Sql {
  const name = [walk.index, walk.key, walk.prefix.length, order].join(' ');
  const known = texts.get(name);
  if (known !== undefined) return known;
  const made = write(walk, order);
  texts.set(name, made);
  return made;
}

/** What the walk can't answer. A value that is null asks for nothing, so that one text serves all filters. */
const FILTER = [
  '(? IS NULL OR t.state = ?)',
  '(? IS NULL OR t.priority = ?)',
  '(? IS NULL OR t.assignee = ?)',
  '(? IS NULL OR ? MEMBER OF(t.labels))',
  '(? IS NULL OR t.due_at >= ?)',
  '(? IS NULL OR t.due_at < ?)',
  '(? IS NULL OR t.open_due_at < ?)',
  '(? IS NULL OR t.title LIKE ? OR t.description LIKE ?)',
].join(' AND ');

function filterValues(filter: TaskFilter, now: Date): readonly SqlValue[] {
  const text = filter.text === undefined ? null : `%${filter.text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const values: readonly SqlValue[] = [
    filter.status === undefined ? null : STATE_NUMBERS[filter.status],
    filter.priority === undefined ? null : PRIORITY_NUMBERS[filter.priority],
    filter.assignee ?? null,
    filter.label ?? null,
    filter.dueAfter ?? null,
    filter.dueBefore ?? null,
    filter.overdue ? now : null,
  ];
  return [...values.flatMap((value) => [value, value]), text, text, text];
}

function write({index, key, prefix}: Walk, order: Order): Sql {
  const labelled = index === LABELLED;
  const id = labelled ? 'l.task_id' : 't.id';
  const k = key === 'id' ? id : `t.${key}`;
  const from = labelled
    ? 'task_labels AS l STRAIGHT_JOIN tasks AS t ON t.id = l.task_id'
    : `tasks AS t FORCE INDEX (${index})`;
  const [beyond, within] = order === 'asc' ? (['>', '<'] as const) : (['<', '>'] as const);
  // A comparison of rows, (k, id) > (?, ?), says the same, but MySQL finds no range in it.
  const compared = (sign: string, equal: string): string =>
    key === 'id' ? `${id} ${sign}${equal} ?` : `(${k} ${sign} ? OR (${k} = ? AND ${id} ${sign}${equal} ?))`;
  const begin = [
    ...prefix.map(({column}) => `${labelled ? 'l' : 't'}.${column} = ?`),
    compared(beyond, ''),
    ...(isDue(key) ? [`${k} BETWEEN ? AND ?`] : []),
  ].join(' AND ');
  const direction = order === 'asc' ? '' : ' DESC';
  const ordered = `ORDER BY ${key === 'id' ? '' : `${k}${direction}, `}${id}${direction}`;
  const columns = COLUMNS.map((column) => `t.${column}`).join(', ');
  const window = `LIMIT 1 OFFSET ${WINDOW - 1}`;
  return {
    page: {name: 'task_list', sql: `SELECT ${columns} FROM ${from} WHERE ${begin} ${ordered} LIMIT ?`},
    edge: {
      name: 'task_list_edge',
      sql: `SELECT ${k} AS k, ${id} AS id FROM ${labelled ? 'task_labels AS l' : from} WHERE ${begin} ${ordered} ${window}`,
    },
    filtered: {
      name: 'task_list_filtered',
      sql: `SELECT ${columns} FROM ${from} WHERE ${begin} AND ${compared(within, '=')} AND ${FILTER} ${ordered} LIMIT ?`,
    },
  };
}

function isDue(key: Key): boolean {
  return key === 'due_order' || key === 'open_due_at';
}

/** The first and last due time that a walk in their order goes to; tasks without one only where nobody asks for any. */
function rangeOf({key}: Walk, {dueAfter, dueBefore, overdue}: TaskFilter, now: Date): readonly SqlValue[] {
  if (!isDue(key)) return [];
  const ends = [dueBefore, overdue ? now : undefined, dueAfter === undefined ? undefined : NO_DUE];
  const times = ends.filter((end) => end !== undefined).map((end) => end.getTime() - 1);
  return [dueAfter ?? FIRST_TIME, times.length === 0 ? NO_DUE : new Date(Math.min(...times))];
}

function positionOf(key: Key, task: Task): Position {
  switch (key) {
    case 'id':
      return [task.id];
    case 'due_order':
    case 'open_due_at':
      return [task.dueAt ?? NO_DUE.toISOString(), task.id];
    case 'priority':
      return [PRIORITY_NUMBERS[task.priority], task.id];
    case 'updated_at':
      return [task.updatedAt, task.id];
  }
}

/** The values of a comparison with a position, which came from a client. */
function boundOf(walk: Walk, position: Position): readonly SqlValue[] {
  const id = position.at(-1) ?? '';
  const key = position[0] ?? '';
  const length = walk.key === 'id' ? 1 : 2;
  if (position.length !== length || !isTaskId(id)) throw new Problem('invalid-cursor');
  if (walk.key === 'id') return [id];
  if (walk.key === 'priority') {
    if (!/^[0-3]$/.test(key)) throw new Problem('invalid-cursor');
    return repeatKey(walk, key, id);
  }
  if (!isTime(key)) throw new Problem('invalid-cursor');
  return repeatKey(walk, new Date(key), id);
}

function repeatKey({key}: Walk, value: SqlValue, id: string): readonly SqlValue[] {
  return key === 'id' ? [id] : [value, value, id];
}
