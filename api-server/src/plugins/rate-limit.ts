import type {FastifyInstance} from 'fastify';
import fp from 'fastify-plugin';
import {Problem} from '../problems.ts';

export interface RateLimitOptions {
  /** Requests a second that one token's name may make for long; 0: no limit. */
  readonly perSecond: number;
  /** Requests that it may make at once after a pause. */
  readonly burst: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * A bucket per name that fills evenly. There are as many as names in the file of tokens ever were; beyond this number those
 * that are full again, and so say nothing, are forgotten.
 */
const BUCKETS = 1000;

/** Holds a token's name to its rate, within this one replica. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** How many names are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Counts a request.
   *
   * @returns 0 when it may pass, else milliseconds until the next one may.
   */
  take(name: string): number {
    const {perSecond, burst, clock} = this.#options;
    if (perSecond === 0) return 0;
    const now = clock();
    const bucket = this.#buckets.get(name) ?? this.#add(name, now);
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000);
    bucket.at = now;
    if (bucket.tokens < 1) return ((1 - bucket.tokens) * 1000) / perSecond;
    bucket.tokens--;
    return 0;
  }

  #add(name: string, now: number): Bucket {
    const {perSecond, burst} = this.#options;
    if (this.#buckets.size >= BUCKETS) {
      for (const [other, {tokens, at}] of this.#buckets) {
        if (tokens + ((now - at) * perSecond) / 1000 >= burst) this.#buckets.delete(other);
      }
    }
    const bucket = {tokens: burst, at: now};
    this.#buckets.set(name, bucket);
    return bucket;
  }
}

/** Answers 429 to a caller that is over its rate. Must be registered after what sets the caller's name. */
export const rateLimit = fp(
  (app: FastifyInstance, {limit}: {limit: RateLimit}, done: () => void) => {
    app.addHook('onRequest', (request, _reply, next) => {
      const waitMs = limit.take(request.principal);
      if (waitMs === 0) next();
      else next(new Problem('rate-limited', {headers: {'retry-after': String(Math.ceil(waitMs / 1000))}}));
    });
    done();
  },
  {name: 'rate-limit', dependencies: ['bearer-auth']},
);
