/** Every event that the operator emits: its type, the action it reports and what it means. */
export const events = {
  RevisionCreated: {type: 'Normal', action: 'Release', meaning: 'A change of the spec made a new revision'},
  RolloutStarted: {type: 'Normal', action: 'Release', meaning: 'Pods of a revision are being started'},
  RolloutCompleted: {
    type: 'Normal',
    action: 'Release',
    meaning: 'Every wanted pod of a revision is available; it bakes now',
  },
  RevisionGood: {type: 'Normal', action: 'Release', meaning: 'A revision baked well and is the last known good one'},
  RolloutBlocked: {
    type: 'Warning',
    action: 'Release',
    meaning: 'Pods of a revision can not be started; the old ones serve',
  },
  ObjectiveBreached: {type: 'Warning', action: 'Judge', meaning: 'An objective is breached'},
  ObjectiveMet: {type: 'Normal', action: 'Judge', meaning: 'A breach ended'},
  ActionHeld: {type: 'Warning', action: 'Judge', meaning: 'An action was considered and not taken; the note says why'},
  Escalated: {type: 'Warning', action: 'Judge', meaning: 'A person has to decide'},
  RollbackStarted: {type: 'Warning', action: 'Rollback', meaning: 'The last known good revision is being brought back'},
  RollbackCompleted: {type: 'Normal', action: 'Rollback', meaning: 'The last known good revision serves again'},
  RollbackHelped: {
    type: 'Normal',
    action: 'Rollback',
    meaning: 'The breach ended after the rollback; the revision left is rejected',
  },
  RollbackNotHelped: {
    type: 'Warning',
    action: 'Rollback',
    meaning: 'The breach goes on after the rollback; a person decides',
  },
  RestartStarted: {type: 'Warning', action: 'Restart', meaning: 'One pod is being evicted; the note says why'},
  RestartHelped: {type: 'Normal', action: 'Restart', meaning: 'The replacement of the pod that was evicted is Ready'},
  RestartNotHelped: {
    type: 'Warning',
    action: 'Restart',
    meaning: 'The eviction of a pod did not help, or could not be carried out; a person decides',
  },
  ScaleUpStarted: {type: 'Warning', action: 'ScaleUp', meaning: 'The least number of pods is raised for a while'},
  ScaleUpHelped: {type: 'Normal', action: 'ScaleUp', meaning: 'The breach ended with more pods'},
  ScaleUpNotHelped: {
    type: 'Warning',
    action: 'ScaleUp',
    meaning: 'More pods did not end the breach, or did not come; a person decides',
  },
  FloorLowered: {type: 'Normal', action: 'ScaleUp', meaning: 'spec.autoscaling.minReplicas holds again'},
  RetryAccepted: {type: 'Normal', action: 'Retry', meaning: 'The retry annotation lifted a suspension or rejection'},
  RestartAccepted: {
    type: 'Normal',
    action: 'Restart',
    meaning: 'The restart annotation was answered: every pod of the serving revision is being replaced',
  },
  RemediationPaused: {
    type: 'Normal',
    action: 'Judge',
    meaning: 'The pause-remediation annotation holds every action from now on',
  },
  RemediationResumed: {type: 'Normal', action: 'Judge', meaning: 'The pause-remediation annotation is gone'},
  RetryUnknown: {type: 'Warning', action: 'Retry', meaning: 'The retry annotation names no revision in history'},
  DatabaseInitialised: {type: 'Normal', action: 'Database', meaning: 'The database answered for the first time'},
  DatabaseUnreachable: {type: 'Warning', action: 'Database', meaning: 'The database stopped answering'},
  DatabaseRecovered: {type: 'Normal', action: 'Database', meaning: 'The database answers again'},
  ReferenceMissing: {type: 'Warning', action: 'Apply', meaning: 'A named Secret or ConfigMap does not exist'},
  ApplyRefused: {type: 'Warning', action: 'Apply', meaning: 'The API server refused a child'},
} as const;

export type EventReason = keyof typeof events;
