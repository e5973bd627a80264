import {isDeepStrictEqual} from 'node:util';
import {resources, type MaintenanceApi, type MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {keyOf, type Clock, type KubeClient} from '../runtime/index.ts';

/** Figures that move under traffic are written at most this often (invariant 3). */
const FIGURES_INTERVAL_MS = 300_000;

/** A status with the figures left out that move under traffic: what is left must be written at once. */
export function withoutFigures(status: MaintenanceApiStatus | undefined): unknown {
  if (status === undefined) return undefined;
  const {slo, summary, ...rest} = status;
  return {
    ...rest,
    summary: summary === undefined ? undefined : {...summary, slo: undefined, budget: undefined},
    slo: slo?.map(({name, objective, state}) => ({name, objective, state})),
  };
}

/** Removes undefined members, as JSON does, so that what is compared is what is stored. */
function stored(status: MaintenanceApiStatus): MaintenanceApiStatus {
  return JSON.parse(JSON.stringify(status)) as MaintenanceApiStatus;
}

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** Told of each write, so that the cache waits for it. */
  readonly onWrite: (key: string, resourceVersion: string) => void;
  /** Throws when the lease is too old to write (invariant 14). */
  readonly guard: () => void;
}

/** The one writer of a MaintenanceApi's status. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #figuresWrittenAt = new Map<string, number>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /**
   * Writes the status if it must be written now, by compare-and-swap on the resourceVersion that it was decided on.
   *
   * @returns the resourceVersion after the write; undefined when nothing was written
   * @throws ApiError of kind Conflict when the resource changed since it was read: decide again
   */
  async write(api: MaintenanceApi, status: MaintenanceApiStatus): Promise<string | undefined> {
    const key = keyOf(api.metadata);
    const wanted = stored(status);
    if (isDeepStrictEqual(wanted, api.status)) return undefined;
    const now = this.#options.clock.monotonic();
    if (isDeepStrictEqual(stored(withoutFigures(wanted) as object), stored(withoutFigures(api.status) ?? {}))) {
      const last = this.#figuresWrittenAt.get(key);
      if (last === undefined) {
        // After a start nothing is known of the last write: the interval begins now, not with a burst of writes.
        this.#figuresWrittenAt.set(key, now);
        return undefined;
      }
      if (now - last < FIGURES_INTERVAL_MS) return undefined;
    }
    const answer = await this.#options.client.patch(
      resources.maintenanceApi,
      api.metadata.namespace,
      api.metadata.name,
      [
        {op: 'replace', path: '/metadata/resourceVersion', value: api.metadata.resourceVersion},
        {op: 'add', path: '/status', value: wanted},
      ],
      {type: 'json', subresource: 'status', beforeSend: this.#options.guard},
    );
    this.#figuresWrittenAt.set(key, now);
    const version = answer.metadata.resourceVersion ?? api.metadata.resourceVersion;
    this.#options.onWrite(key, version);
    return version;
  }

  forget(key: string): void {
    this.#figuresWrittenAt.delete(key);
  }
}
