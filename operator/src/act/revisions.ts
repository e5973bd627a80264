import {resources, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {controllerOf, isApiError, keyOf, type KubeClient, type KubeObject} from '../runtime/index.ts';
import type {AttemptResult, Attempts} from './attempts.ts';

export interface RevisionWriterOptions {
  readonly client: Pick<KubeClient, 'create' | 'delete' | 'get' | 'patch'>;
  readonly attempts: Attempts;
  readonly guard: () => void;
  /** Told of each write with the ControllerRevision's key. */
  readonly onWrite: (owner: string, key: string, resourceVersion: string) => void;
}

/** What is needed to change one ControllerRevision's facts. */
export interface RevisionHandle {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Writes ControllerRevisions: their data once, their facts by merge patch with the resourceVersion read. */
export class RevisionWriter {
  readonly #options: RevisionWriterOptions;

  constructor(options: RevisionWriterOptions) {
    this.#options = options;
  }

  /**
   * Creates a revision. One of that name that is there already has the same data, as its name is its hash; where nobody
   * controls it (its resource was deleted with --cascade=orphan) it is taken over with the facts that are on it.
   *
   * @param touch - changes when a person changed the resource
   * @returns Done with false when there is one that is controlled: the cache will show it, or, if it is of a deleted resource of this name,
   *   its end
   */
  async create(api: MaintenanceApi, revision: KubeObject, touch: string): Promise<AttemptResult<boolean>> {
    const {attempts, client, guard} = this.#options;
    const owner = keyOf(api.metadata);
    const object = `ControllerRevision/${revision.metadata.name}`;
    return attempts.make(owner, {object, wanted: 'created', live: undefined, touch}, async () => {
      try {
        const {namespace} = api.metadata;
        const created = await client.create(resources.controllerRevision, namespace, revision, {beforeSend: guard});
        this.#noteWrite(owner, created);
        return true;
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists')) throw error;
        return this.#adopt(api, revision);
      }
    });
  }

  async #adopt(api: MaintenanceApi, {metadata}: KubeObject): Promise<boolean> {
    const {client, guard} = this.#options;
    const {namespace} = api.metadata;
    const there = await client.get(resources.controllerRevision, namespace, metadata.name);
    if (there === undefined || controllerOf(there) !== undefined) return false;
    const {resourceVersion} = there.metadata;
    const adopted = await client.patch(
      resources.controllerRevision,
      namespace,
      metadata.name,
      {metadata: {resourceVersion, ownerReferences: metadata.ownerReferences}},
      {type: 'merge', beforeSend: guard},
    );
    this.#noteWrite(keyOf(api.metadata), adopted);
    return true;
  }

  /**
   * Writes facts on a revision; null removes one.
   *
   * @throws ApiError of kind Conflict when it changed since it was read
   */
  async annotate(
    api: MaintenanceApi,
    revision: RevisionHandle,
    annotations: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    const {namespace} = api.metadata;
    const patched = await this.#options.client.patch(
      resources.controllerRevision,
      namespace,
      revision.name,
      {metadata: {resourceVersion: revision.resourceVersion, annotations}},
      {type: 'merge', beforeSend: this.#options.guard},
    );
    this.#noteWrite(keyOf(api.metadata), patched);
  }

  /**
   * Deletes a revision that history no longer needs.
   *
   * @param touch - changes when a person changed the resource
   */
  async remove(api: MaintenanceApi, revision: RevisionHandle, touch: string): Promise<AttemptResult<boolean>> {
    const {attempts, client, guard} = this.#options;
    const {name, resourceVersion, uid} = revision;
    const attempt = {object: `ControllerRevision/${name}`, wanted: 'none', live: uid, touch};
    return attempts.make(keyOf(api.metadata), attempt, async () =>
      client.delete(resources.controllerRevision, api.metadata.namespace, name, {
        ...{uid, resourceVersion},
        beforeSend: guard,
      }),
    );
  }

  #noteWrite(owner: string, object: KubeObject): void {
    const {namespace, name, resourceVersion} = object.metadata;
    if (resourceVersion !== undefined) this.#options.onWrite(owner, `${namespace ?? ''}/${name}`, resourceVersion);
  }
}
