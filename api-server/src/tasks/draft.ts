import type {CreateTask, PatchTask, Task} from './schema.ts';

/** What a task has where nobody said anything; also what one has that an older release wrote. */
export const UNSAID: Unsaid = {
  description: '',
  status: 'open',
  priority: 'normal',
  dueAt: null,
  assignee: null,
  labels: [],
  recurrence: null,
  completedAt: null,
  deletedAt: null,
  next: null,
};

type Unsaid = Omit<Task, 'id' | 'title' | 'createdAt' | 'updatedAt' | 'version'>;

/**
 * The task that a request makes.
 *
 * Text is made well-formed, since MySQL stores a lone surrogate as U+FFFD: what we answer is what we keep.
 *
 * @param at RFC 3339 in UTC.
 */
export function newTask(body: CreateTask, id: string, at: string): Task {
  return shown({
    ...UNSAID,
    ...canonical(body),
    id,
    completedAt: body.status === 'done' ? at : null,
    createdAt: at,
    updatedAt: at,
    version: 1,
  });
}

/** A task with its fields in the order in which all answers have them, and none that this release doesn't know. */
export function shown(task: Task): Task {
  return {
    id: task.id,
    title: task.title,
    description: task.description,
    status: task.status,
    priority: task.priority,
    dueAt: task.dueAt,
    assignee: task.assignee,
    labels: task.labels,
    recurrence: task.recurrence,
    createdAt: task.createdAt,
    updatedAt: task.updatedAt,
    completedAt: task.completedAt,
    deletedAt: task.deletedAt,
    next: task.next,
    version: task.version,
  };
}

/** The fields that a body has, in the form in which they are kept and answered. */
export function canonical<T extends PatchTask>(body: T): T {
  const result = {...body};
  if (result.title !== undefined) result.title = result.title.toWellFormed();
  if (result.description !== undefined) result.description = result.description.toWellFormed();
  if (typeof result.assignee === 'string') result.assignee = result.assignee.toWellFormed();
  if (typeof result.dueAt === 'string') result.dueAt = new Date(result.dueAt).toISOString();
  if (result.labels !== undefined) result.labels = [...result.labels].sort();
  return result;
}
