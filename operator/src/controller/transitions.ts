import {
  requestAnnotations,
  type ActionKind,
  type ActionRecord,
  type ConditionType,
  type EventReason,
  type Explanation,
  type MaintenanceApiStatus,
  type Reason,
} from '../api/v1alpha1/index.ts';

/** An event to be emitted: one of the catalogue, with its note. */
export interface Transition {
  readonly reason: EventReason;
  readonly note: string;
}

type Status = MaintenanceApiStatus | undefined;
type Revisions = NonNullable<MaintenanceApiStatus['revisions']>;
type Remediation = NonNullable<MaintenanceApiStatus['remediation']>;

/** One side of a change: a status with its absent parts made visible as such. */
class Side {
  readonly revisions: Partial<Revisions>;
  readonly remediation: Partial<Remediation>;
  readonly #status: Status;

  constructor(status: Status) {
    this.#status = status;
    this.revisions = status?.revisions ?? {};
    this.remediation = status?.remediation ?? {};
  }

  get action(): ActionRecord | undefined {
    return this.remediation.action;
  }

  get ended(): ActionRecord | undefined {
    return this.remediation.recentActions?.[0];
  }

  get decision(): Explanation | undefined {
    return this.remediation.lastDecision;
  }

  get floor(): NonNullable<NonNullable<Status>['replicas']>['floor'] {
    return this.#status?.replicas?.floor;
  }

  get readOnly(): boolean {
    return this.#status?.maintenance?.readOnly === true;
  }

  get restart(): NonNullable<Status>['restart'] {
    return this.#status?.restart;
  }

  get upgrade(): NonNullable<Status>['upgrade'] {
    return this.#status?.upgrade;
  }

  get database(): Partial<NonNullable<MaintenanceApiStatus['database']>> {
    return this.#status?.database ?? {};
  }

  get backup(): Partial<NonNullable<MaintenanceApiStatus['backup']>> {
    return this.#status?.backup ?? {};
  }

  condition(type: ConditionType): {readonly status: string; readonly reason: Reason | ''; readonly message: string} {
    return this.#status?.conditions?.find((item) => item.type === type) ?? {status: '', reason: '', message: ''};
  }
}

/** Tells an event's note when its change lies between two statuses. */
type Rule = (was: Side, is: Side) => string | undefined;

/** The message of a condition that turned to a status. */
const turned =
  (type: ConditionType, to: string, from?: string): Rule =>
  (was, is) => {
    const before = was.condition(type).status;
    const {status, message} = is.condition(type);
    return status === to && before !== to && (from === undefined || before === from) ? message : undefined;
  };

/** The message of a condition that came to have a reason, or has it for something else now. */
const became =
  (type: ConditionType, ...reasons: readonly Reason[]): Rule =>
  (was, is) => {
    const now = is.condition(type);
    const before = was.condition(type);
    const same = before.reason === now.reason && before.message === now.message;
    return reasons.some((reason) => reason === now.reason) && !same ? now.message : undefined;
  };

/** The action that is new, if it is of this kind. */
const begun = (kind: ActionKind, was: Side, {action}: Side): ActionRecord | undefined =>
  action?.kind === kind && action.id !== was.action?.id ? action : undefined;

const scalesUp: Rule = (was, is) => {
  const action = begun('ScaleUp', was, is);
  if (action === undefined) return undefined;
  return `At least ${action.minReplicas} pods until ${action.expiresAt}. ${is.decision?.message ?? ''}`;
};

const floorLowered: Rule = (was, is) =>
  was.floor !== undefined && is.floor === undefined
    ? `spec.autoscaling.minReplicas holds again; at least ${was.floor.minReplicas} pods were kept until ${was.floor.expiresAt}`
    : undefined;

const restartAsked: Rule = (was, is) => {
  const {restart} = is;
  if (restart === undefined || restart.value === was.restart?.value) return undefined;
  return `Every pod of revision ${restart.revision} is being replaced, as ${requestAnnotations.restart} asks (${restart.value})`;
};

const upgradePending: Rule = ({upgrade: before}, {upgrade}) => {
  if (upgrade === undefined || before?.renderVersion === upgrade.renderVersion) return undefined;
  const children = upgrade.pending.map(({kind, name}) => `${kind} "${name}"`).join(' and ');
  const window = upgrade.next === undefined ? '' : `, in the maintenance window at ${upgrade.next},`;
  return `An older operator rendered the pods of ${children}: they are replaced with a change of the spec that concerns them${window} or for ${requestAnnotations.upgrade}`;
};

const upgradeCompleted: Rule = (was, is) =>
  was.upgrade !== undefined && is.upgrade === undefined
    ? `Every pod is rendered by templates of generation ${was.upgrade.renderVersion}`
    : undefined;

const pausedOr =
  (paused: boolean): Rule =>
  (was, is) => {
    const [before, now] = [was.remediation.paused, is.remediation.paused];
    if ((now !== undefined) !== paused || (before !== undefined) === paused) return undefined;
    return paused ? `No action is taken: ${now}` : 'Actions are taken again';
  };

const readOnlyEnded: Rule = (was, is) => (was.readOnly && !is.readOnly ? is.condition('ReadOnly').message : undefined);

const restarts: Rule = (was, is) => {
  const action = begun('Restart', was, is);
  if (action === undefined) return undefined;
  return `Evicting pod ${action.targetName} because of ${action.verdict}. ${is.decision?.message ?? ''}`;
};

const rollsBack: Rule = (was, is) => {
  const action = begun('Rollback', was, is);
  if (action === undefined) return undefined;
  const {fromRevision, toRevision, verdict} = action;
  return `Rolling back from revision ${fromRevision} to ${toRevision} because of ${verdict}. ${is.decision?.message ?? ''}`;
};

const rolledBack: Rule = (was, is) => {
  const {action} = is;
  const before = was.action?.id === action?.id ? was.action?.state : undefined;
  if (action?.kind !== 'Rollback' || action.state !== 'Verifying' || before === 'Verifying') return undefined;
  return `Revision ${action.toRevision} serves again; its effect is being measured`;
};

const actionEnded =
  (kind: ActionKind, helped: boolean): Rule =>
  (was, is) => {
    const {ended} = is;
    if (ended?.kind !== kind || ended.id === was.ended?.id || (ended.outcome === 'Helped') !== helped) return undefined;
    return ended.message ?? `The ${kind} ended: ${ended.outcome ?? 'unknown'}`;
  };

const rollsOut: Rule = (was, is) => {
  const {serving} = is.revisions;
  if (serving === undefined || serving === was.revisions.serving || is.action?.kind === 'Rollback') return undefined;
  return `Revision ${serving} is being rolled out`;
};

const rolledOut: Rule = (was, is) => {
  const {serving, rolledOutAt} = is.revisions;
  if (rolledOutAt === undefined || rolledOutAt === was.revisions.rolledOutAt || is.action?.kind === 'Rollback')
    return undefined;
  return `Every wanted pod of revision ${serving ?? ''} is available; it bakes`;
};

const asksFor: Rule = (was, is) => {
  const {desired} = is.revisions;
  return desired === undefined || desired === was.revisions.desired
    ? undefined
    : `The spec asks for revision ${desired}`;
};

const becameGood: Rule = (was, is) => {
  const {lastKnownGood} = is.revisions;
  if (lastKnownGood === undefined || lastKnownGood === was.revisions.lastKnownGood) return undefined;
  return `Revision ${lastKnownGood} baked well and is the last known good one`;
};

const held: Rule = (was, is) => {
  const {decision} = is;
  if (decision === undefined || decision.verdict === 'None' || decision.time === was.decision?.time) return undefined;
  const stopped = decision.considered.find((item) => !item.taken && item.guard !== undefined);
  // Evidence that is still being gathered is no refusal: a person hears of it when it stays incomplete.
  const gathers = decision.considered.some(({action, taken}) => action === 'Hold' && taken);
  if (stopped?.guard === 'Witnesses' && gathers) return undefined;
  return stopped === undefined
    ? undefined
    : `${stopped.action} was not taken (${stopped.guard ?? ''}): ${stopped.reason}`;
};

const databaseLost: Rule = (was, is) =>
  is.database.state === 'Unreachable' && was.database.state !== 'Unreachable'
    ? is.condition('DatabaseReady').message
    : undefined;

const databaseBack: Rule = (was, is) =>
  is.database.state === 'Ready' && was.database.state === 'Unreachable' ? 'The database answers again' : undefined;

const databaseBorn: Rule = (was, is) =>
  is.database.serverUuid !== undefined && was.database.serverUuid === undefined
    ? 'The database answered for the first time'
    : undefined;

const backupRequested: Rule = (was, is) => {
  const {request} = is.backup;
  if (request === undefined || request.value === was.backup.request?.value) return undefined;
  return `MaintenanceApiBackup "${request.backup}" was made, as ${requestAnnotations.backupNow} asks (${request.value})`;
};

const backupMade: Rule = (was, is) => {
  const {last} = is.backup;
  if (last === undefined || last.name === was.backup.last?.name) return undefined;
  // The one before it was removed.
  if (Date.parse(last.startedAt) < Date.parse(was.backup.last?.startedAt ?? '')) return undefined;
  return `Backup "${last.name}" has everything that was written until ${last.startedAt}`;
};

const backupFailed: Rule = (was, is) => {
  const {lastFailure} = is.backup;
  if (lastFailure === undefined || lastFailure.job === was.backup.lastFailure?.job) return undefined;
  return `Job "${lastFailure.job}" made no backup (${lastFailure.reason}): ${lastFailure.message}`;
};

const keySaved: Rule = (was, is) => {
  const {keySaved: saved} = is.backup;
  return saved === undefined || saved === was.backup.keySaved
    ? undefined
    : `Encryption key "${saved}" is said to be kept outside of the cluster`;
};

/** In the order in which a person should read them. */
const rules: readonly (readonly [EventReason, Rule])[] = [
  ['RevisionCreated', asksFor],
  ['RolloutStarted', rollsOut],
  ['RolloutCompleted', rolledOut],
  ['RevisionGood', becameGood],
  ['ReferenceMissing', became('Stalled', 'ReferenceMissing')],
  ['ApplyRefused', became('Stalled', 'ApplyRefused')],
  [
    'RolloutBlocked',
    became('Ready', 'RolloutBlocked', 'ImagePullFailed', 'QuotaExceeded', 'Unschedulable', 'RolloutStuck'),
  ],
  ['DatabaseInitialised', databaseBorn],
  ['DatabaseUnreachable', databaseLost],
  ['DatabaseRecovered', databaseBack],
  ['BackupRequested', backupRequested],
  ['BackupSucceeded', backupMade],
  ['BackupFailed', backupFailed],
  ['KeySaved', keySaved],
  ['ObjectiveBreached', turned('ObjectivesMet', 'False')],
  ['ActionHeld', held],
  ['Escalated', became('Remediating', 'Escalated')],
  ['RollbackStarted', rollsBack],
  ['RollbackCompleted', rolledBack],
  ['RollbackHelped', actionEnded('Rollback', true)],
  ['RollbackNotHelped', actionEnded('Rollback', false)],
  ['ScaleUpStarted', scalesUp],
  ['ScaleUpHelped', actionEnded('ScaleUp', true)],
  ['ScaleUpNotHelped', actionEnded('ScaleUp', false)],
  ['FloorLowered', floorLowered],
  ['RestartAccepted', restartAsked],
  ['UpgradePending', upgradePending],
  ['UpgradeCompleted', upgradeCompleted],
  ['RemediationPaused', pausedOr(true)],
  ['RemediationResumed', pausedOr(false)],
  ['ReadOnlyBegun', turned('ReadOnly', 'True')],
  ['ReadOnlyEnded', readOnlyEnded],
  ['RestartStarted', restarts],
  ['RestartHelped', actionEnded('Restart', true)],
  ['RestartNotHelped', actionEnded('Restart', false)],
  ['ObjectiveMet', turned('ObjectivesMet', 'True', 'False')],
];

/** The events that lie between two statuses: of what changed only, so that repeating a write emits nothing. */
export function transitionsBetween(before: Status, after: Status): Transition[] {
  const was = new Side(before);
  const is = new Side(after);
  return rules.flatMap(([reason, rule]) => {
    const note = rule(was, is);
    return note === undefined ? [] : [{reason, note}];
  });
}
