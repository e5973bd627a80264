import type {KubeClient} from './client.ts';
import type {Clock} from './clock.ts';
import type {Logger} from './logger.ts';
import type {Metrics} from './metrics.ts';
import type {ChangeHandler, Store} from './store.ts';
import type {KubeObject, ResourceRef} from './types.ts';

export interface ReflectorOptions<T> {
  client: KubeClient;
  ref: ResourceRef;
  /** Undefined = all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** What is kept of each object; the object itself is let go. */
  project: (object: KubeObject) => T;
  /** Named indexes for {@link Store.byIndex}. */
  indexes?: Readonly<Record<string, (value: T, key: string) => readonly string[]>>;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
}

export declare class Reflector<T> {
  constructor(options: ReflectorOptions<T>);
  readonly store: Store<T>;
  /** Handlers added before start see the first list as appearances. */
  addHandler(handler: ChangeHandler<T>): void;
  start(): void;
  stop(): Promise<void>;
  hasSynced(): boolean;
  /** Resolves once the first list is in the store; rejects when the signal is aborted first. */
  synced(signal?: AbortSignal): Promise<void>;
  /** Undefined while all is well, else the message of what keeps the watch from working and since when (epoch ms). */
  readonly trouble: {readonly message: string; readonly since: number} | undefined;
}
