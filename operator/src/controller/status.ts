import {revisionAnnotations} from '../api/v1alpha1/index.ts';
import type {Condition, MaintenanceApi, MaintenanceApiStatus, ObjectiveStatus} from '../api/v1alpha1/index.ts';
import {escalation, type Decision, type Observation} from '../remediation/index.ts';
import type {BackupsStatus} from './backup-plan.ts';
import type {DatabaseView} from './conditions.ts';
import {upgradeOf} from './upgrade-view.ts';

export interface StatusInput {
  readonly api: MaintenanceApi;
  readonly observation: Observation;
  readonly decision: Decision;
  readonly conditions: readonly Condition[];
  readonly objectives: readonly ObjectiveStatus[];
  readonly database: DatabaseView;
  readonly serverUuid: string | undefined;
  readonly maxConnections: number;
  readonly backup: BackupsStatus | undefined;
}

type SuspendedRevision = NonNullable<NonNullable<MaintenanceApiStatus['revisions']>['suspended']>[number];
type Summary = NonNullable<MaintenanceApiStatus['summary']>;

const iso = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** Observe where no action may be taken: for each the stricter of two modes holds. */
function modeOf(api: MaintenanceApi): 'Observe' | 'Auto' {
  const {mode, actions} = api.spec.remediation;
  return mode === 'Observe' || Object.values(actions).every((each) => each === 'Observe') ? 'Observe' : 'Auto';
}

function worst(objectives: readonly ObjectiveStatus[]): string {
  const breached = objectives.filter((objective) => objective.state === 'Breached');
  if (breached.length > 0) return `Breached (${breached.map(({name}) => name).join(', ')})`;
  if (objectives.some((objective) => objective.state === 'Met')) return 'Met';
  return 'Inconclusive';
}

function lowestBudget(objectives: readonly ObjectiveStatus[]): string | undefined {
  const budgets = objectives
    .map(({budgetRemaining}) => ({text: budgetRemaining, value: Number.parseFloat(budgetRemaining)}))
    .filter(({value}) => !Number.isNaN(value));
  return budgets.sort((a, b) => a.value - b.value)[0]?.text;
}

function remediationSummary({api, observation, decision}: StatusInput): string {
  const {action, breaker} = decision;
  if (action !== undefined && action.state !== 'Ended') return `${action.kind} ${action.state}`;
  if (escalation(decision) !== undefined) return 'Escalated';
  if (observation.pause !== undefined) return 'Paused';
  return breaker.state === 'Open' ? 'Observe (breaker open)' : modeOf(api);
}

function summaryOf(input: StatusInput): Summary {
  const {observation, decision, objectives, database} = input;
  const ready = observation.deployment?.readyReplicas ?? 0;
  const wanted = observation.deployment?.wantedReplicas ?? 0;
  const budget = lowestBudget(objectives);
  const notReady = input.conditions.find((condition) => condition.type === 'Ready' && condition.status !== 'True');
  const message = decision.verdict === 'None' ? notReady?.message : decision.explanation.message;
  return {
    available: `${String(ready)}/${String(wanted)}`,
    ...(decision.serve === undefined ? {} : {revision: decision.serve}),
    slo: worst(objectives),
    ...(budget === undefined ? {} : {budget}),
    database: database.state,
    remediation: remediationSummary(input),
    ...(message === undefined ? {} : {message: message.slice(0, 1024)}),
  };
}

function databaseStatus(input: StatusInput): NonNullable<MaintenanceApiStatus['database']> {
  const {database, observation, serverUuid} = input;
  const newest = Math.max(...(observation.database.migrations ?? []).map(({version}) => version));
  const before = input.api.status?.database?.schemaVersion;
  const schemaVersion = Number.isFinite(newest) ? String(newest) : before;
  return {
    state: database.state === 'Ready' && input.decision.verdict === 'DatabaseSaturated' ? 'Saturated' : database.state,
    ...(serverUuid === undefined ? {} : {serverUuid}),
    ...(schemaVersion === undefined ? {} : {schemaVersion}),
    maxConnections: input.maxConnections,
  };
}

function revisionsStatus({observation, decision}: StatusInput): NonNullable<MaintenanceApiStatus['revisions']> {
  const patched = new Map(decision.revisionPatches.map((patch) => [patch.hash, patch.annotations]));
  const suspended = observation.revisions.flatMap(({hash, rejectedAt, suspendedAt}): SuspendedRevision[] => {
    const lifted = patched.get(hash)?.[revisionAnnotations.suspended] === null;
    const time = rejectedAt ?? suspendedAt;
    if (lifted || time === undefined) return [];
    return [{hash, state: rejectedAt === undefined ? 'Suspended' : 'Rejected', time: iso(time)}];
  });
  return {
    ...(observation.desired === undefined ? {} : {desired: observation.desired}),
    ...(decision.serve === undefined ? {} : {serving: decision.serve}),
    ...(decision.lastKnownGood === undefined ? {} : {lastKnownGood: decision.lastKnownGood}),
    ...(decision.rolledOutAt === undefined ? {} : {rolledOutAt: iso(decision.rolledOutAt)}),
    ...(suspended.length === 0 ? {} : {suspended: suspended.slice(-50)}),
  };
}

function backupStatus({backup}: StatusInput): Pick<MaintenanceApiStatus, 'backup'> {
  return backup === undefined ? {} : {backup};
}

function upgradeStatus({api, observation}: StatusInput): Pick<MaintenanceApiStatus, 'upgrade'> {
  const upgrade = upgradeOf(api, observation);
  return upgrade === undefined ? {} : {upgrade};
}

function maintenanceStatus({decision: {maintenance}}: StatusInput): Pick<MaintenanceApiStatus, 'maintenance'> {
  return maintenance === undefined ? {} : {maintenance};
}

/** The whole status, composed once at the end of a reconcile from what was observed and decided. */
export function statusOf(input: StatusInput): MaintenanceApiStatus {
  const {api, observation, decision} = input;
  const deployment = observation.deployment;
  const {floor} = decision;
  return {
    observedGeneration: api.metadata.generation,
    conditions: [...input.conditions],
    summary: summaryOf(input),
    revisions: revisionsStatus(input),
    replicas: {
      wanted: deployment?.wantedReplicas ?? 0,
      ready: deployment?.readyReplicas ?? 0,
      updated: deployment?.updatedReplicas ?? 0,
      ...(floor === undefined ? {} : {floor: {...floor, expiresAt: iso(floor.expiresAt)}}),
    },
    ...upgradeStatus(input),
    database: databaseStatus(input),
    ...backupStatus(input),
    slo: [...input.objectives],
    ...maintenanceStatus(input),
    ...(decision.restart === undefined ? {} : {restart: decision.restart}),
    remediation: {
      ...(observation.pause === undefined ? {} : {paused: observation.pause}),
      mode: modeOf(api),
      ...(decision.action === undefined ? {} : {action: decision.action}),
      lastDecision: decision.explanation,
      recentActions: [...decision.recentActions],
      breaker: {
        state: decision.breaker.state,
        ...(decision.breaker.openedAt === undefined ? {} : {openedAt: iso(decision.breaker.openedAt)}),
      },
    },
  };
}
