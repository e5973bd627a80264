import {createHash} from 'node:crypto';
import type {MaintenanceApi} from '../api/v1alpha1/index.ts';
import type {OwnedSecretKeeper, OwnedSecrets} from '../act/owned-secrets.ts';
import {DamagedSecretError} from '../act/owned-secrets.ts';
import {readCheckpoint} from '../act/checkpoint.ts';
import {readReferences, referencesOf, type MissingReference, type ReferenceSnapshot} from '../observe/references.ts';
import {isApiError, type Clock, type KubeClient, type Logger} from '../runtime/index.ts';
import {InvalidCheckpointError, parseCheckpoint, ServiceLevels, type Checkpoint} from '../slo/index.ts';

/** Secrets aren't watched: a change is found by a touch of the resource or by this comparison. */
const COMPARISON_MS = 3_600_000;
/** While something is missing it is looked for this often: at most a few requests a minute. */
const MISSING_MS = 60_000;
/** While the namespace's Role is missing. */
const FORBIDDEN_MS = 120_000;

/** What is kept in memory of one resource between reconciles; all of it can be read again. */
export interface ResourceState {
  readonly uid: string;
  readonly levels: ServiceLevels;
  references: ReferenceSnapshot;
  secrets: OwnedSecrets | undefined;
  secretsProblem: string | undefined;
  accessMissing: string | undefined;
  refreshedAt: number;
  touch: string;
  checkpointAt: number;
}

/** Changes when a person (or Git) changed the resource; our own status writes don't change it. */
function touchOf(api: MaintenanceApi): string {
  const {generation, annotations, labels} = api.metadata;
  return createHash('sha256')
    .update(JSON.stringify([generation, annotations, labels]))
    .digest('hex');
}

function intervalOf(state: ResourceState): number {
  if (state.accessMissing !== undefined) return FORBIDDEN_MS;
  return state.references.missing.length > 0 ? MISSING_MS : COMPARISON_MS;
}

export interface ResourceStatesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly secrets: OwnedSecretKeeper;
  readonly logger: Logger;
}

/** The states of all resources, and the reading of what isn't watched. */
export class ResourceStates {
  readonly #options: ResourceStatesOptions;
  readonly #states = new Map<string, ResourceState>();

  constructor(options: ResourceStatesOptions) {
    this.#options = options;
  }

  peek(key: string): ResourceState | undefined {
    return this.#states.get(key);
  }

  forget(key: string): void {
    this.#states.delete(key);
  }

  /**
   * The state of a resource, with Secrets and ConfigMaps read again where that is due.
   *
   * @throws ApiError for what may pass by itself
   */
  async refresh(key: string, api: MaintenanceApi): Promise<ResourceState> {
    const existing = this.#states.get(key);
    const state = existing?.uid === api.metadata.uid ? existing : await this.#load(api);
    this.#states.set(key, state);
    const now = this.#options.clock.now();
    const touch = touchOf(api);
    if (state.touch === touch && now - state.refreshedAt < intervalOf(state)) return state;
    const onlyReferences =
      state.touch === touch && state.secrets !== undefined && now - state.refreshedAt < COMPARISON_MS;
    await this.#read(api, state, onlyReferences);
    state.refreshedAt = now;
    state.touch = touch;
    return state;
  }

  /** Milliseconds until {@link refresh} reads again by itself. */
  nextRefreshMs(key: string): number {
    const state = this.#states.get(key);
    if (state === undefined) return 0;
    return Math.max(1_000, intervalOf(state) - (this.#options.clock.now() - state.refreshedAt));
  }

  async #load(api: MaintenanceApi): Promise<ResourceState> {
    const saved = await readCheckpoint(this.#options.client, api);
    const now = this.#options.clock.now();
    return {
      uid: api.metadata.uid,
      levels: new ServiceLevels(this.#checkpoint(api, saved)),
      references: {hashes: {}, missing: []},
      secrets: undefined,
      secretsProblem: undefined,
      accessMissing: undefined,
      refreshedAt: 0,
      touch: '',
      checkpointAt: now,
    };
  }

  /** A checkpoint that can't be read is no reason to stop: counting begins anew, and `coverage` says so. */
  #checkpoint(api: MaintenanceApi, saved: string | undefined): Checkpoint | undefined {
    if (saved === undefined) return undefined;
    try {
      return parseCheckpoint(saved);
    } catch (error) {
      if (!(error instanceof InvalidCheckpointError)) throw error;
      const {namespace, name} = api.metadata;
      this.#options.logger.warn(
        {namespace, name, err: error},
        'Counting service levels anew: the checkpoint is not readable',
      );
      return undefined;
    }
  }

  async #read(api: MaintenanceApi, state: ResourceState, onlyReferences: boolean): Promise<void> {
    try {
      if (!onlyReferences) {
        state.secrets = await this.#options.secrets.ensure(api, new Date(this.#options.clock.now()));
        state.secretsProblem = undefined;
      }
      state.references = await this.#references(api, state);
      state.accessMissing = undefined;
    } catch (error) {
      if (error instanceof DamagedSecretError) {
        state.secretsProblem = error.message;
      } else if (isApiError(error, 'Forbidden')) {
        const {namespace} = api.metadata;
        state.accessMissing = `The operator may not read Secrets in namespace "${namespace}": apply config/namespace there (kubectl apply -n ${namespace} -k config/namespace)`;
      } else {
        throw error;
      }
    }
  }

  async #references(api: MaintenanceApi, state: ResourceState): Promise<ReferenceSnapshot> {
    if (referencesOf(api).length === 0) return {hashes: {}, missing: [] as MissingReference[]};
    return readReferences(this.#options.client, api, state.secrets?.accounts.admin.password ?? api.metadata.uid);
  }
}
