import type {RowDataPacket} from 'mysql2/promise';
import type {SqlValue} from '../database/database.ts';
import {isoTime} from '../iso-time.ts';
import {shown, UNSAID} from './draft.ts';
import {PRIORITIES, type Priority, type Recurrence, type Task, type TaskStatus} from './schema.ts';

/** The columns of a task, in the order of `valuesOf`. */
export const COLUMNS = [
  'id',
  'title',
  'description',
  'status',
  'cancelled',
  'priority',
  'due_at',
  'assignee',
  'labels',
  'recurrence_rule',
  'recurrence_time_zone',
  'completed_at',
  'next_id',
  'created_at',
  'updated_at',
  'version',
] as const;

/** Values of the column `state`. */
export const STATE_NUMBERS: Readonly<Record<TaskStatus, string>> = {
  open: '0',
  in_progress: '1',
  done: '2',
  cancelled: '3',
};

/** Values of the column `priority`: their order is the order of the list. */
export const PRIORITY_NUMBERS: Readonly<Record<Priority, string>> = {low: '0', normal: '1', high: '2', urgent: '3'};

/** What the columns of a task hold. */
export function valuesOf(task: Task): readonly SqlValue[] {
  return [
    task.id,
    task.title,
    task.description,
    // An older release knows three statuses only.
    task.status === 'cancelled' ? 'done' : task.status,
    task.status === 'cancelled' ? '1' : '0',
    PRIORITY_NUMBERS[task.priority],
    timeOf(task.dueAt),
    task.assignee,
    task.labels.length === 0 ? null : JSON.stringify(task.labels),
    task.recurrence?.rule ?? null,
    task.recurrence?.timeZone ?? null,
    timeOf(task.completedAt),
    task.next,
    new Date(task.createdAt),
    new Date(task.updatedAt),
    String(task.version),
  ];
}

/** The columns' types are those of the migrations. */
export function taskOf(row: RowDataPacket): Task {
  const status = row.status as TaskStatus;
  return {
    id: row.id as string,
    title: row.title as string,
    description: row.description as string,
    // The mark counts for ended tasks only: an older release that reopens one leaves it.
    status: status === 'done' && row.cancelled === 1 ? 'cancelled' : status,
    priority: PRIORITIES[row.priority as number] ?? 'normal',
    dueAt: isoOf(row.due_at),
    assignee: row.assignee as string | null,
    labels: (row.labels as string[] | null) ?? [],
    recurrence: recurrenceOf(row),
    createdAt: isoTime(row.created_at as Date),
    updatedAt: isoTime(row.updated_at as Date),
    // The same for its time, which an older release doesn't take away either.
    completedAt: status === 'done' ? isoOf(row.completed_at) : null,
    deletedAt: null,
    next: row.next_id as string | null,
    version: row.version as number,
  };
}

/** A task that was stored as the API shows it, perhaps by an older release that knew fewer fields. */
export function taskOfDocument(document: unknown): Task {
  return shown({...UNSAID, ...(document as Task)});
}

function recurrenceOf(row: RowDataPacket): Recurrence | null {
  if (row.recurrence_rule === null) return null;
  return {rule: row.recurrence_rule as string, timeZone: row.recurrence_time_zone as string};
}

function timeOf(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

function isoOf(value: unknown): string | null {
  return value instanceof Date ? isoTime(value) : null;
}
