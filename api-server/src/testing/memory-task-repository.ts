import type {VersionCheck} from '../tasks/etag.ts';
import type {IdempotentRequest} from '../tasks/idempotency.ts';
import type {CreateOutcome, RemoveOutcome, TaskRepository, UpdateOutcome} from '../tasks/repository.ts';
import type {PatchTask, Task} from '../tasks/schema.ts';

/** Tasks in memory, for tests of what lies in front of the database. What the database does is tested on a real one. */
export class MemoryTaskRepository implements TaskRepository {
  readonly tasks = new Map<string, Task>();
  readonly #keys = new Map<string, {bodyHash: Buffer; task: Task}>();
  /** Thrown by the next calls, as a database that fails would. */
  failure: Error | undefined;
  /** What every call waits for first. */
  delay: Promise<void> = Promise.resolve();

  create(task: Task, once: IdempotentRequest | undefined): Promise<CreateOutcome> {
    return this.#answer(() => {
      const name = `${once?.principal ?? ''} ${once?.key ?? ''}`;
      const earlier = once === undefined ? undefined : this.#keys.get(name);
      if (once !== undefined && earlier !== undefined) {
        return earlier.bodyHash.equals(once.bodyHash) ? {kind: 'repeated', task: earlier.task} : {kind: 'key-reused'};
      }
      if (once !== undefined) this.#keys.set(name, {bodyHash: once.bodyHash, task});
      this.tasks.set(task.id, task);
      return {kind: 'created', task};
    });
  }

  find(id: string): Promise<Task | undefined> {
    return this.#answer(() => this.tasks.get(id));
  }

  list(after: string | undefined, limit: number): Promise<readonly Task[]> {
    return this.#answer(() => {
      const ordered = [...this.tasks.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      return ordered.filter(({id}) => id > (after ?? '')).slice(0, limit);
    });
  }

  update(id: string, check: VersionCheck, patch: PatchTask, now: Date): Promise<UpdateOutcome> {
    return this.#answer(() => {
      const before = this.tasks.get(id);
      if (before === undefined) return {kind: 'missing'};
      if (!check(before.version)) return {kind: 'stale', version: before.version};
      const task: Task = {...before, ...patch, updatedAt: now.toISOString(), version: before.version + 1};
      this.tasks.set(id, task);
      return {kind: 'updated', task};
    });
  }

  remove(id: string, check: VersionCheck): Promise<RemoveOutcome> {
    return this.#answer(() => {
      const before = this.tasks.get(id);
      if (before === undefined) return {kind: 'missing'};
      if (!check(before.version)) return {kind: 'stale', version: before.version};
      this.tasks.delete(id);
      return {kind: 'removed'};
    });
  }

  /** Answers later than it is called, as a database does. */
  async #answer<T>(work: () => T): Promise<T> {
    await this.delay;
    if (this.failure !== undefined) throw this.failure;
    return work();
  }
}
