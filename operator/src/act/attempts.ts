import {isApiError, type ApiError, type Clock} from '../runtime/index.ts';

/** What was refused is asked for again after this long: ten refused children of one resource are 5 requests a minute. */
const AGAIN_MS = 120_000;
/** After an error of the server's own (etcd that changes its leader, a webhook that is down) it is asked sooner at first. */
const SOON_MS = 5_000;
/** Applying the same more often than this within {@link AGAIN_MS} is no repair any more but a quarrel with another writer. */
const MOST_REPAIRS = 3;

/** What is asked of the API server, as far as it tells one attempt from another. */
export interface Attempt {
  /** `Kind/name`. */
  readonly object: string;
  /** What is wanted of it; another want is another attempt. */
  readonly wanted: string;
  /** How it is now; undefined: it isn't there. */
  readonly live: string | undefined;
  /** Changes when a person changed the resource: then everything is tried anew. */
  readonly touch: string;
}

interface Known extends Attempt {
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Why it was refused; undefined: it was done. */
  readonly refused: string | undefined;
  /** For how long that holds, milliseconds. */
  readonly forMs: number;
  /** When the same was done before, newest last. */
  readonly done: readonly number[];
}

/** What became of an attempt. */
export type AttemptResult<T> =
  | {readonly kind: 'Done'; readonly value: T}
  | {readonly kind: 'Refused'; readonly message: string}
  /** It was done again and again, and somebody else undid it. */
  | {readonly kind: 'Contested'};

/**
 * Remembers how attempts went, so that a standing fault costs a few requests a minute and not one at every look: the
 * answer will be the same until what is wanted, what is there or the resource has changed.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #known = new Map<string, Map<string, Known>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Makes an attempt, unless it was refused, or done too often, a while ago and nothing has changed since.
   *
   * @param owner - key of the MaintenanceApi
   * @param make - makes it
   * @param asked - whether what `make` came to took a request
   * @throws what `make` throws, unless that is a refusal
   */
  async make<T>(
    owner: string,
    attempt: Attempt,
    make: () => Promise<T>,
    asked: (value: T) => boolean = () => true,
  ): Promise<AttemptResult<T>> {
    const known = this.#of(owner).get(attempt.object);
    const same = known?.wanted === attempt.wanted && known.touch === attempt.touch ? known : undefined;
    const restraint = same && this.#restraint(same, attempt);
    if (restraint !== undefined) return restraint;
    try {
      const value = await make();
      if (asked(value)) this.#done(owner, attempt, same);
      return {kind: 'Done', value};
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#refused(owner, attempt, {error, same});
      return {kind: 'Refused', message: error.message};
    }
  }

  forget(owner: string): void {
    this.#known.delete(owner);
  }

  #restraint(known: Known, {live, wanted}: Attempt): AttemptResult<never> | undefined {
    if (live === wanted) return undefined;
    const now = this.#clock.monotonic();
    if (known.refused !== undefined) {
      const holds = known.live === live && now - known.at < known.forMs;
      return holds ? {kind: 'Refused', message: known.refused} : undefined;
    }
    const recent = known.done.filter((at) => now - at < AGAIN_MS);
    return recent.length >= MOST_REPAIRS ? {kind: 'Contested'} : undefined;
  }

  #done(owner: string, attempt: Attempt, same: Known | undefined): void {
    const done = [...(same?.done ?? []), this.#clock.monotonic()].slice(-MOST_REPAIRS);
    this.#note(owner, attempt, {refused: undefined, forMs: 0, done});
  }

  #refused(owner: string, attempt: Attempt, {error, same}: {error: ApiError; same: Known | undefined}): void {
    const sooner = same?.refused === undefined ? SOON_MS : Math.min(same.forMs * 2, AGAIN_MS);
    const forMs = error.status >= 500 ? sooner : AGAIN_MS;
    this.#note(owner, attempt, {refused: error.message, forMs, done: []});
  }

  #of(owner: string): Map<string, Known> {
    const known = this.#known.get(owner) ?? new Map<string, Known>();
    this.#known.set(owner, known);
    return known;
  }

  #note(owner: string, attempt: Attempt, how: Pick<Known, 'refused' | 'forMs' | 'done'>): void {
    this.#of(owner).set(attempt.object, {...attempt, ...how, at: this.#clock.monotonic()});
  }
}

/** Whether the namespace is being deleted: it takes no new objects, and nothing can be done about it. */
export function isNamespaceTerminating(error: unknown): boolean {
  // The cause NamespaceTerminating names this field; the message of a Secret's error isn't to be had.
  return isApiError(error, 'Forbidden') && error.fields.includes('metadata.namespace');
}

/** Whether the API server answered that it won't do it; anything else may pass by itself within seconds. */
export function isRefusal(error: unknown): error is ApiError {
  return (
    isApiError(error, 'Invalid', 'Forbidden', 'NotFound', 'AlreadyExists', 'Gone', 'Other') &&
    !isNamespaceTerminating(error)
  );
}
