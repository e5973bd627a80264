import type {VersionCheck} from './etag.ts';
import type {IdempotentRequest} from './idempotency.ts';
import type {PatchTask, Task} from './schema.ts';

export type CreateOutcome =
  | {readonly kind: 'created'; readonly task: Task}
  /** The same request was answered before; `task` is what that answer had. */
  | {readonly kind: 'repeated'; readonly task: Task}
  | {readonly kind: 'key-reused'};

export type UpdateOutcome =
  | {readonly kind: 'updated'; readonly task: Task}
  | {readonly kind: 'missing'}
  | {readonly kind: 'stale'; readonly version: number};

export type RemoveOutcome =
  {readonly kind: 'removed'} | {readonly kind: 'missing'} | {readonly kind: 'stale'; readonly version: number};

/** Where tasks are kept. What a method acknowledged has been committed. */
export interface TaskRepository {
  /** Stores a task; with `once`, together with the request's key, both or neither. */
  create(task: Task, once: IdempotentRequest | undefined): Promise<CreateOutcome>;
  find(id: string): Promise<Task | undefined>;
  /** Tasks in order of creation, beginning after `after`, at most `limit`. */
  list(after: string | undefined, limit: number): Promise<readonly Task[]>;
  /** Replaces the fields in `patch` if the task's version passes `check`. No other change can come in between. */
  update(id: string, check: VersionCheck, patch: PatchTask, now: Date): Promise<UpdateOutcome>;
  remove(id: string, check: VersionCheck): Promise<RemoveOutcome>;
}
