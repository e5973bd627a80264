import {runFailureReasons} from './backup-run.ts';

/** Condition types, always all present. */
export const conditionTypes = [
  'Ready',
  'Available',
  'DatabaseReady',
  'BackupReady',
  'MonitoringReady',
  'ObjectivesMet',
  'Remediating',
  'ReadOnly',
  'Paused',
  'Reconciling',
  'Stalled',
] as const;

export type ConditionType = (typeof conditionTypes)[number];
/** What each type is about, and which status it has when all is well; docs are generated from it. */
export const conditionMeanings: Readonly<
  Record<ConditionType, {readonly meaning: string; readonly healthy: 'True' | 'False'}>
> = {
  Ready: {meaning: 'The cluster is what the spec asks for.', healthy: 'True'},
  Available: {meaning: 'The API serves: at least one pod is ready.', healthy: 'True'},
  DatabaseReady: {meaning: 'The database answers, and its accounts work.', healthy: 'True'},
  BackupReady: {
    meaning: 'The newest backup is as new as the schedule asks for, and could be restored without this cluster.',
    healthy: 'True',
  },
  MonitoringReady: {meaning: 'The alert rules are where Prometheus can find them.', healthy: 'True'},
  ObjectivesMet: {meaning: 'Every service level objective is met. A breach does not change Ready.', healthy: 'True'},
  Remediating: {meaning: 'An action is under way.', healthy: 'False'},
  ReadOnly: {
    meaning: 'Every pod refuses writes, because `spec.maintenance.readOnly` is set; actions are held.',
    healthy: 'False',
  },
  Paused: {meaning: '`spec.paused` is set.', healthy: 'False'},
  Reconciling: {meaning: 'The operator is on its way to what the spec asks for (kstatus).', healthy: 'False'},
  Stalled: {meaning: 'It can not go on without a person (kstatus).', healthy: 'False'},
};

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** Every reason that a condition can have, with what it means; docs are generated from it. */
export const reasons = {
  ...runFailureReasons,
  Ready: 'The cluster is what the spec asks: children applied and current, database answers, wanted pods ready',
  NotReady: 'Something that the spec asks for is not there yet',
  Progressing: 'Children are being created or rolled out',
  UpToDate: 'Nothing is left to do',
  Available: 'At least one pod answers',
  NoReadyPods: 'No pod is ready',
  DatabaseReady: 'The database answers',
  DatabaseStarting: 'The database is being created or started',
  DatabaseUnreachable: 'The database does not answer',
  DatabaseSaturated: 'The database is at its limits',
  DatabaseCredentialsRefused: 'An external database refuses the account that the spec names',
  DatabaseGrantsMissing: 'An account lacks privileges in an external database',
  DatabaseSchemaMissing: 'An external database does not have the schema',
  DatabaseNotTrusted: 'The certificate of an external database is not trusted by the authority that the spec names',
  DataMissing: 'The volume is empty though it once was initialised; it is never initialised again',
  AccountsInvalid: 'An account of the database does not work as it should',
  BackupReady: 'The last run made a backup',
  NoBackups: 'spec.backup is not set: nothing is backed up',
  BackupsSuspended: 'spec.backup.suspend is set: nothing is backed up by the schedule',
  KeyOnlyInCluster:
    'Backups are encrypted with a key that exists in this cluster alone: keep a copy elsewhere, then set the key-saved annotation',
  NeverRan: 'No backup was made although the schedule asked for one',
  TooOld: 'The newest backup is older than the schedule asks for',
  ImageUnknown: 'The operator does not know its own image, in which backups are made',
  RulesApplied: 'The alert rules are applied',
  NoRules: 'spec.monitoring.rulesAs is None',
  KindMissing: 'The cluster does not have the kind that the spec asks for; it is used as soon as it appears',
  ObjectivesMet: 'Every objective is met',
  ObjectiveBreached: 'At least one objective is breached',
  Inconclusive: 'Too little was measured to say',
  NoAction: 'No action is under way',
  RollingBack: 'The last known good revision is being brought back',
  Restarting: 'One pod is being evicted',
  ScalingUp: 'The least number of pods was raised for a while',
  Verifying: 'The effect of the action is being measured',
  Escalated: 'A person has to decide',
  Paused: 'spec.paused is set; children are left alone',
  NotPaused: 'The operator manages the children',
  ReadOnly: 'Every pod refuses writes; no action is taken meanwhile',
  ReadWrite: 'Writes are taken',
  ModeChanging: 'Not every pod has said yet that it follows spec.maintenance.readOnly; no action is taken meanwhile',
  RolloutBlocked: 'Pods of the new revision can not be started; the old ones serve',
  RolloutStuck: 'Pods of the new revision do not become ready',
  ProgressDeadlineExceeded: 'The rollout did not finish within progressDeadlineSeconds',
  RevisionSuspended: 'The wanted revision was rolled back from; its effect is being judged',
  RevisionRejected:
    'The wanted revision was rolled back from, and that helped; it stays rejected until retried or changed',
  ReferenceMissing: 'A Secret or ConfigMap that the spec names, or a key in it, does not exist',
  ApplyRefused: 'The API server refused a child',
  AccessMissing: 'The operator lacks a permission in this namespace',
  MaintenanceWindowInvalid: 'A maintenance window never opens: its schedule or its time zone is not valid',
  VolumePending: "The database's volume is not bound",
  QuotaExceeded: 'A quota does not admit another pod',
  Unschedulable: 'No node fits a pod',
  ImagePullFailed: 'An image can not be pulled',
  NotStalled: 'Nothing waits for a person',
  Observing: 'Not judged yet',
} as const;

export type Reason = keyof typeof reasons;

/** One condition, as in KEP-1623. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}
