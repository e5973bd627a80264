import {childResources, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {
  isApiError,
  keyOf,
  type Applier,
  type Difference,
  type KubeClient,
  type WritableObject,
} from '../runtime/index.ts';

/** What became of one child. */
export interface ChildResult {
  readonly kind: string;
  readonly name: string;
  readonly changed: boolean;
  /** Why the API server refused it; undefined when all is well. */
  readonly refused: string | undefined;
  readonly forbidden: boolean;
  readonly differences: readonly Difference[];
}

/** What is known of a live child. */
interface LiveChild {
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string;
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
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly cache: ChildCache;
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
   * doesn't keep the others from being applied; what was refused is returned.
   *
   * @throws ApiError for anything that may pass by itself (conflict, time-out, unavailable): retry
   */
  async apply(api: MaintenanceApi, wanted: readonly WritableObject[]): Promise<ChildResult[]> {
    const owner = keyOf(api.metadata);
    const results: ChildResult[] = [];
    for (const child of wanted) results.push(await this.#applyOne(owner, child));
    return results;
  }

  /** Deletes children of ours, of the kinds that we apply, which aren't wanted any more. */
  async removeUnwanted(api: MaintenanceApi, wanted: readonly WritableObject[]): Promise<void> {
    const owner = keyOf(api.metadata);
    const keep = new Set(wanted.map((child) => `${child.kind}/${child.metadata.name}`));
    for (const ref of childResources) {
      for (const child of this.#options.cache.child(ref.kind)?.ownedBy(owner) ?? []) {
        const ours = child.owner?.uid === api.metadata.uid;
        if (!ours || child.value.deleting || keep.has(`${ref.kind}/${child.name}`)) continue;
        await this.#options.client.delete(ref, child.namespace, child.name, {
          uid: child.uid,
          beforeSend: this.#options.guard,
        });
      }
    }
  }

  async #applyOne(owner: string, child: WritableObject): Promise<ChildResult> {
    const {kind} = child;
    const {name} = child.metadata;
    const live = this.#options.cache.child(kind)?.get(keyOf(child.metadata));
    const base = {kind, name, differences: [], forbidden: false};
    try {
      const result = await this.#options.applier.apply(child, {
        owned: live?.value.owned,
        beforeSend: this.#options.guard,
      });
      const version = result.object?.metadata.resourceVersion;
      if (version !== undefined) this.#options.cache.noteWrite(owner, kind, keyOf(child.metadata), version);
      return {...base, changed: result.changed, refused: undefined, differences: result.differences};
    } catch (error) {
      if (!isApiError(error, 'Invalid', 'Forbidden', 'NotFound')) throw error;
      return {...base, changed: false, refused: error.message, forbidden: error.kind === 'Forbidden'};
    }
  }
}
