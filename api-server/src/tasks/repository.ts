import type {VersionCheck} from './etag.ts';
import type {IdempotentRequest} from './idempotency.ts';
import type {Page, TaskList} from './list.ts';
import type {CreateTask, HistoryEntry, PatchTask, Task, TaskStatus} from './schema.ts';

/** Who changes something, and when. */
export interface Actor {
  /** The token's name. */
  readonly principal: string;
  readonly now: Date;
}

export type CreateOutcome =
  | {readonly kind: 'created'; readonly task: Task}
  /** The same request was answered before; `task` is what that answer had. */
  | {readonly kind: 'repeated'; readonly task: Task}
  | {readonly kind: 'key-reused'};

export type BulkOutcome =
  | {readonly kind: 'created'; readonly tasks: readonly Task[]}
  | {readonly kind: 'repeated'; readonly tasks: readonly Task[]}
  | {readonly kind: 'key-reused'};

interface Missing {
  readonly kind: 'missing';
}
interface Stale {
  readonly kind: 'stale';
  readonly version: number;
}

export type UpdateOutcome =
  | {readonly kind: 'updated'; readonly task: Task}
  | {readonly kind: 'refused'; readonly from: TaskStatus; readonly to: TaskStatus}
  | {readonly kind: 'recurrence-without-due'}
  | Missing
  | Stale;

export type RemoveOutcome = {readonly kind: 'removed'} | Missing | Stale;

export type RestoreOutcome = {readonly kind: 'restored'; readonly task: Task} | Missing | Stale;

/** Where tasks are kept. What a method acknowledged has been committed, with its line in the history. */
export interface TaskRepository {
  /** Stores a task; with `once`, together with the request's key, both or neither. */
  create(task: Task, actor: Actor, once: IdempotentRequest | undefined): Promise<CreateOutcome>;
  /** Stores tasks, all or none, and with `once` the request's key. */
  createAll(bodies: readonly CreateTask[], actor: Actor, once: IdempotentRequest | undefined): Promise<BulkOutcome>;
  find(id: string): Promise<Task | undefined>;
  list(list: TaskList): Promise<Page<Task>>;
  /** Deleted tasks, the last deleted first. */
  listDeleted(after: readonly string[] | undefined, limit: number): Promise<Page<Task>>;
  /**
   * Changes the fields in `patch` if the task's version passes `check`. No other change can come in between. A task that
   * repeats makes the next one when it is completed, in the same transaction and only once.
   */
  update(id: string, check: VersionCheck, patch: PatchTask, actor: Actor): Promise<UpdateOutcome>;
  /** Deletes a task, so that `restore` can bring it back. */
  remove(id: string, check: VersionCheck, actor: Actor): Promise<RemoveOutcome>;
  /** Brings a deleted task back. One that isn't deleted is answered as it is. */
  restore(id: string, check: VersionCheck, actor: Actor): Promise<RestoreOutcome>;
  /** Changes of a task, deleted or not, the newest first, before a version. */
  history(id: string, before: number | undefined, limit: number): Promise<Page<HistoryEntry> | undefined>;
}
