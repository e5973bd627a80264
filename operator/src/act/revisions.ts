import {resources, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {isApiError, type KubeClient, type KubeObject, type WritableObject} from '../runtime/index.ts';

export interface RevisionWriterOptions {
  readonly client: KubeClient;
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

  /** Creates a revision; one of that name that is there already has the same data, as its name is its hash. */
  async create(api: MaintenanceApi, revision: WritableObject): Promise<void> {
    const {namespace, name} = api.metadata;
    try {
      const created = await this.#options.client.create(resources.controllerRevision, namespace, revision, {
        beforeSend: this.#options.guard,
      });
      this.#noteWrite(`${namespace}/${name}`, created);
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
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
    const {namespace, name} = api.metadata;
    const patched = await this.#options.client.patch(
      resources.controllerRevision,
      namespace,
      revision.name,
      {metadata: {resourceVersion: revision.resourceVersion, annotations}},
      {type: 'merge', beforeSend: this.#options.guard},
    );
    this.#noteWrite(`${namespace}/${name}`, patched);
  }

  /** Deletes a revision that history no longer needs. */
  async remove(api: MaintenanceApi, revision: RevisionHandle): Promise<void> {
    await this.#options.client.delete(resources.controllerRevision, api.metadata.namespace, revision.name, {
      uid: revision.uid,
      resourceVersion: revision.resourceVersion,
      beforeSend: this.#options.guard,
    });
  }

  #noteWrite(owner: string, object: KubeObject): void {
    const {namespace, name, resourceVersion} = object.metadata;
    if (resourceVersion !== undefined) this.#options.onWrite(owner, `${namespace ?? ''}/${name}`, resourceVersion);
  }
}
