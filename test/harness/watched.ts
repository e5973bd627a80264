import type {KubeClient, KubeObject, ResourceRef} from '../../operator/src/runtime/index.ts';

/** What is watched. */
export interface WatchedOptions<T> {
  readonly client: KubeClient;
  readonly ref: ResourceRef;
  readonly namespace: string;
  /** Only what is newer. */
  readonly resourceVersion: string;
  /** What of an object is of interest; undefined: nothing. */
  readonly pick: (object: KubeObject) => T | undefined;
}

/** Every value that something in a namespace has over time, also those between two looks. */
export class Watched<T extends string | number> {
  /** Values in order, without repetitions in a row. */
  readonly seen: T[] = [];
  readonly #abort = new AbortController();
  readonly #first = Promise.withResolvers<T>();
  readonly #running: Promise<void>;

  constructor(options: WatchedOptions<T>) {
    this.#running = this.#watch(options);
    // Awaited at the end; a story that fails before it has told why.
    this.#running.catch(() => undefined);
  }

  /** The first value, at the moment at which the API server tells it. */
  first(): Promise<T> {
    return this.#first.promise;
  }

  /** Ends the watch. @throws ApiError when it broke before */
  async end(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #watch({client, ref, namespace, resourceVersion, pick}: WatchedOptions<T>): Promise<void> {
    const {signal} = this.#abort;
    try {
      for await (const line of client.watchLines(ref, {namespace, resourceVersion, timeoutSeconds: 900, signal})) {
        const {object, type} = JSON.parse(line) as {object: KubeObject; type: string};
        // A bookmark is an empty object.
        const value = type === 'BOOKMARK' ? undefined : pick(object);
        if (value === undefined || value === this.seen.at(-1)) continue;
        this.seen.push(value);
        this.#first.resolve(value);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
