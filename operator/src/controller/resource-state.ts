import {createHash} from 'node:crypto';
import type {MaintenanceApi} from '../api/v1alpha1/index.ts';
import type {OwnedSecretKeeper, OwnedSecrets} from '../act/owned-secrets.ts';
import {AbsentSecretError, DamagedSecretError} from '../act/owned-secrets.ts';
import {isNamespaceTerminating} from '../act/attempts.ts';
import {readCheckpoint} from '../act/checkpoint.ts';
import {
  describeMissing,
  readBackupReferences,
  readReferences,
  referencesOf,
  type ReferenceSnapshot,
} from '../observe/references.ts';
import type {Observation} from '../remediation/index.ts';
import {isApiError, messageOf, type Clock, type KubeClient, type Logger} from '../runtime/index.ts';
import type {ToldByPods} from './external-database.ts';
import {InvalidCheckpointError, MemoryTrends, parseCheckpoint, ServiceLevels, type Checkpoint} from '../slo/index.ts';

/** Secrets aren't watched: a change is found by a touch of the resource or by this comparison. */
const COMPARISON_MS = 3_600_000;
/** While something is missing it is looked for this often, and so that no more than 6 are read a minute. */
const MISSING_MS = 60_000;
const EACH_MISSING_MS = 10_000;
/** While something that backups need is missing: three Secrets at most are read each time. */
const MISSING_BACKUP_MS = 60_000;
/** While the namespace's Role is missing. */
const FORBIDDEN_MS = 120_000;
/** After a reading that failed it is tried again so soon, then half as often each time. */
const FAILED_MS = 5_000;
const FAILED_CAP_MS = 120_000;

export interface BackupState {
  readonly keyId: string | undefined;
  readonly problem: string | undefined;
}

/** What is kept in memory of one resource between reconciles; all of it can be read again. */
export interface ResourceState {
  readonly uid: string;
  readonly levels: ServiceLevels;
  readonly memory: MemoryTrends;
  references: ReferenceSnapshot;
  secrets: OwnedSecrets | undefined;
  secretsProblem: string | undefined;
  /** What backups need: the id of a generated key, and what is missing or can't be used. */
  backup: BackupState;
  accessMissing: string | undefined;
  /** Why the last reading failed, though it may succeed by itself; what was read before holds until then. */
  unread: string | undefined;
  /** Readings in a row that failed. */
  failures: number;
  /** When anything was last read, and when everything was; milliseconds, 0: never. */
  readAt: number;
  comparedAt: number;
  touch: string;
  /** Generation of the spec for which references were read; another one may refer to others. */
  readFor: number | undefined;
  checkpointAt: number;
  /** What the API's pods say of an external database; undefined: nothing, or the database is our own. */
  told: ToldByPods | undefined;
  /** Since when an objective is breached by no fault of a release, as far as this process saw it. */
  breachedSince: number | undefined;
}

/** Changes when a person (or Git) changed the resource; our own status writes don't change it. */
export function touchOf(api: MaintenanceApi): string {
  const {generation, annotations, labels} = api.metadata;
  return createHash('sha256')
    .update(JSON.stringify([generation, annotations, labels]))
    .digest('hex');
}

/** Milliseconds from the last reading to the next. */
function intervalOf(state: ResourceState): number {
  if (state.unread !== undefined) return Math.min(FAILED_MS * 2 ** (state.failures - 1), FAILED_CAP_MS);
  if (state.accessMissing !== undefined) return FORBIDDEN_MS;
  const {hashes, missing} = state.references;
  // What its accounts are called may be what is wrong, or what was just put right.
  if (missing.length === 0 && state.told?.reading.reachable === false) return MISSING_MS;
  if (missing.length === 0) return state.backup.problem === undefined ? COMPARISON_MS : MISSING_BACKUP_MS;
  return Math.max(MISSING_MS, (Object.keys(hashes).length + missing.length) * EACH_MISSING_MS);
}

export interface ResourceStatesOptions {
  readonly client: Pick<KubeClient, 'get'>;
  readonly clock: Clock;
  readonly secrets: Pick<OwnedSecretKeeper, 'ensure' | 'ensureBackupKey'>;
  readonly logger: Logger;
}

/** The states of all resources, and the reading of what isn't watched. */
export class ResourceStates {
  readonly #options: ResourceStatesOptions;
  readonly #states = new Map<string, ResourceState>();

  constructor(options: ResourceStatesOptions) {
    this.#options = options;
  }

  forget(key: string): void {
    this.#states.delete(key);
  }

  /** Every resource's state, by its key. */
  all(): readonly (readonly [key: string, state: ResourceState])[] {
    return [...this.#states];
  }

  /** How the others are. What they are called is nobody's business in another namespace. */
  fleet(key: string, namespace: string): Observation['fleet'] {
    const others = [...this.#states].flatMap(([other, {breachedSince: since}]) => {
      if (other === key || since === undefined) return [];
      return [{since, ...(other.startsWith(`${namespace}/`) ? {name: other.slice(namespace.length + 1)} : {})}];
    });
    const breachedSince = this.#states.get(key)?.breachedSince;
    return {size: this.#states.size, others, ...(breachedSince === undefined ? {} : {breachedSince})};
  }

  /**
   * The state of a resource, with Secrets and ConfigMaps read again where that is due. A reading that fails is no error:
   * what was read before holds, so that a decision which needs nothing new isn't held up.
   *
   * @throws ApiError when the checkpoint can't be read, without which counting would begin anew; or when the namespace is
   *   being deleted
   */
  async refresh(key: string, api: MaintenanceApi): Promise<ResourceState> {
    const existing = this.#states.get(key);
    const state = existing?.uid === api.metadata.uid ? existing : await this.#load(api);
    this.#states.set(key, state);
    const now = this.#options.clock.now();
    const touch = touchOf(api);
    const touched = state.touch !== touch;
    if (!touched && now - state.readAt < intervalOf(state)) return state;
    state.readAt = now;
    state.touch = touch;
    if (touched) state.comparedAt = 0;
    await this.#read(api, state);
    return state;
  }

  /** Milliseconds until {@link refresh} reads again by itself. */
  nextRefreshMs(key: string): number {
    const state = this.#states.get(key);
    if (state === undefined) return 0;
    return Math.max(1_000, intervalOf(state) - (this.#options.clock.now() - state.readAt));
  }

  async #load(api: MaintenanceApi): Promise<ResourceState> {
    const saved = await readCheckpoint(this.#options.client, api);
    const now = this.#options.clock.now();
    return {
      uid: api.metadata.uid,
      levels: new ServiceLevels(this.#checkpoint(api, saved)),
      memory: new MemoryTrends(),
      references: {hashes: {}, missing: []},
      secrets: undefined,
      secretsProblem: undefined,
      backup: {keyId: undefined, problem: undefined},
      accessMissing: undefined,
      unread: undefined,
      failures: 0,
      readAt: 0,
      comparedAt: 0,
      touch: '',
      readFor: undefined,
      checkpointAt: now,
      told: undefined,
      breachedSince: undefined,
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

  async #read(api: MaintenanceApi, state: ResourceState): Promise<void> {
    const now = this.#options.clock.now();
    const everything = now - state.comparedAt >= COMPARISON_MS;
    try {
      if (everything) await this.#ensureSecrets(api, state, new Date(now));
      state.references = await this.#references(api, state);
      if (everything || state.backup.problem !== undefined) state.backup = await this.#backup(api);
    } catch (error) {
      if (isNamespaceTerminating(error)) throw error;
      this.#failed(api, state, error);
      return;
    }
    if (everything) state.comparedAt = now;
    state.readFor = api.metadata.generation;
    state.accessMissing = undefined;
    state.unread = undefined;
    state.failures = 0;
  }

  async #ensureSecrets(api: MaintenanceApi, state: ResourceState, now: Date): Promise<void> {
    try {
      state.secrets = await this.#options.secrets.ensure(api, now);
      state.secretsProblem = undefined;
    } catch (error) {
      if (!(error instanceof DamagedSecretError || error instanceof AbsentSecretError)) throw error;
      state.secretsProblem = error.message;
    }
  }

  async #backup(api: MaintenanceApi): Promise<BackupState> {
    const {backup} = api.spec;
    if (backup === undefined) return {keyId: undefined, problem: undefined};
    const missing = await readBackupReferences(this.#options.client, api);
    const problem = missing.length === 0 ? undefined : describeMissing(missing);
    if (backup.encryption !== undefined) return {keyId: backup.encryption.activeKey, problem};
    try {
      return {keyId: await this.#options.secrets.ensureBackupKey(api), problem};
    } catch (error) {
      if (!(error instanceof DamagedSecretError || error instanceof AbsentSecretError)) throw error;
      return {keyId: undefined, problem: error.message};
    }
  }

  #failed({metadata: {namespace, name}}: MaintenanceApi, state: ResourceState, error: unknown): void {
    if (isApiError(error, 'Forbidden')) {
      state.accessMissing = `The operator may not read Secrets in namespace "${namespace}": apply config/namespace there (kubectl apply -n ${namespace} -k config/namespace)`;
      state.unread = undefined;
      return;
    }
    state.failures++;
    state.unread = messageOf(error);
    this.#options.logger.warn({namespace, name, reason: state.unread}, 'Secrets and ConfigMaps could not be read');
  }

  async #references(api: MaintenanceApi, state: ResourceState): Promise<ReferenceSnapshot> {
    if (referencesOf(api).length === 0) return {hashes: {}, missing: []};
    return readReferences(this.#options.client, api, state.secrets?.hashKey ?? api.metadata.uid);
  }
}
