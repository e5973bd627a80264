import type {ActionOutcome, ActionRecord, MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {clip, iso} from './text.ts';

/** The effect is judged by what came this long after the action was complete at the earliest: connections settle. */
export const STABILIZATION_MS = 60_000;
/** After so long it must be judged by what there is. */
export const STABILIZATION_BOUND_MS = 600_000;
/** status.remediation.recentActions holds so many. */
export const RECENT_KEPT = 20;
const MESSAGE_LENGTH = 1024;

/** The last known good revision is brought back. */
export type RollbackRecord = ActionRecord & {
  readonly kind: 'Rollback';
  readonly fromRevision: string;
  readonly toRevision: string;
};

/** One pod is evicted. */
export type RestartRecord = ActionRecord & {readonly kind: 'Restart'; readonly targetName: string};

/** The autoscaler keeps more pods than the spec's least number, for a while. */
export type ScaleUpRecord = ActionRecord & {
  readonly kind: 'ScaleUp';
  readonly minReplicas: number;
  readonly expiresAt: string;
};

/** How an action ended. */
export interface End {
  readonly outcome: ActionOutcome;
  readonly message: string;
}

/** Whether a record is of a rollback. */
export function isRollback(record: ActionRecord | undefined): record is RollbackRecord {
  return record?.kind === 'Rollback' && record.fromRevision !== undefined && record.toRevision !== undefined;
}

/** Whether a record is of the eviction of a pod. */
export function isRestart(record: ActionRecord | undefined): record is RestartRecord {
  return record?.kind === 'Restart' && record.targetName !== undefined;
}

/** Whether a record is of a floor that was raised. */
export function isScaleUp(record: ActionRecord | undefined): record is ScaleUpRecord {
  return record?.kind === 'ScaleUp' && record.minReplicas !== undefined && record.expiresAt !== undefined;
}

/**
 * The record of an action that is decided and not begun.
 *
 * @param now milliseconds
 * @param plan what is done; `message` says why, in a sentence with its figures: the record outlives the explanation
 */
export function recorded(
  now: number,
  plan: Omit<ActionRecord, 'state' | 'recordedAt'> & {readonly message: string},
): ActionRecord {
  return {...plan, state: 'Recorded', recordedAt: iso(now), message: clip(plan.message, MESSAGE_LENGTH)};
}

/** The action under way, as it was recorded. */
export function underWay(status: MaintenanceApiStatus | undefined): ActionRecord | undefined {
  const action = status?.remediation?.action;
  return action?.state === 'Ended' ? undefined : action;
}

/**
 * The record of an action that ended.
 *
 * @param now milliseconds
 * @param action the action
 * @param end how it ended
 */
export function ended(now: number, action: ActionRecord, end: End): ActionRecord {
  const message = [action.message, end.message].filter((part) => part !== undefined).join(' ');
  return {
    ...action,
    state: 'Ended',
    endedAt: iso(now),
    outcome: end.outcome,
    message: clip(message, MESSAGE_LENGTH),
  };
}

/**
 * The actions that ended, newest first.
 *
 * @param status as it was read
 * @param now the one that ends with this decision
 */
export function recent(
  status: MaintenanceApiStatus | undefined,
  now: ActionRecord | undefined,
): readonly ActionRecord[] {
  const known = status?.remediation?.recentActions ?? [];
  const last = status?.remediation?.action;
  const newest = now ?? (last?.state === 'Ended' ? last : undefined);
  if (newest === undefined) return known;
  return [newest, ...known.filter(({id}) => id !== newest.id)].slice(0, RECENT_KEPT);
}

/** Whether an action ended without having helped. */
export function didNotHelp({outcome}: ActionRecord): boolean {
  switch (outcome) {
    case 'NotHelped':
    case 'Worse':
    case 'TargetChanged':
      return true;
    case 'Helped':
    case 'Interrupted':
    case undefined:
      return false;
  }
}
