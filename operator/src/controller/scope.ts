import type {Attempts} from '../act/attempts.ts';
import type {BackupWriter} from '../act/backups.ts';
import type {ChildWriter} from '../act/children.ts';
import type {DatabaseKeeper, DatabaseProblem} from '../act/database-keeper.ts';
import type {Evictions} from '../act/evictions.ts';
import type {OwnedSecretKeeper} from '../act/owned-secrets.ts';
import type {RevisionWriter} from '../act/revisions.ts';
import type {StatusWriter} from '../act/status-writer.ts';
import type {VolumeOwner} from '../act/volume-owner.ts';
import type {MaintenanceApi, RevisionData} from '../api/v1alpha1/index.ts';
import type {Cache} from '../observe/cache.ts';
import type {DatabaseProbes} from '../observe/database-probe.ts';
import type {PrometheusSources} from '../observe/prometheus-source.ts';
import type {Scraper} from '../observe/scraper.ts';
import type {Decision, Observation} from '../remediation/index.ts';
import type {Clock, EventRecorder, KubeClient, Logger} from '../runtime/index.ts';
import type {DatabaseView} from './conditions.ts';
import type {ResourceMetrics} from './resource-metrics.ts';
import type {ResourceState, ResourceStates} from './resource-state.ts';

export interface MaintenanceApiControllerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly cache: Cache;
  readonly scraper: Scraper;
  readonly sources: PrometheusSources;
  readonly probes: DatabaseProbes;
  readonly states: ResourceStates;
  readonly secrets: OwnedSecretKeeper;
  readonly keeper: DatabaseKeeper;
  /** What children and revisions writers share. */
  readonly attempts: Attempts;
  readonly children: ChildWriter;
  readonly revisions: RevisionWriter;
  readonly evictions: Evictions;
  readonly volumeOwner: VolumeOwner;
  readonly backups: BackupWriter;
  readonly status: StatusWriter;
  readonly resourceMetrics: ResourceMetrics;
  readonly recorder: EventRecorder;
  readonly logger: Logger;
  /** Namespace of the operator's own pods. */
  readonly namespace: string;
  /** The operator's own image, in which backups are made; undefined: not known. */
  readonly backupImage: string | undefined;
  /** Throws when the lease is too old to write (invariant 14). */
  readonly guard: () => void;
}

/** A revision and what its pods are rendered from. */
export interface KnownRevision {
  readonly hash: string;
  readonly data: RevisionData;
}

/** One resource at one reconcile; each field says who fills it. */
export interface Scope {
  readonly key: string;
  readonly api: MaintenanceApi;
  /** refresh() */
  readonly state: ResourceState;
  /** wantedRevision() */
  readonly wanted: KnownRevision | undefined;
  /** observe() */
  readonly observation: Observation;
  /** decide() */
  readonly decision: Decision;
  readonly database: DatabaseView;
  readonly problems: readonly DatabaseProblem[];
}
