import {CHECKPOINT_AGAIN_MS, CHECKPOINT_INTERVAL_MS, writeCheckpoint} from '../act/checkpoint.ts';
import type {MaintenanceApi} from '../api/v1alpha1/index.ts';
import {messageOf} from '../runtime/index.ts';
import type {ResourceState} from './resource-state.ts';
import type {MaintenanceApiControllerOptions, Scope} from './scope.ts';

/** What was counted within so long isn't worth a write of its own. */
const WORTH_MS = 60_000;

/** Saves what was counted of the service levels, so that a successor goes on counting. */
export class Checkpoints {
  readonly #o: Pick<MaintenanceApiControllerOptions, 'cache' | 'client' | 'clock' | 'guard' | 'logger' | 'states'>;

  constructor(options: MaintenanceApiControllerOptions) {
    this.#o = options;
  }

  /** Saves those of one resource once an hour (invariant 3). */
  async saveIfDue({api, state, observation}: Scope): Promise<void> {
    if (observation.now - state.checkpointAt < CHECKPOINT_INTERVAL_MS) return;
    await this.#save(api, state, observation.now);
  }

  /**
   * Saves those of every resource before this process ends in good order: an upgrade of the operator must not cost an
   * hour of measurements.
   *
   * @param withinMs - what isn't saved by then stays as it was saved last
   */
  async saveAll(withinMs: number): Promise<void> {
    const now = this.#o.clock.now();
    const due = this.#o.states.all().flatMap(([key, state]) => {
      const reading = this.#o.cache.apis.get(key)?.value;
      const worth = now - state.checkpointAt >= WORTH_MS && reading?.valid === true;
      return worth && reading.api.metadata.uid === state.uid ? [this.#save(reading.api, state, now)] : [];
    });
    const timeout = Promise.withResolvers<undefined>();
    const timer = this.#o.clock.setTimeout(() => {
      timeout.resolve(undefined);
    }, withinMs);
    await Promise.race([Promise.all(due), timeout.promise]);
    timer.cancel();
  }

  async #save(api: MaintenanceApi, state: ResourceState, now: number): Promise<void> {
    const {namespace, name} = api.metadata;
    try {
      await writeCheckpoint(this.#o.client, api, JSON.stringify(state.levels.checkpoint(now)), this.#o.guard);
      state.checkpointAt = now;
    } catch (error) {
      // Nothing that is decided hangs on it.
      state.checkpointAt = now - CHECKPOINT_INTERVAL_MS + CHECKPOINT_AGAIN_MS;
      this.#o.logger.warn({namespace, name, reason: messageOf(error)}, 'Service levels could not be saved');
    }
  }
}
