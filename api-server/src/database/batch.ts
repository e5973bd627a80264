/** Looks up several keys at once; a key that isn't in the map has no value. */
export type LoadMany<V> = (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>;

interface Waiting<V> {
  readonly key: string;
  readonly resolve: (value: V | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes one lookup of those that one turn of the event loop asks for. A process that gets its share of the CPU in slices
 * finds a heap of requests at the begin of each: asked one by one they would cost a round trip each, and wait for each
 * other's connections. A lookup that is alone is asked at the end of its turn, which costs it nothing.
 */
export class Batch<V> {
  readonly #load: LoadMany<V>;
  /** Keys at most in one lookup; what is more goes into the next. */
  readonly #limit: number;
  #waiting: Waiting<V>[] = [];

  constructor(load: LoadMany<V>, limit: number) {
    this.#load = load;
    this.#limit = limit;
  }

  /** The value of a key, as it was at some moment after the call. All that share a lookup share its error. */
  find(key: string): Promise<V | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#send());
      this.#waiting.push({key, resolve, reject});
    });
  }

  #send(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; from += this.#limit) {
      const part = waiting.slice(from, from + this.#limit);
      this.#load(part.map(({key}) => key)).then(
        (found) => part.forEach(({key, resolve}) => resolve(found.get(key))),
        (error: unknown) => part.forEach(({reject}) => reject(error)),
      );
    }
  }
}
