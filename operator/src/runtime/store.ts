import {atLeastVersion, type OwnerReference} from './types.ts';

/** One object in a store: its identity and what the projection kept. */
export interface Cached<T> {
  /** `namespace/name`, or `name` for cluster-scoped objects. */
  readonly key: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** The owner with `controller: true`. */
  readonly owner: Pick<OwnerReference, 'kind' | 'name' | 'uid'> | undefined;
  readonly value: T;
}

/** Called after the store changed; `old` undefined = appeared, `now` undefined = gone. Must be quick. */
export type ChangeHandler<T> = (key: string, old: Cached<T> | undefined, now: Cached<T> | undefined) => void;

/** What controllers may do with a store: read it, and say what they wrote. */
export interface Store<T> {
  readonly size: number;
  get(key: string): Cached<T> | undefined;
  list(): Cached<T>[];
  /** Objects whose controller owner has this uid. */
  byOwner(uid: string): Cached<T>[];
  /** Objects that a named index puts under a value. @throws Error when there is no such index */
  byIndex(index: string, value: string): Cached<T>[];
  /** Remembers a write of ours, so that {@link Store.fresh} is false until the store has seen it. */
  expect(key: string, resourceVersion: string): void;
  /** Remembers a deletion of ours. */
  expectGone(key: string, uid: string): void;
  /** Whether the store has seen `resourceVersion` of this object, or any later moment of the resource. */
  atLeast(key: string, resourceVersion: string): boolean;
  /** Whether the store has seen every write remembered for this object. */
  fresh(key: string): boolean;
}

/** Functions that give the values under which an object is found. */
export type Indexers<T> = Readonly<Record<string, (value: T, key: string) => readonly string[]>>;

type Expectation =
  | {readonly kind: 'version'; readonly order: number; readonly resourceVersion: string}
  | {readonly kind: 'gone'; readonly order: number; readonly uid: string; readonly after: string | undefined};

/** A store in memory with its indexes; a reflector keeps it up to date. */
export class ObjectStore<T> implements Store<T> {
  readonly #objects = new Map<string, Cached<T>>();
  readonly #byOwner = new KeySets();
  readonly #indexers: Indexers<T>;
  readonly #indexes: ReadonlyMap<string, KeySets>;
  readonly #expectations = new Map<string, Expectation>();
  #order = 0;
  #version: string | undefined;

  constructor(indexers: Indexers<T> = {}) {
    this.#indexers = indexers;
    this.#indexes = new Map(Object.keys(indexers).map((name) => [name, new KeySets()]));
  }

  get size(): number {
    return this.#objects.size;
  }

  /** The newest resourceVersion of the resource that is known to be in the store. */
  get version(): string | undefined {
    return this.#version;
  }

  get(key: string): Cached<T> | undefined {
    return this.#objects.get(key);
  }

  list(): Cached<T>[] {
    return [...this.#objects.values()];
  }

  byOwner(uid: string): Cached<T>[] {
    return this.#resolve(this.#byOwner.get(uid));
  }

  byIndex(index: string, value: string): Cached<T>[] {
    const sets = this.#indexes.get(index);
    if (sets === undefined) {
      throw new Error(`There is no index ${index}`);
    }
    return this.#resolve(sets.get(value));
  }

  expect(key: string, resourceVersion: string): void {
    const earlier = this.#expectations.get(key);
    if (earlier?.kind === 'version' && atLeastVersion(earlier.resourceVersion, resourceVersion)) {
      return;
    }
    this.#expectations.set(key, {kind: 'version', order: this.#order++, resourceVersion});
  }

  expectGone(key: string, uid: string): void {
    const after = this.#objects.get(key)?.resourceVersion;
    this.#expectations.set(key, {kind: 'gone', order: this.#order++, uid, after});
  }

  atLeast(key: string, resourceVersion: string): boolean {
    const object = this.#objects.get(key);
    return (
      (object !== undefined && atLeastVersion(object.resourceVersion, resourceVersion)) ||
      (this.#version !== undefined && atLeastVersion(this.#version, resourceVersion))
    );
  }

  fresh(key: string): boolean {
    const expectation = this.#expectations.get(key);
    if (expectation === undefined) {
      return true;
    }
    if (!this.#met(key, expectation)) {
      return false;
    }
    this.#expectations.delete(key);
    return true;
  }

  /** An owner as it is already held for another of its objects: siblings share it, at a fifth of their memory. */
  knownOwner(uid: string): Cached<T>['owner'] {
    for (const key of this.#byOwner.get(uid)) {
      return this.#objects.get(key)?.owner;
    }
    return undefined;
  }

  /** Puts an object and returns the one it replaces. */
  put(object: Cached<T>): Cached<T> | undefined {
    const old = this.#objects.get(object.key);
    if (old !== undefined) {
      this.#unindex(old);
    }
    this.#objects.set(object.key, object);
    this.#index(object);
    return old;
  }

  /** Removes an object and returns it. */
  remove(key: string): Cached<T> | undefined {
    const old = this.#objects.get(key);
    if (old !== undefined) {
      this.#unindex(old);
      this.#objects.delete(key);
    }
    return old;
  }

  /** Says that everything up to this resourceVersion is in the store. A list may set it back: etcd may have been restored. */
  advance(resourceVersion: string): void {
    this.#version = resourceVersion;
  }

  /** A token for {@link ObjectStore.settleBefore}, taken before a list is asked for. */
  moment(): number {
    return this.#order;
  }

  /** Ends the waiting for writes from before a list was asked for: a consistent list has seen them all. */
  settleBefore(moment: number): void {
    for (const [key, expectation] of this.#expectations) {
      if (expectation.order < moment) {
        this.#expectations.delete(key);
      }
    }
  }

  #met(key: string, expectation: Expectation): boolean {
    switch (expectation.kind) {
      case 'version':
        return this.atLeast(key, expectation.resourceVersion);
      case 'gone': {
        const object = this.#objects.get(key);
        // Any newer state will do: an object with finalizers is marked first and goes later.
        return object?.uid !== expectation.uid || object.resourceVersion !== expectation.after;
      }
    }
  }

  #index(object: Cached<T>): void {
    if (object.owner !== undefined) {
      this.#byOwner.add(object.owner.uid, object.key);
    }
    for (const [name, sets] of this.#indexes) {
      for (const value of this.#indexers[name]?.(object.value, object.key) ?? []) {
        sets.add(value, object.key);
      }
    }
  }

  #unindex(object: Cached<T>): void {
    if (object.owner !== undefined) {
      this.#byOwner.delete(object.owner.uid, object.key);
    }
    for (const [name, sets] of this.#indexes) {
      for (const value of this.#indexers[name]?.(object.value, object.key) ?? []) {
        sets.delete(value, object.key);
      }
    }
  }

  #resolve(keys: ReadonlySet<string>): Cached<T>[] {
    return [...keys].flatMap((key) => this.#objects.get(key) ?? []);
  }
}

/** Sets of keys by a value; empty ones are let go. */
class KeySets {
  readonly #sets = new Map<string, Set<string>>();

  get(value: string): ReadonlySet<string> {
    return this.#sets.get(value) ?? new Set();
  }

  add(value: string, key: string): void {
    const set = this.#sets.get(value);
    if (set === undefined) {
      this.#sets.set(value, new Set([key]));
    } else {
      set.add(key);
    }
  }

  delete(value: string, key: string): void {
    const set = this.#sets.get(value);
    set?.delete(key);
    if (set?.size === 0) {
      this.#sets.delete(value);
    }
  }
}
