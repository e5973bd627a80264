import type {
  ActionRecord,
  Condition,
  ConditionStatus,
  ConditionType,
  MaintenanceApi,
  ObjectiveStatus,
  OptionalKind,
  Presence,
  Reason,
} from '../api/v1alpha1/index.ts';
import {conditionTypes} from '../api/v1alpha1/index.ts';
import type {ChildResult} from '../act/children.ts';
import type {DatabaseProblem} from '../act/database-keeper.ts';
import {describeMissing, type MissingReference} from '../observe/references.ts';
import {escalation, sourceProblem, type Decision, type Observation} from '../remediation/index.ts';
import type {BackupAnswer} from './backup-ready.ts';
import {exposureProblem} from './exposure-view.ts';
import {windowProblem} from './maintenance-window.ts';
import {monitoringReady} from './monitoring-view.ts';
import {readOnlyAnswer} from './read-only-view.ts';

/** How the database is, put together by the controller: of its own from pod, volume and probe, else from what its clients say. */
export type DatabaseView =
  | {readonly state: 'Ready'}
  | {readonly state: 'Starting'; readonly reason: Reason; readonly message: string; readonly stalled: boolean}
  | {readonly state: 'Unreachable'; readonly reason?: Reason; readonly message: string}
  | {readonly state: 'DataMissing'; readonly message: string};

/** What conditions are made from, once at the end of a reconcile. */
export interface ConditionInput {
  readonly api: MaintenanceApi;
  readonly now: Date;
  readonly observation: Observation;
  readonly decision: Decision;
  readonly children: readonly ChildResult[];
  readonly missing: readonly MissingReference[];
  /** What is wrong with the operator's own Secrets, or with what the database made of them. */
  readonly problems: readonly DatabaseProblem[];
  /** A permission that the operator lacks here, with the command that grants it. */
  readonly accessMissing: string | undefined;
  /** Why what the spec refers to is not known yet. */
  readonly unread: string | undefined;
  readonly database: DatabaseView;
  /** Which optional kinds the cluster has. */
  readonly presence: Readonly<Record<OptionalKind, Presence>>;
  readonly backup: BackupAnswer;
  readonly objectives: readonly ObjectiveStatus[];
}

interface Answer {
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
}

/** Something that keeps the cluster from being what the spec asks; `stalled`: only a person can change it. */
interface Obstacle {
  readonly reason: Reason;
  readonly message: string;
  readonly stalled: boolean;
}

function childObstacles(children: readonly ChildResult[]): Obstacle[] {
  return children.flatMap(({kind, name, refused, contested}): Obstacle[] => {
    const child = `${kind} "${name}"`;
    if (refused !== undefined)
      return [{reason: 'ApplyRefused', message: `${child} was refused: ${refused}`, stalled: true}];
    return contested
      ? [{reason: 'NotReady', message: `${child} is changed back again and again by somebody else`, stalled: false}]
      : [];
  });
}

function databaseObstacle(view: DatabaseView): Obstacle | undefined {
  switch (view.state) {
    case 'Ready':
      return undefined;
    case 'Starting':
      return {reason: view.reason, message: view.message, stalled: view.stalled};
    case 'Unreachable':
      return {reason: view.reason ?? 'DatabaseUnreachable', message: view.message, stalled: false};
    case 'DataMissing':
      return {reason: 'DataMissing', message: view.message, stalled: true};
  }
}

function releaseObstacle({release, action}: Decision): Obstacle | undefined {
  switch (release.kind) {
    case 'Settled':
    case 'Baking':
      return undefined;
    case 'Waiting':
    case 'Progressing':
      return {reason: 'Progressing', message: release.message, stalled: false};
    case 'Blocked':
      return {
        reason: release.pastDeadline ? 'ProgressDeadlineExceeded' : release.reason,
        message: release.message,
        stalled: release.pastDeadline,
      };
    case 'RollingBack':
      return {reason: 'RevisionSuspended', message: release.message, stalled: false};
    case 'Rejected':
      return {reason: 'RevisionRejected', message: release.message, stalled: true};
    case 'Escalated':
      return {
        reason: action === undefined ? 'Escalated' : 'RevisionSuspended',
        message: release.message,
        stalled: true,
      };
  }
}

function replicaObstacle({deployment}: Observation): Obstacle | undefined {
  if (deployment === undefined)
    return {reason: 'Progressing', message: 'The Deployment is being created', stalled: false};
  if (deployment.readyReplicas >= deployment.wantedReplicas) return undefined;
  return {
    reason: 'NotReady',
    message: `${String(deployment.readyReplicas)} of ${String(deployment.wantedReplicas)} wanted pods are ready`,
    stalled: false,
  };
}

/** Everything that stands between the spec and the cluster, the most telling first. */
function obstaclesOf(input: ConditionInput): Obstacle[] {
  const {accessMissing, missing, problems, unread} = input;
  const exposure = exposureProblem(input.api, input.presence.HTTPRoute);
  const window = windowProblem(input.api, input.now.getTime());
  const found: (Obstacle | undefined)[] = [
    accessMissing === undefined ? undefined : {reason: 'AccessMissing', message: accessMissing, stalled: true},
    missing.length === 0 ? undefined : {reason: 'ReferenceMissing', message: describeMissing(missing), stalled: true},
    unread === undefined ? undefined : {reason: 'Progressing', message: `Looking again: ${unread}`, stalled: false},
    ...problems.map(({message, lasting}): Obstacle => ({reason: 'AccountsInvalid', message, stalled: lasting})),
    ...childObstacles(input.children),
  ];
  // What is asked for isn't known, and why is said already.
  const told = input.observation.desired === undefined && found.some((obstacle) => obstacle !== undefined);
  found.push(databaseObstacle(input.database), told ? undefined : releaseObstacle(input.decision));
  found.push(replicaObstacle(input.observation));
  found.push(exposure);
  if (window !== undefined) found.push({reason: 'MaintenanceWindowInvalid', message: window, stalled: true});
  return found.filter((obstacle) => obstacle !== undefined);
}

function objectivesMet(input: ConditionInput): Answer {
  const breached = input.objectives.filter((objective) => objective.state === 'Breached').map(({name}) => name);
  if (breached.length > 0 || input.decision.breached) {
    const what = breached.length > 0 ? breached.join(', ') : 'the objectives of one revision';
    return {status: 'False', reason: 'ObjectiveBreached', message: `Breached in the act window: ${what}`};
  }
  const blind = input.decision.verdict === 'TelemetryGap';
  if (blind || input.objectives.every((objective) => objective.state === 'Inconclusive')) {
    const {source} = input.observation;
    const gap = blind ? `: ${input.decision.explanation.message}` : '';
    const why = source?.problem === undefined ? gap : `: ${sourceProblem(source)}`;
    return {status: 'Unknown', reason: 'Inconclusive', message: `Too little was measured so far${why}`};
  }
  return {status: 'True', reason: 'ObjectivesMet', message: 'Every objective that could be measured is met'};
}

const underWay = {Rollback: 'RollingBack', Restart: 'Restarting', ScaleUp: 'ScalingUp'} as const;

function whatOf({kind, fromRevision, toRevision, targetName, minReplicas, expiresAt}: ActionRecord): string {
  switch (kind) {
    case 'Rollback':
      return `from ${fromRevision} to ${toRevision}`;
    case 'Restart':
      return `of pod ${targetName}`;
    case 'ScaleUp':
      return `to at least ${minReplicas} pods until ${expiresAt}`;
  }
}

function remediating(decision: Decision): Answer {
  const {action} = decision;
  const called = escalation(decision);
  if (called !== undefined) return {status: 'False', reason: 'Escalated', message: called};
  if (action === undefined || action.state === 'Ended') {
    return {status: 'False', reason: 'NoAction', message: 'No action is under way'};
  }
  const what = `${action.kind} ${whatOf(action)} because of ${action.verdict}`;
  return action.state === 'Verifying'
    ? {status: 'True', reason: 'Verifying', message: `${what}: done, its effect is being measured`}
    : {status: 'True', reason: underWay[action.kind], message: what};
}

function databaseReady(view: DatabaseView): Answer {
  const obstacle = databaseObstacle(view);
  return obstacle === undefined
    ? {status: 'True', reason: 'DatabaseReady', message: 'The database answers'}
    : {status: 'False', reason: obstacle.reason, message: obstacle.message};
}

/** While the rules are not applied, and what the cluster has isn't known, what was said before holds. */
function monitoring({api, presence, children}: ConditionInput): Answer {
  const before = api.status?.conditions?.find(({type}) => type === 'MonitoringReady');
  const message =
    presence.PrometheusRule === 'Unknown'
      ? 'It is not known yet whether this cluster has PrometheusRules; the operator must be allowed to watch their definition and them'
      : 'The alert rules are not applied yet';
  const unknown = {status: 'Unknown', reason: 'Observing', message} as const;
  return monitoringReady(api, presence, children) ?? before ?? unknown;
}

/** What this server doesn't keep of what was applied (an older version, a feature that is off). */
function exceptFor(children: readonly ChildResult[]): string {
  const left = children.flatMap(({kind, name, differences}) =>
    differences.map(({path}) => `${path} of ${kind} "${name}"`),
  );
  return left.length === 0 ? '' : `, but for what this API server does not keep: ${left.join(', ')}`;
}

function answers(input: ConditionInput): Record<ConditionType, Answer> {
  const obstacles = obstaclesOf(input);
  const first = obstacles[0];
  const stalled = obstacles.find((obstacle) => obstacle.stalled);
  const ready = input.observation.deployment?.readyReplicas ?? 0;
  const paused = input.api.spec.paused;
  const calm: Answer = {status: 'False', reason: 'UpToDate', message: 'Nothing is left to do'};
  return {
    Ready:
      first === undefined
        ? {status: 'True', reason: 'Ready', message: `The cluster is what the spec asks${exceptFor(input.children)}`}
        : {status: 'False', reason: first.reason, message: obstacles.map(({message}) => message).join('; ')},
    Available:
      ready > 0
        ? {status: 'True', reason: 'Available', message: 'At least one pod is ready'}
        : {status: 'False', reason: 'NoReadyPods', message: 'No pod is ready'},
    DatabaseReady: databaseReady(input.database),
    BackupReady: input.backup,
    MonitoringReady: monitoring(input),
    ObjectivesMet: objectivesMet(input),
    Remediating: remediating(input.decision),
    ReadOnly: readOnlyAnswer(input.observation, input.decision),
    Paused: paused
      ? {status: 'True', reason: 'Paused', message: 'spec.paused is set: children are left alone'}
      : {status: 'False', reason: 'NotPaused', message: 'Children are managed'},
    Reconciling:
      first === undefined || stalled !== undefined || paused
        ? calm
        : {status: 'True', reason: 'Progressing', message: first.message},
    Stalled:
      stalled === undefined
        ? {status: 'False', reason: 'NotStalled', message: 'Nothing waits for a person'}
        : {status: 'True', reason: stalled.reason, message: stalled.message},
  };
}

const MAX_MESSAGE = 4096;

/**
 * All conditions, always all present; a transition time moves only with the status (KEP-1623).
 */
export function conditionsOf(input: ConditionInput): Condition[] {
  const before = new Map((input.api.status?.conditions ?? []).map((condition) => [condition.type, condition]));
  const all = answers(input);
  return conditionTypes.map((type) => {
    const {status, reason, message} = all[type];
    const old = before.get(type);
    return {
      type,
      status,
      reason,
      message: message.slice(0, MAX_MESSAGE),
      observedGeneration: input.api.metadata.generation,
      lastTransitionTime: old?.status === status ? old.lastTransitionTime : `${input.now.toISOString().slice(0, 19)}Z`,
    };
  });
}
