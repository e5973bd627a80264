import {setImmediate} from 'node:timers/promises';

/**
 * Asks once for all that want the same in one turn of the event loop, as clients that poll one list do. A process that gets
 * its share of the CPU in slices finds a heap of requests at the begin of each.
 */
export class Shared<V> {
  readonly #asked = new Map<string, Promise<V>>();

  /**
   * @param name - what tells it from everything else that may be asked for
   * @param load - asks for it; all that share the answer share its error
   * @returns the answer as it was at some moment after the call
   */
  ask(name: string, load: () => Promise<V>): Promise<V> {
    const asked = this.#asked.get(name);
    if (asked !== undefined) return asked;
    const answer = setImmediate().then(() => {
      // Who comes after this would be told what was before the call.
      this.#asked.delete(name);
      return load();
    });
    this.#asked.set(name, answer);
    return answer;
  }
}
