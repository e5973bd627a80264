import type {ExplainedSignal, Verdict} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import {backupInterference, backupOutlived} from './verdict-backup-interference.ts';
import {badRevision} from './verdict-bad-revision.ts';
import {configChange} from './verdict-config-change.ts';
import {databaseDown} from './verdict-database-down.ts';
import {databaseSaturated} from './verdict-database-saturated.ts';
import {infraFault} from './verdict-infra-fault.ts';
import {hung} from './verdict-hung.ts';
import {memoryLeak} from './verdict-memory-leak.ts';
import {overload} from './verdict-overload.ts';
import {rolloutBlocked} from './verdict-rollout-blocked.ts';
import {sharedDependency} from './verdict-shared-dependency.ts';
import {telemetryGap} from './verdict-telemetry-gap.ts';
import {unknown} from './verdict-unknown.ts';
import type {Finding} from './finding.ts';

/** The verdicts in the order in which they are tried: what blinds us and what makes acting worse comes first. */
const order: readonly (readonly [Verdict, (a: Assessment) => Finding])[] = [
  ['TelemetryGap', telemetryGap],
  ['InfraFault', infraFault],
  ['DatabaseSaturated', databaseSaturated],
  ['DatabaseDown', databaseDown],
  ['SharedDependency', sharedDependency],
  ['BackupInterference', backupInterference],
  ['RolloutBlocked', rolloutBlocked],
  ['ConfigChange', configChange],
  ['BadRevision', badRevision],
  ['MemoryLeak', memoryLeak],
  ['Hung', hung],
  ['Overload', overload],
  // Once the backup has ended, what has evidence of its own comes first.
  ['BackupInterference', backupOutlived],
  ['Unknown', unknown],
];

/** The cause that was found. */
export interface Judgement {
  readonly verdict: Verdict | 'None';
  readonly reason: string;
  readonly signals: readonly ExplainedSignal[];
  readonly ruledOut: readonly {readonly verdict: Verdict; readonly reason: string}[];
}

/**
 * The first verdict that holds; those before it are kept with the reason why they don't.
 *
 * @param a the assessment
 */
export function judge(a: Assessment): Judgement {
  const ruledOut: {verdict: Verdict; reason: string}[] = [];
  for (const [verdict, find] of order) {
    const {holds, reason, signals = []} = find(a);
    if (holds) return {verdict, reason, signals, ruledOut: ruledOut.filter((one) => one.verdict !== verdict)};
    if (!ruledOut.some((one) => one.verdict === verdict)) ruledOut.push({verdict, reason});
  }
  return {verdict: 'None', reason: 'No objective is breached.', signals: [], ruledOut: []};
}
