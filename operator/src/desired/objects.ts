import type {BackupSpec, MaintenanceApi, OptionalKind, Presence, RevisionData} from '../api/v1alpha1/index.ts';

/** An object to be applied: plain JSON in the form in which the API server stores it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** A revision, and what its pods are rendered from. */
export interface ServedRevision {
  readonly hash: string;
  readonly data: RevisionData;
  /** The restart request for which its pods were replaced last. */
  readonly restarted?: string | undefined;
}

/** What decides every child but the Secrets. */
export interface DesiredInput {
  readonly api: MaintenanceApi;
  /** The revision to serve, which is not the spec's own after a rollback. */
  readonly revision: ServedRevision;
  /** The generation of templates that the database is rendered by. */
  readonly databaseVersion: number;
  /** The least number of pods while more than the spec's are kept. */
  readonly floor?: number | undefined;
  /** Which optional kinds the cluster has. */
  readonly presence: Readonly<Record<OptionalKind, Presence>>;
  /** Namespace in which the operator's own pods are. */
  readonly operatorNamespace: string;
  /** The operator's own image, in which backups are made; undefined: not known. */
  readonly backupImage: string | undefined;
  /** Id of the encryption key that the operator generated; undefined: none, or not known yet. */
  readonly backupKey: string | undefined;
}

/** What decides how one backup is made. */
export interface BackupInput {
  readonly api: MaintenanceApi;
  readonly backup: BackupSpec;
  /** The operator's. */
  readonly image: string;
  /** Of the key that it is encrypted with. */
  readonly keyId: string;
}
