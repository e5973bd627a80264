import {isApiError, keyOf, type KubeClient} from '../runtime/index.ts';
import type {Clock} from '../runtime/index.ts';
import type {MaintenanceApi} from '../api/v1alpha1/index.ts';
import {resultOf, type ChildResult} from './children.ts';
import type {Attempts} from './attempts.ts';

/** A disruption budget that admits no eviction now may admit it a moment later. */
const ADMISSION_MS = 10_000;
/** An eviction that was admitted shows in the cache long before; then it got lost. */
const SEEN_MS = 30_000;

/** The pod that is meant, and nobody who has its name after it. */
export interface EvictionTarget {
  readonly uid: string;
  readonly name: string;
}

export interface EvictionsOptions {
  readonly client: Pick<KubeClient, 'request'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly attempts: Attempts;
  /** Throws when the lease is too old to write (invariant 14). */
  readonly guard: () => void;
}

/**
 * Evicts pods by policy/v1: the API server lets one go only if its disruption budget does, and only if it is the pod that
 * is meant. Repeating it is a no-op.
 */
export class Evictions {
  readonly #options: EvictionsOptions;
  /** By uid: when it need not be asked for again before, monotonic milliseconds. */
  readonly #notBefore = new Map<string, number>();

  constructor(options: EvictionsOptions) {
    this.#options = options;
  }

  /**
   * Asks for the eviction of a pod, unless that was asked a moment ago.
   *
   * @param touch - changes when a person changed the resource: what was refused is asked for anew
   * @returns the refusal, if the API server won't do it; a budget that doesn't admit it now is none
   * @throws ApiError for anything else that may pass by itself
   */
  async evict(api: MaintenanceApi, pod: EvictionTarget, touch: string): Promise<readonly ChildResult[]> {
    const {attempts, clock} = this.#options;
    const now = clock.monotonic();
    for (const [uid, at] of this.#notBefore) if (at <= now) this.#notBefore.delete(uid);
    if (this.#notBefore.has(pod.uid)) return [];
    const attempt = {object: `Pod/${pod.name}/eviction`, wanted: pod.uid, live: undefined, touch};
    const result = await attempts.make(keyOf(api.metadata), attempt, () => this.#ask(api, pod));
    if (result.kind !== 'Done') return [resultOf('Pod', pod.name, result)];
    this.#notBefore.set(pod.uid, clock.monotonic() + (result.value ? SEEN_MS : ADMISSION_MS));
    return [];
  }

  /** @returns whether it leaves, or has left */
  async #ask({metadata: {namespace}}: MaintenanceApi, {name, uid}: EvictionTarget): Promise<boolean> {
    try {
      await this.#options.client.request<unknown>({
        method: 'POST',
        path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`,
        body: {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: {name, namespace},
          deleteOptions: {preconditions: {uid}},
        },
        beforeSend: this.#options.guard,
      });
      return true;
    } catch (error) {
      if (isApiError(error, 'TooManyRequests')) return false;
      // It is gone, or another has its name by now.
      if (isApiError(error, 'NotFound', 'Conflict')) return true;
      throw error;
    }
  }
}
