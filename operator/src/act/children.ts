import {appliedResources, FIELD_MANAGER, labels, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {
  ApiError,
  controllerOf,
  keyOf,
  ownedHash,
  wantedHash,
  type Applier,
  type Difference,
  type KubeClient,
  type KubeObject,
  type WritableObject,
} from '../runtime/index.ts';
import type {AttemptResult, Attempts} from './attempts.ts';

/** What became of one child. */
export interface ChildResult {
  readonly kind: string;
  readonly name: string;
  /** Why the API server refused it; undefined when all is well. */
  readonly refused: string | undefined;
  /** Somebody else changes it again and again. */
  readonly contested: boolean;
  /** What of it this server doesn't keep. */
  readonly differences: readonly Difference[];
}

/** How children are applied. */
export interface ApplyChildrenOptions {
  /** Changes when a person changed the resource: what was refused is tried anew. */
  readonly touch: string;
  /**
   * The kind of the child by which an action is carried out: it is applied first, and only if it is as it was read
   * (invariants 6 and 14).
   */
  readonly action: string | undefined;
}

/** What is known of a live child. */
interface LiveChild {
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly owner: {readonly uid: string} | undefined;
  readonly value: {readonly owned: string | undefined; readonly deleting: boolean};
}

/** The cached children, as far as writing needs them. */
export interface ChildCache {
  /** undefined for kinds that aren't watched. */
  child(
    kind: string,
  ): {get(key: string): LiveChild | undefined; ownedBy(owner: string): readonly LiveChild[]} | undefined;
  noteWrite(owner: string, kind: string, key: string, resourceVersion: string): void;
}

export interface ChildWriterOptions {
  readonly client: Pick<KubeClient, 'delete' | 'get'>;
  readonly applier: Pick<Applier, 'apply'>;
  readonly cache: ChildCache;
  readonly attempts: Attempts;
  readonly guard: () => void;
}

/** Applies wanted children and deletes the ones that are not wanted any more. */
export class ChildWriter {
  readonly #options: ChildWriterOptions;

  constructor(options: ChildWriterOptions) {
    this.#options = options;
  }

  /**
   * Applies every wanted child whose fields of ours differ from the live ones, in the given order. One that is refused
   * doesn't keep the others from being applied; what was refused is returned, and not asked for again at once.
   *
   * @throws ApiError for anything that may pass by itself (conflict, time-out, unavailable): retry
   */
  async apply(
    api: MaintenanceApi,
    wanted: readonly WritableObject[],
    options: ApplyChildrenOptions,
  ): Promise<ChildResult[]> {
    const results: ChildResult[] = [];
    // What doesn't come through for another child mustn't delay an action.
    const acts = ({kind}: WritableObject): boolean => kind === options.action;
    for (const child of [...wanted.filter(acts), ...wanted.filter((other) => !acts(other))]) {
      results.push(await this.#applyOne(api, child, options));
    }
    return results;
  }

  /**
   * Deletes children of ours, of the kinds that we apply, which aren't wanted any more.
   *
   * @returns those whose deletion is refused
   * @throws ApiError as {@link apply}
   */
  async removeUnwanted(
    api: MaintenanceApi,
    wanted: readonly WritableObject[],
    {touch}: Pick<ApplyChildrenOptions, 'touch'>,
  ): Promise<ChildResult[]> {
    const owner = keyOf(api.metadata);
    const keep = new Set(wanted.map((child) => `${child.kind}/${child.metadata.name}`));
    const results: ChildResult[] = [];
    for (const ref of appliedResources) {
      for (const child of this.#options.cache.child(ref.kind)?.ownedBy(owner) ?? []) {
        const object = `${ref.kind}/${child.name}`;
        const ours = child.owner?.uid === api.metadata.uid;
        if (!ours || child.value.deleting || keep.has(object)) continue;
        const attempt = {object, wanted: 'none', live: child.uid, touch};
        const result = await this.#options.attempts.make(owner, attempt, async () => {
          const {client, guard} = this.#options;
          return client.delete(ref, child.namespace, child.name, {uid: child.uid, beforeSend: guard});
        });
        if (result.kind === 'Refused') results.push(resultOf(ref.kind, child.name, result));
      }
    }
    return results;
  }

  async #applyOne(api: MaintenanceApi, child: WritableObject, options: ApplyChildrenOptions): Promise<ChildResult> {
    const owner = keyOf(api.metadata);
    const {kind} = child;
    const key = keyOf(child.metadata);
    const live = this.#options.cache.child(kind)?.get(key);
    const {name} = child.metadata;
    const attempt = {
      object: `${kind}/${name}`,
      wanted: wantedHash(child),
      live: live?.value.owned,
      touch: options.touch,
    };
    const {applier, attempts, cache, guard} = this.#options;
    const result = await attempts.make(
      owner,
      attempt,
      async () => {
        if (live === undefined) await this.#refuseForeign(api, child);
        return applier.apply(child, {
          owned: live?.value.owned,
          ...(kind === options.action && live !== undefined && {resourceVersion: live.resourceVersion}),
          beforeSend: guard,
        });
      },
      ({object}) => object !== undefined,
    );
    if (result.kind !== 'Done') return resultOf(kind, name, result);
    const {object, differences} = result.value;
    const version = object?.metadata.resourceVersion;
    if (version !== undefined) cache.noteWrite(owner, kind, key, version);
    return {...resultOf(kind, name, result), differences};
  }

  /**
   * The cache holds what carries our label. Something else of that name may be somebody's own: to apply over it would
   * turn a Service that people use away from its pods, and deleting the resource would take it along.
   *
   * @throws ApiError of kind AlreadyExists
   */
  async #refuseForeign(api: MaintenanceApi, {apiVersion, kind, metadata}: WritableObject): Promise<void> {
    const ref = appliedResources.find((known) => known.kind === kind && known.apiVersion === apiVersion);
    if (ref === undefined) return;
    const there = await this.#options.client.get(ref, metadata.namespace, metadata.name);
    if (there === undefined || isOurs(api, there)) return;
    throw new ApiError(
      `${kind} "${metadata.name}" exists and is not of this MaintenanceApi: delete or rename it, or hand it over by the label ${labels.owner}=${api.metadata.name}`,
      {kind: 'AlreadyExists', status: 409, reason: 'AlreadyExists'},
    );
  }
}

/** By its label (an orphan of ours too), by what we applied to it, or by its controller. */
function isOurs(api: MaintenanceApi, object: KubeObject): boolean {
  return (
    object.metadata.labels?.[labels.owner] === api.metadata.name ||
    ownedHash(object, FIELD_MANAGER) !== undefined ||
    controllerOf(object)?.uid === api.metadata.uid
  );
}

/** What became of an attempt at one object. */
export function resultOf(kind: string, name: string, result: AttemptResult<unknown>): ChildResult {
  return {
    kind,
    name,
    refused: result.kind === 'Refused' ? result.message : undefined,
    contested: result.kind === 'Contested',
    differences: [],
  };
}
