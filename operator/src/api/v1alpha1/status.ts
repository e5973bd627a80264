import * as z from 'zod';
import {atomicList, mapList} from './cel.ts';
import {runFailureReason} from './maintenance-api-backup.ts';
import {conditionTypes, reasons, type Reason} from './conditions.ts';

/**
 * `status` of a MaintenanceApi. Numbers are rounded strings, times are absolute (RFC 3339), every list has a bound
 * (docs/explanation/architecture.md). Only the operator's one status writer writes it.
 */

const time = z.string().max(35).meta({format: 'date-time'});
const hash = z.string().max(63);
const text = z.string().max(1024);
const short = z.string().max(63);
const objectName = z.string().max(253);
const count = z.int().min(0).max(2147483647);
const generation = z.int().min(0);

const condition = z.object({
  type: z.enum(conditionTypes).describe('What it is about.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  reason: z.enum(Object.keys(reasons) as [Reason, ...Reason[]]).describe('Why, in one word of the catalogue.'),
  message: z.string().max(4096).describe('Why, in a sentence that names the object at fault.'),
  observedGeneration: generation.describe('Generation of the spec that it was judged for.'),
  lastTransitionTime: time.describe('When its status last changed.'),
});

/** Verdicts of this version, in the order in which they are tried; the first that holds wins. */
export const verdicts = [
  'TelemetryGap',
  'InfraFault',
  'DatabaseSaturated',
  'DatabaseDown',
  'SharedDependency',
  'BackupInterference',
  'RolloutBlocked',
  'ConfigChange',
  'BadRevision',
  'MemoryLeak',
  'Hung',
  'Overload',
  'Unknown',
] as const;
export type Verdict = (typeof verdicts)[number];

export const guards = [
  'Paused',
  'Mode',
  'ReadOnly',
  'ActionUnderWay',
  'Cooldown',
  'HourlyLimit',
  'Breaker',
  'NoRollbackTarget',
  'TargetTooOld',
  'TargetSuspended',
  'OtherDatabase',
  'LastDidNotHelp',
  'NoAutoscaler',
  'PodsPending',
  'AtMaximum',
  'Connections',
  'Witnesses',
  'SchemaGate',
] as const;
/** What stopped an action, by the name that appears in the explanation. */
export type Guard = (typeof guards)[number];

export const outcomes = ['Helped', 'NotHelped', 'Worse', 'Interrupted', 'TargetChanged'] as const;
export type ActionOutcome = (typeof outcomes)[number];

export const actionKinds = ['Rollback', 'Restart', 'ScaleUp'] as const;
/** What the operator can do about a breach. */
export type ActionKind = (typeof actionKinds)[number];

const actionRecord = z.object({
  id: short.describe('Unique for this action: what makes repeating it a no-op.'),
  kind: z
    .enum(actionKinds)
    .describe(
      'What is done. Rollback: the last known good revision is brought back. Restart: one pod is evicted. ScaleUp: the least number of pods is raised for a while.',
    ),
  verdict: z.enum(verdicts).describe('The cause that it answers.'),
  targetUid: short.describe(
    'uid of what the action changes: the Deployment, the pod that is evicted, or the autoscaler.',
  ),
  targetName: z.string().max(253).optional().describe('Restart: the pod that is evicted.'),
  fromRevision: hash.optional().describe('Rollback: the revision that is left.'),
  toRevision: hash.optional().describe('Rollback: the revision that is brought back.'),
  minReplicas: count.optional().describe('ScaleUp: the least number of pods until it expires.'),
  expiresAt: time.optional().describe('ScaleUp: from when the autoscaler may go below it again.'),
  state: z
    .enum(['Recorded', 'Applied', 'Verifying', 'Ended'])
    .describe(
      'Recorded: decided, perhaps not begun. Applied: done. Verifying: what it asked for is there, effect measured.',
    ),
  recordedAt: time.describe('When it was decided and written down.'),
  appliedAt: time.optional().describe('When it was done.'),
  rolledOutAt: time
    .optional()
    .describe(
      'Rollback: when every wanted pod of the target was available. Restart: when its replacement was Ready. ScaleUp: when so many pods were.',
    ),
  endedAt: time.optional().describe('When its outcome was known.'),
  outcome: z.enum(outcomes).optional().describe('Whether it helped.'),
  message: text.optional().describe('How it went, in a sentence.'),
});
export type ActionRecord = z.output<typeof actionRecord>;

const signal = z.object({
  name: short.describe('What was measured.'),
  value: short.describe('The value, rounded, with its unit.'),
  threshold: short.optional().describe('The value from which it counts.'),
  window: short.optional().describe('The window that it was measured over.'),
  source: short.describe('Where it was read.'),
  time: time.describe('When it was measured.'),
});
/** One measured fact of an explanation. */
export type ExplainedSignal = z.output<typeof signal>;

const explanation = z.object({
  time: time.describe('When this decision was first made; it changes only when verdict, action or guard does.'),
  verdict: z.enum([...verdicts, 'None']).describe('The cause of the breach; None where there is no breach.'),
  message: text.describe('The decision in a sentence.'),
  signals: z.array(signal).max(16).describe('What was measured.').meta(atomicList),
  ruledOut: z
    .array(
      z.object({
        verdict: z.enum(verdicts).describe('A cause that it is not.'),
        reason: text.describe('Why not.'),
      }),
    )
    .max(16)
    .describe('The causes that were ruled out, in the order in which they were tried.')
    .meta(atomicList),
  considered: z
    .array(
      z.object({
        action: z.enum([...actionKinds, 'Hold', 'Escalate']).describe('An action that was considered.'),
        taken: z.boolean().describe('Whether it was taken.'),
        guard: z.enum(guards).optional().describe('What stopped it.'),
        reason: text.describe('Why, in a sentence.'),
      }),
    )
    .max(8)
    .describe('Every action that was considered.')
    .meta(atomicList),
  actAt: time.optional().describe('When it would act if nothing changes.'),
});
export type Explanation = z.output<typeof explanation>;

/** What is promised, by name. */
const objectives = ['availability', 'latency', 'errorRate'] as const;

export const objectiveStates = ['Met', 'Breached', 'Inconclusive'] as const;
export type ObjectiveState = (typeof objectiveStates)[number];

const objectiveStatus = z.object({
  name: z.enum(objectives).describe('Which objective.'),
  objective: short.describe('What was promised.'),
  current: short.describe('What was measured over the window.'),
  budgetRemaining: short.describe('Share of the error budget that is left.'),
  coverage: short.describe('Share of the window that was observed.'),
  state: z.enum(objectiveStates).describe('Inconclusive: too little was measured to say.'),
});
export type ObjectiveStatus = z.output<typeof objectiveStatus>;

export const maintenanceApiStatus = z
  .object({
    observedGeneration: generation.optional().describe('Generation of the spec that was last acted on.'),
    conditions: z
      .array(condition)
      .max(conditionTypes.length)
      .optional()
      .describe('Every condition of docs/reference/conditions.md, always all of them.')
      .meta(mapList('type')),
    summary: z
      .object({
        available: short.optional().describe('Available pods of those wanted, as in 2/3.'),
        revision: short.optional().describe('The serving revision.'),
        slo: short.optional().describe('The worst state of the objectives.'),
        budget: short.optional().describe('The smallest share of an error budget that is left.'),
        database: short.optional().describe('State of the database.'),
        remediation: short.optional().describe('What remediation does now.'),
        message: text.optional().describe('What a person should read first.'),
      })
      .optional()
      .describe('Strings made for columns.'),
    revisions: z
      .object({
        desired: hash.optional().describe('What the spec asks for.'),
        serving: hash.optional().describe('What is rendered now.'),
        lastKnownGood: hash.optional().describe('The newest revision that baked well.'),
        rolledOutAt: time.optional().describe('When the rollout of the serving revision was complete.'),
        suspended: z
          .array(
            z.object({
              hash: hash.describe('The revision.'),
              state: z
                .enum(['Suspended', 'Rejected'])
                .describe('Suspended: rolled back from. Rejected: and that rollback helped.'),
              time: time.describe('Since when.'),
            }),
          )
          .max(50)
          .optional()
          .describe('Revisions that are not rendered although the spec may ask for them.')
          .meta(mapList('hash')),
      })
      .optional()
      .describe('Revisions by their hash.'),
    restart: z
      .object({
        value: short.describe('The value of the annotation.'),
        revision: hash.describe('The revision whose pods are replaced.'),
        time: time.describe('When it was begun.'),
      })
      .optional()
      .describe('The restart annotation that was answered last.'),
    upgrade: z
      .object({
        renderVersion: count.describe("The generation of this operator's templates."),
        pending: z
          .array(
            z.object({
              kind: z.enum(['Deployment', 'StatefulSet']).describe('Kind of the child.'),
              name: objectName.describe('Name of the child.'),
              renderVersion: count.describe('The generation that its pods are of.'),
            }),
          )
          .max(2)
          .describe('Children whose pods would be replaced.')
          .meta(atomicList),
        next: time.optional().describe('When the next maintenance window opens.'),
      })
      .optional()
      .describe(
        'Set while pods are as an older operator rendered them. They are replaced with the next change of the spec that concerns them, in a maintenance window, or as soon as the upgrade annotation is set.',
      ),
    replicas: z
      .object({
        wanted: count.describe('Pods that should be there.'),
        ready: count.describe('Pods that are ready.'),
        updated: count.describe('Pods of the serving revision.'),
        floor: z
          .object({
            minReplicas: count.describe('The least number of pods that the autoscaler keeps.'),
            expiresAt: time.describe('From when spec.autoscaling.minReplicas holds again.'),
          })
          .optional()
          .describe('Set while a ScaleUp holds more pods than spec.autoscaling.minReplicas.'),
      })
      .optional()
      .describe("Numbers of the API's pods."),
    database: z
      .object({
        state: z
          .enum(['Starting', 'Ready', 'Unreachable', 'Saturated', 'DataMissing'])
          .describe('What was last seen of it.'),
        serverUuid: short.optional().describe("The server's own identity, kept with its volume."),
        schemaVersion: short.optional().describe('The newest migration that was applied.'),
        maxConnections: count.optional().describe('How many connections it admits.'),
      })
      .optional()
      .describe('The database as it was last seen.'),
    backup: z
      .object({
        last: z
          .object({
            name: objectName.describe('The MaintenanceApiBackup.'),
            startedAt: time.describe('When it was begun; what was written later may be missing.'),
            completedAt: time.describe('When it was complete.'),
            manifestKey: text.describe('Key of its manifest in the bucket.'),
            keyId: objectName.describe('Which encryption key opens it.'),
          })
          .optional()
          .describe('The newest backup.'),
        lastFailure: z
          .object({
            job: objectName.describe('The Job that failed.'),
            time: time.describe('When it was given up.'),
            reason: runFailureReason.describe('Why, in one word (docs/reference/backup-failures.md).'),
            message: text.describe('Why, in a sentence that names the object at fault.'),
          })
          .optional()
          .describe('The last run that made no backup.'),
        next: time.optional().describe('When the schedule asks for the next backup.'),
        request: z
          .object({
            value: short.describe('The value of the annotation.'),
            backup: objectName.describe('The MaintenanceApiBackup that it was answered by.'),
            time: time.describe('When it was answered.'),
          })
          .optional()
          .describe('The backup-now annotation that was answered last.'),
        keyId: objectName.optional().describe('The encryption key of new backups.'),
        keySaved: objectName.optional().describe('The generated key that is said to be kept outside of the cluster.'),
        expired: z
          .array(objectName)
          .max(50)
          .optional()
          .describe('Backups that spec.backup.retention does not ask for any more, the oldest first. None is deleted.')
          .meta(atomicList),
        expiredCount: count.optional().describe('How many there are.'),
      })
      .optional()
      .describe("The database's backups."),
    maintenance: z
      .object({
        readOnly: z.boolean().describe('Whether writes are refused by any pod, or should be by all.'),
        since: time.describe('Since when.'),
      })
      .optional()
      .describe('Read-only mode as it was last seen; unset where it never was on.'),
    slo: z
      .array(objectiveStatus)
      .max(objectives.length)
      .optional()
      .describe('Each objective, over the window of spec.slo.windowDays.')
      .meta(mapList('name')),
    remediation: z
      .object({
        paused: text
          .optional()
          .describe(
            'Set while the annotation pause-remediation holds every action: its value, or true where it has none.',
          ),
        mode: z.enum(['Observe', 'Auto']).describe('The mode that holds; Observe: no action may be taken.'),
        action: actionRecord
          .optional()
          .describe('The action under way; written by compare-and-swap before it is begun.'),
        lastDecision: explanation.optional().describe('The last decision and what it rests on, also one not to act.'),
        recentActions: z
          .array(actionRecord)
          .max(20)
          .optional()
          .describe('The last actions that ended.')
          .meta(mapList('id')),
        breaker: z
          .object({
            state: z.enum(['Closed', 'Open']).describe('Open: actions did not help, so no more are taken.'),
            openedAt: time.optional().describe('When it opened.'),
          })
          .optional()
          .describe('What stops a series of actions that do not help.'),
      })
      .optional()
      .describe('What the operator decided and did.'),
  })
  .describe('What was last observed and decided. Only the operator writes it.');

export type MaintenanceApiStatus = z.output<typeof maintenanceApiStatus>;
