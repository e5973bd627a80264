import type {OwnerReference} from './types.ts';

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

/** Called after the store changed; `old` undefined = appeared, `now` undefined = gone. Must not throw; must be quick. */
export type ChangeHandler<T> = (key: string, old: Cached<T> | undefined, now: Cached<T> | undefined) => void;

/** What of a store other parts may do: read, and say what they wrote. */
export declare class Store<T> {
  get(key: string): Cached<T> | undefined;
  list(): Cached<T>[];
  readonly size: number;
  /** Objects whose controller owner has this uid. */
  byOwner(uid: string): Cached<T>[];
  byIndex(index: string, value: string): Cached<T>[];
  /** Remembers a write of ours, so that {@link Store.fresh} is false until the store has seen it. */
  expect(key: string, resourceVersion: string): void;
  /** Remembers a deletion of ours. */
  expectGone(key: string, uid: string): void;
  /** Whether the store has seen `resourceVersion` of this object. */
  atLeast(key: string, resourceVersion: string): boolean;
  /** Whether the store has seen every write remembered for this object. */
  fresh(key: string): boolean;
}
