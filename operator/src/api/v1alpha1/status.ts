import {z} from 'zod';
import {conditionTypes, reasons, type Reason} from './conditions.ts';

/**
 * `status` of a MaintenanceApi. Numbers are rounded strings, times are absolute (RFC 3339), every list has a bound
 * (docs/explanation/architecture.md). Only the operator's one status writer writes it.
 */

const time = z.string().max(35).meta({format: 'date-time'});
const hash = z.string().max(63);
const text = z.string().max(1024);
const short = z.string().max(63);

const condition = z.object({
  type: z.enum(conditionTypes),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.enum(Object.keys(reasons) as [Reason, ...Reason[]]),
  message: z.string().max(4096),
  observedGeneration: z.int(),
  lastTransitionTime: time,
});

/** Verdicts of this version, in the order in which they are tried; the first that holds wins. */
export const verdicts = [
  'TelemetryGap',
  'DatabaseSaturated',
  'DatabaseDown',
  'RolloutBlocked',
  'BadRevision',
  'Unknown',
] as const;
export type Verdict = (typeof verdicts)[number];

export const guards = [
  'Paused',
  'Mode',
  'ActionUnderWay',
  'Cooldown',
  'HourlyLimit',
  'Breaker',
  'NoRollbackTarget',
  'TargetTooOld',
  'TargetSuspended',
  'Witnesses',
  'SchemaGate',
] as const;
/** What stopped an action, by the name that appears in the explanation. */
export type Guard = (typeof guards)[number];

export const outcomes = ['Helped', 'NotHelped', 'Worse', 'Interrupted', 'TargetChanged'] as const;
export type ActionOutcome = (typeof outcomes)[number];

const actionRecord = z.object({
  id: short.describe('Unique for this action: what makes repeating it a no-op.'),
  kind: z.enum(['Rollback']),
  verdict: z.enum(verdicts),
  targetUid: short.describe('uid of the Deployment that the action changes.'),
  fromRevision: hash,
  toRevision: hash,
  state: z
    .enum(['Recorded', 'Applied', 'Verifying', 'Ended'])
    .describe('Recorded: decided, perhaps not begun. Applied: children changed. Verifying: rolled out, effect measured.'),
  recordedAt: time,
  appliedAt: time.optional(),
  rolledOutAt: time.optional(),
  endedAt: time.optional(),
  outcome: z.enum(outcomes).optional(),
  message: text.optional(),
});
export type ActionRecord = z.output<typeof actionRecord>;

const signal = z.object({
  name: short,
  value: short,
  threshold: short.optional(),
  window: short.optional(),
  source: short,
  time,
});
/** One measured fact of an explanation. */
export type ExplainedSignal = z.output<typeof signal>;

const explanation = z.object({
  time: time.describe('When this decision was first made; it changes only when verdict, action or guard does.'),
  verdict: z.enum([...verdicts, 'None']),
  message: text.describe('The decision in a sentence.'),
  signals: z.array(signal).max(16).meta({'x-kubernetes-list-type': 'atomic'}),
  ruledOut: z
    .array(z.object({verdict: z.enum(verdicts), reason: text}))
    .max(16)
    .meta({'x-kubernetes-list-type': 'atomic'}),
  considered: z
    .array(
      z.object({
        action: z.enum(['Rollback', 'Hold', 'Escalate']),
        taken: z.boolean(),
        guard: z.enum(guards).optional(),
        reason: text,
      }),
    )
    .max(8)
    .meta({'x-kubernetes-list-type': 'atomic'}),
  actAt: time.optional().describe('When it would act if nothing changes.'),
});
export type Explanation = z.output<typeof explanation>;

export const objectiveStates = ['Met', 'Breached', 'Inconclusive'] as const;
export type ObjectiveState = (typeof objectiveStates)[number];

const objectiveStatus = z.object({
  name: z.enum(['availability', 'latency', 'errorRate']),
  objective: short,
  current: short,
  budgetRemaining: short,
  coverage: short.describe('Share of the window that was observed.'),
  state: z.enum(objectiveStates),
});
export type ObjectiveStatus = z.output<typeof objectiveStatus>;

export const maintenanceApiStatus = z.object({
  observedGeneration: z.int().optional(),
  conditions: z
    .array(condition)
    .max(16)
    .optional()
    .meta({'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type']}),
  summary: z
    .object({
      available: short.optional(),
      revision: short.optional(),
      slo: short.optional(),
      budget: short.optional(),
      database: short.optional(),
      remediation: short.optional(),
      message: text.optional(),
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
        .array(z.object({hash, state: z.enum(['Suspended', 'Rejected']), time}))
        .max(50)
        .optional()
        .meta({'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['hash']}),
    })
    .optional(),
  replicas: z.object({wanted: z.int(), ready: z.int(), updated: z.int()}).optional(),
  database: z
    .object({
      state: z.enum(['Starting', 'Ready', 'Unreachable', 'Saturated', 'DataMissing']),
      serverUuid: short.optional(),
      schemaVersion: short.optional(),
      maxConnections: z.int().optional(),
    })
    .optional(),
  slo: z
    .array(objectiveStatus)
    .max(8)
    .optional()
    .meta({'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name']}),
  remediation: z
    .object({
      mode: z.enum(['Observe', 'Auto']),
      action: actionRecord.optional().describe('The action under way; written by compare-and-swap before it is begun.'),
      lastDecision: explanation.optional(),
      recentActions: z
        .array(actionRecord)
        .max(20)
        .optional()
        .meta({'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id']}),
      breaker: z
        .object({
          state: z.enum(['Closed', 'Open']),
          openedAt: time.optional(),
        })
        .optional(),
    })
    .optional(),
});

export type MaintenanceApiStatus = z.output<typeof maintenanceApiStatus>;
