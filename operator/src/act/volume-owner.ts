import {resources, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {keyOf, type KubeClient, type OwnerReference} from '../runtime/index.ts';
import type {Attempts} from './attempts.ts';
import {resultOf, type ChildResult} from './children.ts';

/** A PersistentVolumeClaim as the cache has it. */
export interface OwnedClaim {
  readonly name: string;
  readonly uid: string;
  readonly ownerReferences: readonly OwnerReference[];
}

export interface VolumeOwnerOptions {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly attempts: Attempts;
  /** Throws when the lease is too old to write (invariant 14). */
  readonly guard: () => void;
  /** Who owns what holds the data; nobody while that is to outlive the resource. */
  readonly owners: (api: MaintenanceApi) => readonly OwnerReference[];
  /** Told of each write: key of the resource, key of the claim, its new resourceVersion. */
  readonly onWrite: (owner: string, key: string, resourceVersion: string) => void;
}

/**
 * What an object is to be owned by, so that it goes when the resource goes, or no longer does.
 *
 * @param has - its owners, of which others than the resource stay
 * @param wanted - the resource, or nobody
 * @returns undefined when that is so already
 */
export function ownersAsWanted(
  api: MaintenanceApi,
  has: readonly OwnerReference[],
  wanted: readonly OwnerReference[],
): readonly OwnerReference[] | undefined {
  const isOurs = ({uid}: OwnerReference): boolean => uid === api.metadata.uid;
  return has.some(isOurs) === wanted.length > 0 ? undefined : [...has.filter((one) => !isOurs(one)), ...wanted];
}

/**
 * Ties the database's volume to its resource, or unties it, as `deletionPolicy` says. Not by the StatefulSet's own
 * retention policy: a StatefulSet that somebody deletes is made anew, and its data must be there then.
 */
export class VolumeOwner {
  readonly #options: VolumeOwnerOptions;

  constructor(options: VolumeOwnerOptions) {
    this.#options = options;
  }

  /**
   * @param touch - changes when a person changed the resource: what was refused is asked for anew
   * @returns the refusal, if the API server won't do it
   * @throws ApiError for anything else that may pass by itself
   */
  async apply(api: MaintenanceApi, claim: OwnedClaim, touch: string): Promise<readonly ChildResult[]> {
    const {attempts, owners} = this.#options;
    const ownerReferences = ownersAsWanted(api, claim.ownerReferences, owners(api));
    if (ownerReferences === undefined) return [];
    const object = `PersistentVolumeClaim/${claim.name}`;
    const attempt = {object, wanted: `${api.spec.deletionPolicy} ${claim.uid}`, live: undefined, touch};
    const result = await attempts.make(keyOf(api.metadata), attempt, () => this.#patch(api, claim, ownerReferences));
    return result.kind === 'Done' ? [] : [resultOf('PersistentVolumeClaim', claim.name, result)];
  }

  async #patch(
    api: MaintenanceApi,
    {name, uid}: OwnedClaim,
    ownerReferences: readonly OwnerReference[],
  ): Promise<void> {
    const {client, guard, onWrite} = this.#options;
    const {namespace} = api.metadata;
    // Its uid is a precondition: another claim of this name is not meant.
    const body = {metadata: {uid, ownerReferences}};
    const patched = await client.patch(resources.persistentVolumeClaim, namespace, name, body, {
      type: 'merge',
      beforeSend: guard,
    });
    const version = patched.metadata.resourceVersion;
    if (version !== undefined) onWrite(keyOf(api.metadata), keyOf(patched.metadata), version);
  }
}
