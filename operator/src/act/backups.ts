import {API_VERSION, resources, type MaintenanceApiBackupStatus} from '../api/v1alpha1/index.ts';
import {
  isApiError,
  keyOf,
  type KubeClient,
  type KubeObject,
  type ResourceRef,
  type WritableObject,
} from '../runtime/index.ts';
import type {AttemptResult, Attempts} from './attempts.ts';

export interface BackupWriterOptions {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  readonly attempts: Attempts;
  /** Throws when the lease is too old to write (invariant 14). */
  readonly guard: () => void;
  /** Told of each write with the object's key. */
  readonly onWrite: (owner: string, kind: string, key: string, resourceVersion: string) => void;
}

/** The MaintenanceApi that a backup names; it need not exist. */
export interface BackupOwner {
  readonly name: string;
  readonly namespace: string;
}

/** A MaintenanceApiBackup as it was read. */
export interface BackupHandle {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Writes MaintenanceApiBackups and the Jobs that make those which somebody asked for. */
export class BackupWriter {
  readonly #options: BackupWriterOptions;

  constructor(options: BackupWriterOptions) {
    this.#options = options;
  }

  /**
   * Makes a MaintenanceApiBackup. It has no owner: what tells where backups are outlives the MaintenanceApi.
   *
   * @param labels - of retained objects, and which run it tells of
   * @param touch - changes when a person changed the resource
   */
  async createBackup(
    owner: BackupOwner,
    name: string,
    {labels, touch}: {labels: Readonly<Record<string, string>>; touch: string},
  ): Promise<AttemptResult<void>> {
    const {namespace} = owner;
    const object = {
      apiVersion: API_VERSION,
      kind: resources.maintenanceApiBackup.kind,
      metadata: {name, namespace, labels: {...labels}},
      spec: {maintenanceApi: owner.name},
    };
    return this.#create(owner, resources.maintenanceApiBackup, object, touch);
  }

  /** Starts a run. One of that name that is there already is of the same MaintenanceApiBackup: its name is made of the uid. */
  async startJob(owner: BackupOwner, job: WritableObject, touch: string): Promise<AttemptResult<void>> {
    return this.#create(owner, resources.job, job, touch);
  }

  /**
   * Writes what became of a backup, on what was read of it.
   *
   * @throws ApiError of kind Conflict when it changed since
   */
  async writeStatus(
    owner: BackupOwner,
    {name, uid, resourceVersion}: BackupHandle,
    status: MaintenanceApiBackupStatus,
  ): Promise<AttemptResult<void>> {
    const {attempts, client, guard} = this.#options;
    const ref = resources.maintenanceApiBackup;
    const {namespace} = owner;
    const attempt = {object: `${ref.kind}/${name}/status`, wanted: JSON.stringify(status), live: uid, touch: ''};
    return attempts.make(keyOf(owner), attempt, async () => {
      const body = [
        {op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion},
        {op: 'add', path: '/status', value: status},
      ];
      const options = {type: 'json', subresource: 'status', beforeSend: guard} as const;
      this.#note(owner, await client.patch(ref, namespace, name, body, options));
    });
  }

  async #create(
    owner: BackupOwner,
    ref: ResourceRef,
    object: WritableObject,
    touch: string,
  ): Promise<AttemptResult<void>> {
    const {attempts, client, guard} = this.#options;
    const attempt = {object: `${ref.kind}/${object.metadata.name}`, wanted: 'created', live: undefined, touch};
    return attempts.make(keyOf(owner), attempt, async () => {
      try {
        this.#note(owner, await client.create(ref, owner.namespace, object, {beforeSend: guard}));
      } catch (error) {
        // Its answer was lost, or the one who made it died: the watch will bring it.
        if (!isApiError(error, 'AlreadyExists')) throw error;
      }
    });
  }

  #note(owner: BackupOwner, {kind, metadata}: KubeObject): void {
    const {resourceVersion} = metadata;
    if (resourceVersion !== undefined) this.#options.onWrite(keyOf(owner), kind, keyOf(metadata), resourceVersion);
  }
}
