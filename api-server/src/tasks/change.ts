import {isDeepStrictEqual} from 'node:util';
import {canonical} from './draft.ts';
import type {FieldChange, FieldValue, PatchTask, Task, TaskStatus} from './schema.ts';
import {allowedAfter} from './transitions.ts';

/** Code points of a text that the history keeps; so a page of it is bounded, however long descriptions are. */
const KEPT_TEXT = 200;

/** What a patch makes of a task. */
export type Decision =
  | {
      readonly kind: 'changed';
      readonly task: Task;
      readonly changes: readonly FieldChange[];
      /** The change completed a task that repeats and has no follower yet. */
      readonly repeats: boolean;
    }
  /** The task is what the patch asks for already. */
  | {readonly kind: 'unchanged'}
  | {readonly kind: 'refused'; readonly from: TaskStatus; readonly to: TaskStatus}
  | {readonly kind: 'recurrence-without-due'};

/** Decides what a patch makes of a task, at a time. */
export function decide(before: Task, patch: PatchTask, now: Date): Decision {
  const wanted = {...before, ...canonical(patch)};
  const {status} = wanted;
  if (status !== before.status && !allowedAfter(before.status).includes(status)) {
    return {kind: 'refused', from: before.status, to: status};
  }
  if (wanted.recurrence !== null && wanted.dueAt === null) return {kind: 'recurrence-without-due'};
  const changes = changesBetween(before, wanted);
  if (changes.length === 0) return {kind: 'unchanged'};
  const at = now.toISOString();
  const completed = status === 'done' && before.status !== 'done';
  const completedAt = completed ? at : status === 'done' ? before.completedAt : null;
  return {
    kind: 'changed',
    task: {...wanted, completedAt, updatedAt: at, version: before.version + 1},
    changes,
    repeats: completed && wanted.recurrence !== null && before.next === null,
  };
}

const WATCHED = [
  'title',
  'description',
  'status',
  'priority',
  'dueAt',
  'assignee',
  'labels',
  'recurrence',
] as const satisfies readonly (keyof Task)[];

function changesBetween(before: Task, after: Task): readonly FieldChange[] {
  return WATCHED.filter((field) => !isDeepStrictEqual(before[field], after[field])).map((field) => ({
    field,
    from: kept(before[field]),
    to: kept(after[field]),
  }));
}

function kept(value: FieldValue): FieldValue {
  if (typeof value !== 'string') return value;
  const points = Array.from(value);
  return points.length > KEPT_TEXT ? `${points.slice(0, KEPT_TEXT).join('')}…` : value;
}
