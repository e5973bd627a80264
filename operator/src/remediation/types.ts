import type {
  ActionRecord,
  Explanation,
  Guard,
  MaintenanceApiSpec,
  MaintenanceApiStatus,
  Verdict,
} from '../api/v1alpha1/index.ts';
import type {MemoryTrend} from '../slo/index.ts';
import type {Overlap, RevisionWindow, WindowCounts} from '../slo/types.ts';

/** What is durably known of one revision (its ControllerRevision). Times are wall clock, milliseconds. */
export interface RevisionFacts {
  readonly hash: string;
  readonly image: string;
  readonly createdAt: number;
  /** Hash of the content of each Secret and ConfigMap that it refers to, by `Kind/name`. */
  readonly references?: Readonly<Record<string, string>>;
  readonly goodAt?: number;
  readonly suspendedAt?: number;
  readonly rejectedAt?: number;
  readonly breachedAt?: number;
  /** The newest migration that had been applied when it became good. */
  readonly schemaVersion?: number;
  readonly imageId?: string;
  /** Where its database is, if that is somebody else's; undefined: the one that the operator runs. */
  readonly database?: string;
  /** The restart request for which its pods were replaced last. */
  readonly restarted?: string;
  /** The generation of templates that its pods are rendered by. */
  readonly renderVersion: number;
}

/** One of the API's pods, as the API server tells. */
export interface PodFacts {
  readonly uid: string;
  readonly name: string;
  readonly revision: string;
  readonly createdAt: number;
  readonly node?: string;
  readonly ready: boolean;
  readonly readySince?: number;
  /** Since when it is not Ready; undefined while it is. */
  readonly notReadySince?: number;
  /** Its kubelet is no longer heard of: not Ready by the word of the node's controller alone. */
  readonly nodeLost?: boolean;
  /** Since when the API's container runs; undefined while it doesn't. */
  readonly runningSince?: number;
  readonly terminating: boolean;
  readonly restarts: number;
  /** A container (init ones included) that waits: ImagePullBackOff, CrashLoopBackOff, CreateContainerConfigError, … */
  readonly waiting?: {readonly container: string; readonly reason: string; readonly message: string};
  /** How the API's container last ended. */
  readonly lastTermination?: {readonly reason: string; readonly exitCode: number; readonly at: number};
  /** Why no node takes it. */
  readonly unschedulable?: string;
  readonly imageId?: string;
  /** Tries in a row to read its metrics that failed; 0 after a success, undefined while it was never tried. */
  readonly failedReads?: number;
  /** What it can't use now, and why, by its own word (`database: dns`); undefined where it says nothing like that. */
  readonly failing?: string;
  /** Whether it refuses writes because it was told to; undefined where it doesn't say. */
  readonly readOnly?: boolean;
  /** What is resident of what it may have, bytes, and how that moved; undefined where either is not known. */
  readonly memory?: {readonly bytes: number; readonly limit: number; readonly trends: readonly MemoryTrend[]};
  /** The CPU that it uses, as a share of what it requests (1: all of it). */
  readonly cpuShare?: number;
}

export interface DeploymentFacts {
  readonly uid: string;
  /** The revision that its pod template carries. */
  readonly revision: string;
  /** The generation of templates that it was rendered by. */
  readonly renderVersion: number;
  readonly wantedReplicas: number;
  readonly readyReplicas: number;
  readonly updatedReplicas: number;
  /** Every wanted pod is of this revision and available, and none of another is left. */
  readonly rolloutComplete: boolean;
  /** When this revision's rollout began (its ReplicaSet was created or scaled up again). */
  readonly rolloutStartedAt: number;
  /** A ReplicaSet that can't create pods (quota, admission): the message of its ReplicaFailure condition. */
  readonly replicaFailure?: string;
  /** Revisions that still have Ready pods, by hash. */
  readonly readyByRevision: Readonly<Record<string, number>>;
}

/** Signals of the database, each told by a probe of its own; undefined: that probe abstains. */
export interface DatabaseFacts {
  /** The admin interface answered a login and SELECT 1. */
  readonly reachable?: boolean;
  /** When it was asked last, milliseconds; undefined where that probe abstains. */
  readonly askedAt?: number;
  /** Set where it isn't asked but by its pods, which need a moment to notice that it is gone. */
  readonly toldByPods?: boolean;
  readonly unreachableSince?: number;
  readonly reason?: string;
  /** The newest break that ended: from its first failed probe (or the crash) to the first that was answered again. */
  readonly lastOutage?: {readonly from: number; readonly to: number};
  readonly recovering?: boolean;
  readonly threadsConnected?: number;
  readonly threadsRunning?: number;
  readonly maxConnections?: number;
  /** Connection errors because of max_connections (1040) or per-user limits (1203) since the last reading. */
  readonly connectionErrorsMax?: number;
  readonly slowQueries?: number;
  /** Requests that waited for a pool connection, from the pods' metrics. */
  readonly poolWaits?: number;
  /** Share (0–1) of connections or load that comes from pods of the newest revision. */
  readonly shareFromNewPods?: number;
  /** schema_migrations, from the pods' schema_migration_info; undefined where no pod exposes it. */
  readonly migrations?: readonly {readonly version: number; readonly previousCanRead: boolean}[];
}

/** A run that makes a backup, under way or not long over. Wall clock, milliseconds. */
export interface BackupFacts {
  /** Name of its Job. */
  readonly job: string;
  readonly startedAt: number;
  /** undefined while it is under way. */
  readonly endedAt?: number;
}

/** How the operator's other resources are, as far as this one may be told. */
export interface FleetFacts {
  /** How many there are, this one included. */
  readonly size: number;
  /** Since when this one breaches an objective, milliseconds; undefined: it did not, when it was last looked at. */
  readonly breachedSince?: number;
  /** Others that breach an objective by no fault of a release of theirs; `name` only where they share the namespace. */
  readonly others: readonly {readonly name?: string; readonly since: number}[];
}

/** Generations of templates, and whether pods of an older one may be replaced for it. */
export interface TemplateFacts {
  /** The one of this operator. */
  readonly newest: number;
  /** The one of the database's StatefulSet; undefined where there is none. */
  readonly database: number | undefined;
  /** A maintenance window is open, or a person asked for it. */
  readonly mayReplace: boolean;
}

/** All signals and objects of one resource at one moment. */
export interface Observation {
  /** Wall clock, milliseconds. */
  readonly now: number;
  readonly spec: MaintenanceApiSpec;
  readonly status: MaintenanceApiStatus | undefined;
  /** The hash of what the spec asks for; undefined while a Secret or ConfigMap it refers to is missing. */
  readonly desired: string | undefined;
  readonly revisions: readonly RevisionFacts[];
  readonly deployment: DeploymentFacts | undefined;
  readonly templates: TemplateFacts;
  readonly pods: readonly PodFacts[];
  /** Pods that their node took away, for want of memory or disk, or because it shuts down. */
  readonly nodeEvictions: readonly {
    readonly pod: string;
    readonly node?: string;
    readonly reason: string;
    readonly at: number;
  }[];
  readonly fleet: FleetFacts;
  /** Runs that are known, in any order. */
  readonly backups: readonly BackupFacts[];
  /** Act windows, each revision's pods apart, from their first Ready, at most the last 60 s. */
  readonly revisionWindows: readonly RevisionWindow[];
  /** The deployed revision's pods and all others over the same time; undefined: there was no such time. */
  readonly overlap: Overlap | undefined;
  /** Act window outside a rollout or bake: the last 5 minutes over all pods; after an action only what came since. */
  readonly serviceWindow: WindowCounts | undefined;
  /** Of each revision's pods, since its rollout completed: what a bake is judged by. */
  readonly bakeRequests: Readonly<Record<string, WindowCounts>>;
  /** Requests per second: over the last minute, over the ten minutes before the rollout, and over the hours before. */
  readonly load: {readonly current?: number; readonly beforeRollout?: number; readonly baseline?: number};
  /** The autoscaler as it is; undefined where there is none. */
  readonly autoscaler: {readonly uid: string; readonly minReplicas: number} | undefined;
  readonly database: DatabaseFacts;
  /** The Prometheus that measurements come from, and why it tells nothing now; undefined: the operator reads the pods. */
  readonly source?: {readonly prometheus: string; readonly problem: string | undefined};
  /** Answer of the retry annotation, if one stands on the resource that status hasn't answered. */
  readonly retry: string | undefined;
  /** The value of the restart annotation, as far as it counts; undefined without one. */
  readonly restart: string | undefined;
  /** The value of the pause-remediation annotation, `true` where it is empty; undefined without it. */
  readonly pause: string | undefined;
  /** A fresh unique id, made by the caller (invariant 2: deciding has no randomness). */
  readonly freshId: string;
}

/** A fact to write on a revision's ControllerRevision; null removes it. */
export interface RevisionPatch {
  readonly hash: string;
  readonly annotations: Readonly<Record<string, string | null>>;
}

/** Where the release stands; conditions are made from it. */
export type ReleaseState =
  | {readonly kind: 'Waiting'; readonly message: string}
  | {readonly kind: 'Progressing'; readonly message: string}
  | {
      readonly kind: 'Blocked';
      readonly reason:
        'RolloutBlocked' | 'ImagePullFailed' | 'QuotaExceeded' | 'Unschedulable' | 'ReferenceMissing' | 'RolloutStuck';
      readonly message: string;
      readonly pastDeadline: boolean;
    }
  | {readonly kind: 'Baking'; readonly message: string; readonly until: number}
  | {readonly kind: 'RollingBack'; readonly message: string}
  | {readonly kind: 'Rejected'; readonly message: string}
  | {readonly kind: 'Escalated'; readonly message: string}
  | {readonly kind: 'Settled'; readonly message: string};

/** What to do, in the order in which it must be done; repeated by the next observation as long as it isn't done. */
export interface Decision {
  /** The revision to render; undefined: none can be (nothing is changed then). */
  readonly serve: string | undefined;
  readonly lastKnownGood: string | undefined;
  readonly verdict: Verdict | 'None';
  readonly release: ReleaseState;
  readonly explanation: Explanation;
  /** The action as it must be recorded in status before anything else is written; undefined: none is under way. */
  readonly action: ActionRecord | undefined;
  /** Actions that ended with this decision or before, newest first, at most 20. */
  readonly recentActions: readonly ActionRecord[];
  readonly breaker: {readonly state: 'Closed' | 'Open'; readonly openedAt?: number};
  /** Facts for ControllerRevisions; written after the action's record. */
  readonly revisionPatches: readonly RevisionPatch[];
  /** The least number of pods while more than the spec's are kept; undefined: the spec's holds. */
  readonly floor: {readonly minReplicas: number; readonly expiresAt: number} | undefined;
  /** Read-only mode, for status. */
  readonly maintenance: MaintenanceApiStatus['maintenance'];
  /** The restart request that was answered last, for status. */
  readonly restart: MaintenanceApiStatus['restart'];
  /** The database's pod is replaced now for the newest generation of templates. */
  readonly upgradesDatabase: boolean;
  /** When the rollout of the serving revision was complete: kept in status.revisions.rolledOutAt. */
  readonly rolledOutAt: number | undefined;
  /** The objective's act window is breached now. */
  readonly breached: boolean;
  /** A guard that stopped the preferred action, if one did. */
  readonly heldBy: Guard | undefined;
  /** The database has to be asked before a revision or a pod may be blamed. */
  readonly asksDatabase: boolean;
  /** Revisions beyond historyLimit that nothing uses: their ControllerRevisions may be deleted. */
  readonly prune: readonly string[];
  /** Milliseconds until the next look: 5,000 while a revision bakes or a breach is suspected, else 30,000. */
  readonly lookAgainMs: number;
  /** A revision bakes or a breach is suspected. */
  readonly looksClosely: boolean;
}
