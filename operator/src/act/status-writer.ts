import {isDeepStrictEqual} from 'node:util';
import {resources, type MaintenanceApi, type MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {keyOf, type Clock, type KubeClient} from '../runtime/index.ts';

/** Figures that move under traffic are written at most this often (invariant 3). */
const FIGURES_INTERVAL_MS = 300_000;
/**
 * A condition's message alone is written at most this often: some quote others (scheduler, kubelet, admission), whose
 * words go back and forth. With status or reason it is written at once.
 */
const MESSAGES_INTERVAL_MS = 60_000;

/** Removes undefined members, as JSON does, so that what is compared is what is stored. */
function stored<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** A status with the figures left out that move under traffic. */
function withoutFigures(status: MaintenanceApiStatus): MaintenanceApiStatus {
  const {slo, summary, ...rest} = status;
  const {budget: _budget, ...shown} = summary ?? {};
  const figureless = slo?.map((objective) => ({...objective, current: '', budgetRemaining: '', coverage: ''}));
  return {...rest, ...(summary && {summary: shown}), ...(figureless && {slo: figureless})};
}

/** A status with the messages left out too: what is left must be written at once. */
function withoutMessages(status: MaintenanceApiStatus): MaintenanceApiStatus {
  const {conditions, summary, ...rest} = withoutFigures(status);
  const {message: _message, ...shown} = summary ?? {};
  const silent = conditions?.map((condition) => ({...condition, message: ''}));
  return {...rest, ...(summary && {summary: shown}), ...(silent && {conditions: silent})};
}

/** What was last written of a resource. */
interface Written {
  /** Monotonic milliseconds. */
  readonly at: number;
  /** resourceVersion that the write came to; undefined: this process hasn't written yet. */
  readonly version: string | undefined;
  readonly status: MaintenanceApiStatus | undefined;
}

export interface StatusWriterOptions {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly clock: Clock;
  /** Told of each write, so that the cache waits for it. */
  readonly onWrite: (key: string, resourceVersion: string) => void;
  /** Throws when the lease is too old to write (invariant 14). */
  readonly guard: () => void;
}

/** The one writer of a MaintenanceApi's status. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #written = new Map<string, Written>();

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
    if (!this.#isDue(key, api, wanted)) return undefined;
    const at = this.#options.clock.monotonic();
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
    const version = answer.metadata.resourceVersion ?? api.metadata.resourceVersion;
    this.#written.set(key, {at, version, status: wanted});
    this.#options.onWrite(key, version);
    return version;
  }

  forget(key: string): void {
    this.#written.delete(key);
  }

  #isDue(key: string, api: MaintenanceApi, wanted: MaintenanceApiStatus): boolean {
    const before = api.status ?? {};
    if (isDeepStrictEqual(wanted, before)) return false;
    const last = this.#written.get(key);
    // What a server with an older CRD leaves out would be written for ever.
    const same = last?.version === api.metadata.resourceVersion && isDeepStrictEqual(wanted, last.status);
    if (same) return false;
    if (!isDeepStrictEqual(withoutMessages(wanted), withoutMessages(before))) return true;
    const now = this.#options.clock.monotonic();
    if (last === undefined) {
      // After a start nothing is known of the last write: the interval begins now, not with a burst of writes.
      this.#written.set(key, {at: now, version: undefined, status: undefined});
      return false;
    }
    const onlyFigures = isDeepStrictEqual(withoutFigures(wanted), withoutFigures(before));
    return now - last.at >= (onlyFigures ? FIGURES_INTERVAL_MS : MESSAGES_INTERVAL_MS);
  }
}
