import type {ConditionType, EventReason, MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {events} from '../api/v1alpha1/index.ts';

/** An event to be emitted: one of the catalogue, with its note. */
export interface Transition {
  readonly reason: EventReason;
  readonly note: string;
}

type Status = MaintenanceApiStatus | undefined;

const conditionOf = (
  status: Status,
  type: ConditionType,
): {status: string; reason: string; message: string} | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

function releaseTransitions(before: Status, after: Status): Transition[] {
  const found: Transition[] = [];
  const {desired, serving, rolledOutAt, lastKnownGood} = after?.revisions ?? {};
  const old = before?.revisions;
  if (desired !== undefined && desired !== old?.desired) {
    found.push({reason: 'RevisionCreated', note: `The spec asks for revision ${desired}`});
  }
  const rollback = after?.remediation?.action?.kind === 'Rollback';
  if (serving !== undefined && serving !== old?.serving && !rollback) {
    found.push({reason: 'RolloutStarted', note: `Revision ${serving} is being rolled out`});
  }
  if (serving !== undefined && rolledOutAt !== undefined && rolledOutAt !== old?.rolledOutAt && !rollback) {
    found.push({reason: 'RolloutCompleted', note: `Every wanted pod of revision ${serving} is available; it bakes`});
  }
  if (lastKnownGood !== undefined && lastKnownGood !== old?.lastKnownGood) {
    found.push({reason: 'RevisionGood', note: `Revision ${lastKnownGood} baked well and is the last known good one`});
  }
  return found;
}

function actionTransitions(before: Status, after: Status): Transition[] {
  const found: Transition[] = [];
  const now = after?.remediation?.action;
  const was = before?.remediation?.action;
  if (now !== undefined && now.id !== was?.id) {
    const decision = after?.remediation?.lastDecision?.message ?? '';
    found.push({
      reason: 'RollbackStarted',
      note: `Rolling back from revision ${now.fromRevision} to ${now.toRevision} because of ${now.verdict}. ${decision}`,
    });
  }
  if (now?.state === 'Verifying' && (was?.id !== now.id || was.state !== 'Verifying')) {
    found.push({
      reason: 'RollbackCompleted',
      note: `Revision ${now.toRevision} serves again; its effect is being measured`,
    });
  }
  const ended = after?.remediation?.recentActions?.[0];
  if (ended !== undefined && ended.id !== before?.remediation?.recentActions?.[0]?.id) {
    const helped = ended.outcome === 'Helped';
    found.push({
      reason: helped ? 'RollbackHelped' : 'RollbackNotHelped',
      note:
        ended.message ?? `The rollback from ${ended.fromRevision} to ${ended.toRevision} ended: ${ended.outcome ?? ''}`,
    });
  }
  return found;
}

/** Events for conditions that turned, by condition: [when it became this reason or status, the event]. */
function conditionTransitions(before: Status, after: Status): Transition[] {
  const found: Transition[] = [];
  const turned = (type: ConditionType, to: string): string | undefined => {
    const now = conditionOf(after, type);
    const was = conditionOf(before, type);
    return now?.status === to && was?.status !== to ? now.message : undefined;
  };
  const reasonNew = (type: ConditionType, reason: string): string | undefined => {
    const now = conditionOf(after, type);
    const was = conditionOf(before, type);
    return now?.reason === reason && (was?.reason !== reason || was.message !== now.message) ? now.message : undefined;
  };
  const push = (reason: EventReason, note: string | undefined): void => {
    if (note !== undefined) found.push({reason, note});
  };
  push('ObjectiveBreached', turned('ObjectivesMet', 'False'));
  if (conditionOf(before, 'ObjectivesMet')?.status === 'False') push('ObjectiveMet', turned('ObjectivesMet', 'True'));
  const databaseWas = before?.database?.state;
  const databaseIs = after?.database?.state;
  if (databaseIs === 'Unreachable' && databaseWas !== 'Unreachable') {
    push('DatabaseUnreachable', conditionOf(after, 'DatabaseReady')?.message);
  }
  if (databaseIs === 'Ready' && databaseWas === 'Unreachable') push('DatabaseRecovered', 'The database answers again');
  if (after?.database?.serverUuid !== undefined && before?.database?.serverUuid === undefined) {
    push('DatabaseInitialised', 'The database answered for the first time');
  }
  push('Escalated', reasonNew('Remediating', 'Escalated'));
  push('ReferenceMissing', reasonNew('Stalled', 'ReferenceMissing'));
  push('ApplyRefused', reasonNew('Stalled', 'ApplyRefused'));
  for (const reason of [
    'RolloutBlocked',
    'ImagePullFailed',
    'QuotaExceeded',
    'Unschedulable',
    'RolloutStuck',
  ] as const) {
    push('RolloutBlocked', reasonNew('Ready', reason));
  }
  return found;
}

function decisionTransitions(before: Status, after: Status): Transition[] {
  const now = after?.remediation?.lastDecision;
  const was = before?.remediation?.lastDecision;
  if (now === undefined || now.time === was?.time || now.verdict === 'None') return [];
  const held = now.considered.find((item) => !item.taken && item.guard !== undefined);
  return held === undefined
    ? []
    : [{reason: 'ActionHeld', note: `${held.action} was not taken (${held.guard ?? ''}): ${held.reason}`}];
}

/**
 * The events that lie between two statuses: of what changed only, so that repeating a write emits nothing.
 */
export function transitionsBetween(before: Status, after: Status): Transition[] {
  return [
    ...releaseTransitions(before, after),
    ...conditionTransitions(before, after),
    ...decisionTransitions(before, after),
    ...actionTransitions(before, after),
  ].filter(({reason}) => reason in events);
}
