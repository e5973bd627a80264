import {decide} from '../tasks/change.ts';
import {newTask} from '../tasks/draft.ts';
import type {VersionCheck} from '../tasks/etag.ts';
import type {IdempotentRequest} from '../tasks/idempotency.ts';
import type {Page, TaskList} from '../tasks/list.ts';
import type {
  Actor,
  BulkOutcome,
  CreateOutcome,
  RemoveOutcome,
  RestoreOutcome,
  TaskRepository,
  UpdateOutcome,
} from '../tasks/repository.ts';
import type {CreateTask, HistoryEntry, PatchTask, Task} from '../tasks/schema.ts';
import {uuidV7} from '../tasks/uuid.ts';

/**
 * Tasks in memory, for tests of what lies in front of the database: it lists in order of creation and nothing else, and
 * knows no history and no recurrence. What the database does is tested on a real one.
 */
export class MemoryTaskRepository implements TaskRepository {
  readonly tasks = new Map<string, Task>();
  readonly #deleted = new Map<string, Task>();
  readonly #keys = new Map<string, {bodyHash: Buffer; tasks: readonly Task[]}>();
  /** Thrown by the next calls, as a database that fails would. */
  failure: Error | undefined;
  /** What every call waits for first. */
  delay: Promise<void> = Promise.resolve();

  create(task: Task, _actor: Actor, once: IdempotentRequest | undefined): Promise<CreateOutcome> {
    return this.#answer(() => {
      const {kind, tasks} = this.#once([task], once);
      const [kept] = tasks;
      return kind === 'key-reused' || kept === undefined ? {kind: 'key-reused'} : {kind, task: kept};
    });
  }

  createAll(bodies: readonly CreateTask[], {now}: Actor, once: IdempotentRequest | undefined): Promise<BulkOutcome> {
    const tasks = bodies.map((body) => newTask(body, uuidV7(now.getTime()), now.toISOString()));
    return this.#answer(() => this.#once(tasks, once));
  }

  find(id: string): Promise<Task | undefined> {
    return this.#answer(() => this.tasks.get(id));
  }

  list({after, limit}: TaskList): Promise<Page<Task>> {
    return this.#answer(() => {
      const ordered = [...this.tasks.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      const found = ordered.filter(({id}) => id > (after?.[0] ?? ''));
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return {items, next: found.length > limit && last !== undefined ? [last.id] : undefined};
    });
  }

  listDeleted(_after: readonly string[] | undefined, limit: number): Promise<Page<Task>> {
    return this.#answer(() => ({items: [...this.#deleted.values()].slice(0, limit), next: undefined}));
  }

  update(id: string, check: VersionCheck, patch: PatchTask, {now}: Actor): Promise<UpdateOutcome> {
    return this.#answer(() => {
      const before = this.tasks.get(id);
      if (before === undefined) return {kind: 'missing'};
      if (!check(before.version)) return {kind: 'stale', version: before.version};
      const decision = decide(before, patch, now);
      if (decision.kind === 'unchanged') return {kind: 'updated', task: before};
      if (decision.kind !== 'changed') return decision;
      this.tasks.set(id, decision.task);
      return {kind: 'updated', task: decision.task};
    });
  }

  remove(id: string, check: VersionCheck): Promise<RemoveOutcome> {
    return this.#answer(() => {
      const before = this.tasks.get(id);
      if (before === undefined) return {kind: 'missing'};
      if (!check(before.version)) return {kind: 'stale', version: before.version};
      this.tasks.delete(id);
      this.#deleted.set(id, before);
      return {kind: 'removed'};
    });
  }

  restore(id: string): Promise<RestoreOutcome> {
    return this.#answer(() => {
      const task = this.#deleted.get(id) ?? this.tasks.get(id);
      if (task === undefined) return {kind: 'missing'};
      this.#deleted.delete(id);
      this.tasks.set(id, task);
      return {kind: 'restored', task};
    });
  }

  history(id: string): Promise<Page<HistoryEntry> | undefined> {
    return this.#answer(() => (this.tasks.has(id) ? {items: [], next: undefined} : undefined));
  }

  #once(tasks: readonly Task[], once: IdempotentRequest | undefined): BulkOutcome & {readonly tasks: readonly Task[]} {
    const name = `${once?.principal ?? ''} ${once?.key ?? ''}`;
    const earlier = once === undefined ? undefined : this.#keys.get(name);
    if (once !== undefined && earlier !== undefined) {
      if (!earlier.bodyHash.equals(once.bodyHash)) return {kind: 'key-reused', tasks: []};
      return {kind: 'repeated', tasks: earlier.tasks};
    }
    if (once !== undefined) this.#keys.set(name, {bodyHash: once.bodyHash, tasks});
    for (const task of tasks) this.tasks.set(task.id, task);
    return {kind: 'created', tasks};
  }

  /** Answers later than it is called, as a database does. */
  async #answer<T>(work: () => T): Promise<T> {
    await this.delay;
    if (this.failure !== undefined) throw this.failure;
    return work();
  }
}
