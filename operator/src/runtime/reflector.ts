import type {KubeClient} from './client.ts';
import {delay, elapsedMs, mark, type Clock} from './clock.ts';
import {missedKeys, type Seen} from './comparison.ts';
import {ApiError, isApiError, messageOf} from './errors.ts';
import type {Logger} from './logger.ts';
import type {Metrics} from './metrics.ts';
import {ObjectStore, type Cached, type ChangeHandler, type Indexers, type Store} from './store.ts';
import {controllerOf, keyOf, type KubeObject, type ResourceRef} from './types.ts';
import {watchSession, type Scope, type WatchEnd, type WatchEvent} from './watch-session.ts';

/** Options of a reflector. */
export interface ReflectorOptions<T> {
  client: Pick<KubeClient, 'listPages' | 'watchLines'>;
  ref: ResourceRef;
  /** Undefined = all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** What is kept of each object; the object itself is let go. */
  project: (object: KubeObject) => T;
  /** Named indexes for {@link Store.byIndex}. */
  indexes?: Indexers<T>;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
  /** A watch that tells nothing for so long, not even a bookmark, is taken for dead; 150,000 unless told. */
  silenceMs?: number;
  /** Between two comparisons with a list; an hour unless told. */
  comparisonMs?: number;
  /** Objects per page of a list; 250 unless told. */
  pageSize?: number;
  /** Called whenever a watch was opened: the server that answered may be another one than before. */
  onOpen?: () => void;
  /** In [0, 1), for jitter; Math.random unless told. */
  random?: () => number;
}

/** What keeps a watch from working. */
export interface Trouble {
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** The server sends a bookmark about once a minute. */
const SILENCE_MS = 150_000;
const COMPARISON_MS = 3_600_000;
const PAGE_SIZE = 250;
/** As client-go: a renewal after 5 to 10 minutes, spread so that all watches don't end together. */
const WATCH_MIN_SECONDS = 300;
const BACKOFF_BASE_MS = 200;
const BACKOFF_CAP_MS = 10_000;
/** For what a person must mend: a missing CRD, missing rights. */
const REFUSED_CAP_MS = 60_000;
/** A watch that the server ends sooner isn't renewed at once, else the two would spin. */
const SHORT_WATCH_MS = 1_000;
/** Events that are on their way get so long before a comparison counts them as missed. */
const COMPARISON_GRACE_MS = 5_000;

/**
 * Keeps a store equal to a resource on the server, for ever: a list in pages, then a watch with bookmarks; whatever
 * happens to it, it goes on, from where it was or, when the server has forgotten that, from a new list.
 */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #store: ObjectStore<T>;
  readonly #handlers: ChangeHandler<T>[] = [];
  readonly #stopped = new AbortController();
  readonly #synced = Promise.withResolvers<undefined>();
  readonly #random: () => number;
  #hasSynced = false;
  #trouble: Trouble | undefined;
  #running: Promise<unknown> | undefined;
  /** Whether the store can't be brought up to date by a watch. */
  #mustList = true;
  /** Ends the current watch. */
  #watching = new AbortController();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#store = new ObjectStore(options.indexes);
    this.#random = options.random ?? Math.random;
  }

  get store(): Store<T> {
    return this.#store;
  }

  /** What keeps the watch from working, or undefined while all is well. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Handlers added before start see the first list as appearances. */
  addHandler(handler: ChangeHandler<T>): void {
    this.#handlers.push(handler);
  }

  start(): void {
    if (this.#running !== undefined) {
      throw new Error(`The reflector of ${this.#options.ref.kind} is already started`);
    }
    this.#running = Promise.all([this.#follow(), this.#compareForEver()]);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves once the first list is in the store. @throws Error when the signal is aborted first */
  async synced(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) {
      await this.#synced.promise;
      return;
    }
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => {
      aborted.reject(new Error(`The reflector of ${this.#options.ref.kind} has not synced`));
    };
    signal.addEventListener('abort', onAbort, {once: true});
    if (signal.aborted) {
      onAbort();
    }
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #follow(): Promise<void> {
    const {clock, metrics, ref} = this.#options;
    const isStopped = (): boolean => this.#stopped.signal.aborted;
    let failures = 0;
    while (!isStopped()) {
      const started = mark(clock);
      try {
        const end = await this.#listAndWatch();
        metrics?.watchEnds.inc({name: ref.kind, reason: end});
        // A server that ends watches at once is a failing one, else the two of us would spin.
        failures = end === 'renewal' && elapsedMs(clock, started) < SHORT_WATCH_MS ? failures + 1 : 0;
        if (failures > 0) {
          await this.#pause(BACKOFF_BASE_MS * 2 ** failures);
        }
      } catch (error) {
        if (isStopped()) {
          return;
        }
        failures = elapsedMs(clock, started) < BACKOFF_CAP_MS ? failures + 1 : 1;
        await this.#recover(error, failures);
      }
    }
  }

  /** After a broken list or watch: notes it and waits; the first time that the server forgot a version is no failure. */
  async #recover(error: unknown, failures: number): Promise<void> {
    const {clock, logger, metrics, ref} = this.#options;
    const expired = isApiError(error, 'Gone') || isTooLarge(error);
    metrics?.watchEnds.inc({name: ref.kind, reason: expired ? 'gone' : reasonOf(error)});
    this.#mustList ||= expired;
    if (expired && failures === 1) {
      return;
    }
    this.#trouble ??= {message: messageOf(error), since: clock.now()};
    logger.warn({kind: ref.kind, failures, reason: messageOf(error)}, 'Watch broken, will reconnect');
    await this.#pause(backoffMs(error, failures - 1));
  }

  async #listAndWatch(): Promise<WatchEnd> {
    if (this.#mustList) {
      await this.#list();
      this.#mustList = false;
    }
    return this.#watch();
  }

  /** Jittered to between a half and the whole, so that not every client of a restarted server comes at once. */
  async #pause(ms: number): Promise<void> {
    await delay(this.#options.clock, Math.min(ms, REFUSED_CAP_MS) * (0.5 + this.#random() / 2), this.#stopped.signal);
  }

  async #list(): Promise<void> {
    const {client, metrics, ref} = this.#options;
    metrics?.lists.inc({name: ref.kind});
    const moment = this.#store.moment();
    const listed = new Set<string>();
    let version = '';
    const limit = this.#options.pageSize ?? PAGE_SIZE;
    for await (const page of client.listPages(ref, {...this.#scope(), limit, signal: this.#stopped.signal})) {
      version = page.resourceVersion;
      for (const item of page.items) {
        // Items of a list of a built-in kind carry neither.
        const object = {...item, apiVersion: ref.apiVersion, kind: ref.kind};
        listed.add(keyOf(object.metadata));
        this.#put(object);
      }
    }
    for (const {key} of this.#store.list()) {
      if (!listed.has(key)) {
        this.#remove(key);
      }
    }
    this.#store.advance(version);
    this.#store.settleBefore(moment);
    this.#hasSynced = true;
    this.#synced.resolve(undefined);
  }

  #watch(): Promise<WatchEnd> {
    const {client, clock, metrics, ref, silenceMs = SILENCE_MS} = this.#options;
    this.#watching = new AbortController();
    return watchSession({
      client,
      ref,
      scope: this.#scope(),
      resourceVersion: this.#store.version ?? '',
      timeoutSeconds: Math.round(WATCH_MIN_SECONDS * (1 + this.#random())),
      clock,
      silenceMs,
      signal: AbortSignal.any([this.#watching.signal, this.#stopped.signal]),
      onOpen: () => {
        metrics?.watches.inc({name: ref.kind});
        this.#trouble = undefined;
        this.#options.onOpen?.();
      },
      onEvent: (event) => {
        this.#take(event);
      },
    });
  }

  #take({type, object}: WatchEvent): void {
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#put(object);
        break;
      case 'DELETED':
        this.#remove(keyOf(object.metadata));
        break;
      case 'BOOKMARK':
        break;
    }
    if (object.metadata.resourceVersion !== undefined) {
      this.#store.advance(object.metadata.resourceVersion);
    }
  }

  #put(object: KubeObject): void {
    const key = keyOf(object.metadata);
    const old = this.#store.get(key);
    if (
      old !== undefined &&
      old.uid === object.metadata.uid &&
      old.resourceVersion === object.metadata.resourceVersion
    ) {
      return;
    }
    let now: Cached<T>;
    try {
      now = this.#cached(key, object);
    } catch (error) {
      // One object that can't be projected must not blind us for all others.
      this.#report(key, error, 'Projection failed, object left as it was');
      return;
    }
    if (old !== undefined && old.uid !== now.uid) {
      this.#remove(key);
    }
    const replaced = this.#store.put(now);
    this.#tell(key, replaced, now);
  }

  #remove(key: string): void {
    const old = this.#store.remove(key);
    if (old !== undefined) {
      this.#tell(key, old, undefined);
    }
  }

  #cached(key: string, object: KubeObject): Cached<T> {
    const {name, namespace, resourceVersion = '', uid = ''} = object.metadata;
    const owner = controllerOf(object);
    return {
      key,
      name,
      namespace,
      uid,
      resourceVersion,
      owner: owner && (this.#store.knownOwner(owner.uid) ?? {kind: owner.kind, name: owner.name, uid: owner.uid}),
      value: this.#options.project(object),
    };
  }

  #tell(key: string, old: Cached<T> | undefined, now: Cached<T> | undefined): void {
    for (const handler of this.#handlers) {
      try {
        handler(key, old, now);
      } catch (error) {
        this.#report(key, error, 'Change handler threw');
      }
    }
  }

  #report(key: string, error: unknown, message: string): void {
    const {logger, metrics, ref} = this.#options;
    metrics?.handlerErrors.inc({name: ref.kind});
    logger.error({kind: ref.kind, key, err: error}, message);
  }

  /** Counts, once an hour, what no watch has told, and mends it by a new list: the proof that caching is sound. */
  async #compareForEver(): Promise<void> {
    const {clock, comparisonMs = COMPARISON_MS, logger, ref} = this.#options;
    const signal = this.#stopped.signal;
    for (;;) {
      await delay(clock, comparisonMs * (0.95 + this.#random() / 10), signal);
      if (signal.aborted) {
        return;
      }
      try {
        await this.#compare();
      } catch (error) {
        logger.warn({kind: ref.kind, reason: messageOf(error)}, 'Comparison with a list failed');
      }
    }
  }

  async #compare(): Promise<void> {
    const {client, clock, logger, metrics, ref} = this.#options;
    const signal = this.#stopped.signal;
    const seen: Seen = {objects: new Map(), version: ''};
    for await (const page of client.listPages(ref, {...this.#scope(), metadataOnly: true, signal})) {
      seen.version = page.resourceVersion;
      for (const {metadata} of page.items) {
        seen.objects.set(keyOf(metadata), metadata.resourceVersion ?? '');
      }
    }
    const suspects = missedKeys(this.#store, seen);
    if (suspects.size > 0) {
      await delay(clock, COMPARISON_GRACE_MS, signal);
    }
    const missed = [...missedKeys(this.#store, seen)].filter((key) => suspects.has(key));
    if (missed.length > 0 && !signal.aborted) {
      metrics?.missedEvents.inc({name: ref.kind}, missed.length);
      logger.error(
        {kind: ref.kind, count: missed.length, keys: missed.slice(0, 10)},
        'Events were missed, listing again',
      );
      this.#mustList = true;
      this.#watching.abort();
    }
  }

  #scope(): Scope {
    const {namespace, labelSelector, fieldSelector} = this.#options;
    return {
      ...(namespace !== undefined && {namespace}),
      ...(labelSelector !== undefined && {labelSelector}),
      ...(fieldSelector !== undefined && {fieldSelector}),
    };
  }
}

/** The server was set back (etcd restored) and doesn't know our resourceVersion yet. */
function isTooLarge(error: unknown): boolean {
  return error instanceof ApiError && /too large resource version/i.test(error.message);
}

function reasonOf(error: unknown): string {
  return error instanceof ApiError ? error.kind.toLowerCase() : 'internal';
}

function backoffMs(error: unknown, failures: number): number {
  const cap = isApiError(error, 'NotFound', 'Forbidden', 'Unauthorized') ? REFUSED_CAP_MS : BACKOFF_CAP_MS;
  const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  return Math.max(asked, Math.min(BACKOFF_BASE_MS * 2 ** failures, cap));
}
