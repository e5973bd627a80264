import {
  childResources,
  maintenanceApiSpec,
  resources,
  type MaintenanceApi,
  type OptionalKind,
  type Presence,
} from '../api/v1alpha1/index.ts';
import type {KubeObject} from '../runtime/index.ts';
import {Kind, type CacheOptions, type ChildKind} from './kind.ts';
import {OptionalKinds} from './optional-kinds.ts';
import {projectBackup, projectJob, type BackupProjection, type JobProjection} from './backup-projections.ts';
import {
  projectAutoscaler,
  projectChild,
  projectClaim,
  projectControllerRevision,
  projectCronJob,
  projectDeployment,
  projectPod,
  projectRendered,
  projectReplicaSet,
  type AutoscalerProjection,
  type ClaimProjection,
  type ControllerRevisionProjection,
  type CronJobProjection,
  type DeploymentProjection,
  type PodProjection,
  type RenderedProjection,
  type ReplicaSetProjection,
} from './projections.ts';

/** A MaintenanceApi as read, or why it can't be taken as one. */
export type MaintenanceApiReading =
  | {readonly valid: true; readonly api: MaintenanceApi; readonly owner?: undefined}
  | {readonly valid: false; readonly problem: string; readonly generation: number; readonly owner?: undefined};

/** undefined: a ControllerRevision of that label without data isn't one of ours. */
interface RevisionEntry {
  readonly owner: string | undefined;
  readonly projection: ControllerRevisionProjection | undefined;
}

function readMaintenanceApi(object: KubeObject): MaintenanceApiReading {
  const parsed = maintenanceApiSpec.safeParse(object['spec']);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const problem = `spec.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`;
    return {valid: false, problem, generation: object.metadata.generation ?? 0};
  }
  // managedFields are half of the object and decide nothing here.
  const {managedFields: _dropped, ...metadata} = object.metadata;
  return {valid: true, api: {...object, metadata, spec: parsed.data} as unknown as MaintenanceApi};
}

/** What all kinds have in common, whatever they keep. */
interface AnyKind {
  readonly reflectors: readonly {
    start(): void;
    stop(): Promise<void>;
    synced(): Promise<void>;
    readonly trouble: {readonly message: string} | undefined;
  }[];
}

/** Everything that is watched, projected, and looked up by the MaintenanceApi's key. */
export class Cache {
  readonly apis: Kind<MaintenanceApiReading>;
  readonly deployments: Kind<DeploymentProjection>;
  readonly replicaSets: Kind<ReplicaSetProjection>;
  readonly autoscalers: Kind<AutoscalerProjection>;
  readonly claims: Kind<ClaimProjection>;
  readonly pods: Kind<PodProjection>;
  readonly revisions: Kind<RevisionEntry>;
  readonly statefulSets: Kind<RenderedProjection>;
  readonly cronJobs: Kind<CronJobProjection>;
  readonly jobs: Kind<JobProjection>;
  /** Of every MaintenanceApi, whoever made them. */
  readonly backups: Kind<BackupProjection>;
  readonly #optional: OptionalKinds;
  readonly #kinds: readonly AnyKind[];
  readonly #children: ReadonlyMap<string, ChildKind & AnyKind>;
  /** Writes that haven't come back yet, by owner. */
  readonly #writes = new Map<string, Map<string, string>>();

  constructor(options: CacheOptions) {
    this.apis = new Kind(options, resources.maintenanceApi, readMaintenanceApi);
    this.deployments = new Kind(options, resources.deployment, projectDeployment);
    this.replicaSets = new Kind(options, resources.replicaSet, projectReplicaSet);
    this.autoscalers = new Kind(options, resources.horizontalPodAutoscaler, projectAutoscaler);
    this.claims = new Kind(options, resources.persistentVolumeClaim, projectClaim);
    this.pods = new Kind(options, resources.pod, projectPod);
    this.revisions = new Kind<RevisionEntry>(options, resources.controllerRevision, (object) => {
      const projection = projectControllerRevision(object);
      return {owner: projection?.owner, projection};
    });
    this.statefulSets = new Kind(options, resources.statefulSet, projectRendered);
    this.cronJobs = new Kind(options, resources.cronJob, projectCronJob);
    this.jobs = new Kind(options, resources.job, projectJob);
    this.backups = new Kind(options, resources.maintenanceApiBackup, projectBackup);
    const read = new Map<string, ChildKind & AnyKind>([
      [resources.deployment.kind, this.deployments],
      [resources.horizontalPodAutoscaler.kind, this.autoscalers],
      [resources.statefulSet.kind, this.statefulSets],
      [resources.cronJob.kind, this.cronJobs],
    ]);
    // Of the other children no more is read than applying needs.
    this.#children = new Map(
      childResources.map((ref) => [ref.kind, read.get(ref.kind) ?? new Kind(options, ref, projectChild)]),
    );
    this.#optional = new OptionalKinds(options, () => {
      for (const key of this.apis.keys()) options.onChange(key);
    });
    this.#kinds = [
      ...[this.apis, ...this.#children.values(), this.replicaSets, this.claims, this.pods],
      ...[this.revisions, this.jobs, this.backups],
    ];
  }

  start(): void {
    for (const kind of this.#kinds) for (const reflector of kind.reflectors) reflector.start();
    this.#optional.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#kinds.flatMap((kind) => kind.reflectors.map((reflector) => reflector.stop())));
    await this.#optional.stop();
  }

  /** Resolves once every first list is in. */
  async synced(): Promise<void> {
    await Promise.all(this.#kinds.flatMap((kind) => kind.reflectors.map((reflector) => reflector.synced())));
    await this.#optional.settled();
  }

  /** What keeps a watch from working, for the readiness check. */
  trouble(): string | undefined {
    for (const kind of this.#kinds) {
      for (const reflector of kind.reflectors) if (reflector.trouble !== undefined) return reflector.trouble.message;
    }
    return undefined;
  }

  /** The store of a child kind; undefined for kinds that aren't watched (Secret) or that the cluster doesn't have. */
  child(kind: string): ChildKind | undefined {
    return this.#children.get(kind) ?? this.#optional.child(kind);
  }

  /** Which optional kinds the cluster has. */
  presence(): Readonly<Record<OptionalKind, Presence>> {
    return this.#optional.presence();
  }

  /**
   * Remembers a write of ours, so that the resource isn't reconciled on a cache that hasn't seen it (KEP-5647).
   *
   * @param owner - key of the MaintenanceApi
   */
  noteWrite(owner: string, kind: string, key: string, resourceVersion: string): void {
    const store = this.#store(kind);
    if (store === undefined) return;
    store.expect(key, resourceVersion);
    const writes = this.#writes.get(owner) ?? new Map<string, string>();
    writes.set(`${kind} ${key}`, kind);
    this.#writes.set(owner, writes);
  }

  /** Whether every write of ours to this resource and its children has come back by the watch. */
  fresh(owner: string): boolean {
    const writes = this.#writes.get(owner);
    if (writes === undefined) return true;
    for (const [id, kind] of writes) {
      if (this.#store(kind)?.fresh(id.slice(kind.length + 1)) === false) return false;
    }
    this.#writes.delete(owner);
    return true;
  }

  #store(kind: string): Pick<ChildKind, 'expect' | 'fresh'> | undefined {
    switch (kind) {
      case resources.maintenanceApi.kind:
        return this.apis;
      case resources.controllerRevision.kind:
        return this.revisions;
      case resources.persistentVolumeClaim.kind:
        return this.claims;
      case resources.job.kind:
        return this.jobs;
      case resources.maintenanceApiBackup.kind:
        return this.backups;
      default:
        return this.child(kind);
    }
  }
}
