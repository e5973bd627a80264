import {Problem} from '../problems.ts';
import type {Position} from './cursor.ts';
import {DEFAULT_LIMIT, type ListQuery, type Order, type Priority, type Sort, type TaskStatus} from './schema.ts';
import {isTaskId} from './uuid.ts';

/** A page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; undefined at the end. */
  readonly next: Position | undefined;
}

/** Which tasks a list has. Times are exact to the millisecond. */
export interface TaskFilter {
  readonly status: TaskStatus | undefined;
  readonly priority: Priority | undefined;
  readonly assignee: string | undefined;
  readonly label: string | undefined;
  /** Due at this time or later. */
  readonly dueAfter: Date | undefined;
  /** Due before this time. */
  readonly dueBefore: Date | undefined;
  /** Not done and not cancelled, and due before `now`. */
  readonly overdue: boolean;
  readonly text: string | undefined;
}

/** One page of one list. */
export interface TaskList {
  readonly filter: TaskFilter;
  readonly sort: Sort;
  readonly order: Order;
  readonly after: Position | undefined;
  readonly limit: number;
  readonly now: Date;
}

/** The list that a query asks for, but for its cursor. */
export function listOf(query: ListQuery, now: Date): Omit<TaskList, 'after'> {
  const overdue = query.overdue === 'true';
  const byDue = overdue || query.dueBefore !== undefined || query.dueAfter !== undefined;
  return {
    filter: {
      status: query.status,
      priority: query.priority,
      assignee: query.assignee?.toWellFormed(),
      label: query.label,
      dueAfter: timeOf(query.dueAfter),
      dueBefore: timeOf(query.dueBefore),
      overdue,
      text: query.q?.toWellFormed(),
    },
    // Who asks about due times wants what is due first; this order also finds them without looking at other tasks.
    sort: query.sort ?? (byDue ? 'dueAt' : 'createdAt'),
    order: query.order ?? 'asc',
    limit: limitOf(query.limit),
    now,
  };
}

/** What makes a list this one, for its cursors: a cursor of one list means nothing in another. */
export function identityOf({filter, sort, order}: Omit<TaskList, 'after'>): string {
  return JSON.stringify(['tasks', filter, sort, order]);
}

/** The page's size that a query asks for. */
export function limitOf(limit: string | undefined): number {
  return limit === undefined ? DEFAULT_LIMIT : Number(limit);
}

function timeOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

/**
 * Refuses what has no meaning beside `deleted=true`: deleted tasks have one order.
 *
 * @throws {Problem} invalid-request naming the parameters.
 */
export function refuseBesideDeleted(query: ListQuery): void {
  const others = Object.keys(query).filter((name) => !['deleted', 'limit', 'cursor'].includes(name));
  if (others.length === 0) return;
  throw new Problem('invalid-request', {
    detail: 'Deleted tasks are listed by the time of their deletion, the last one first, and not filtered.',
    errors: others.map((name) => ({pointer: `/${name}`, message: 'must not be given with deleted=true'})),
  });
}

/**
 * The version that a page of a history continues before.
 *
 * @throws {Problem} invalid-cursor.
 */
export function versionOf(position: Position): number {
  const [version = ''] = position;
  if (position.length !== 1 || !/^[1-9]\d{0,9}$/.test(version)) throw new Problem('invalid-cursor');
  return Number(version);
}

/**
 * The time and id that a page of deleted tasks continues after.
 *
 * @throws {Problem} invalid-cursor.
 */
export function deletedPosition(position: Position): Position {
  const [time = '', id = ''] = position;
  if (position.length !== 2 || !isTaskId(id) || !isTime(time)) throw new Problem('invalid-cursor');
  return position;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Whether a text is a time as cursors have it. */
export function isTime(text: string): boolean {
  return TIME.test(text) && !Number.isNaN(Date.parse(text));
}
