import type {ExplainedSignal} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {at, count, iso, list, percent} from './text.ts';

/** Of this share of max_connections on, connections or running threads are at the limit. */
const AT_LIMIT = 0.95;
/** From this share on, the load comes from the new pods. */
const FROM_NEW_PODS = 2 / 3;
const SIGNS_NEEDED = 2;

/**
 * The database is at its limits, by two independent signs, and it isn't a new revision that brought it there: that
 * would be BadRevision.
 */
export function databaseSaturated(a: Assessment): Finding {
  if (!a.breached) return no('no objective is breached');
  const signs = signsOf(a);
  const names = list(signs.map(({name}) => name));
  if (signs.length < SIGNS_NEEDED) {
    return no(
      signs.length === 0 ? 'the database shows no sign of saturation' : `only one sign of saturation: ${names}`,
    );
  }
  const share = a.o.database.shareFromNewPods;
  if (a.young && share !== undefined && share >= FROM_NEW_PODS) {
    return no(`saturated (${names}), but ${percent(share)} of its load comes from pods of the new revision`);
  }
  if (a.young && !saturatedBefore(a)) return no(`saturated (${names}), but since the new revision is rolled out`);
  return yes(`The database is at its limits: ${names}.`, signs);
}

function signsOf({now, o: {database: d}}: Assessment): ExplainedSignal[] {
  const sign = (name: string, value: number | undefined, limit: number): ExplainedSignal[] =>
    value !== undefined && value >= limit && limit > 0
      ? [{name, value: count(value), threshold: count(limit), source: 'database', time: iso(now)}]
      : [];
  const limit = Math.ceil((d.maxConnections ?? 0) * AT_LIMIT);
  return [
    ...sign('refused connections', d.connectionErrorsMax, 1),
    // Connections and running threads tell of the same limit: one sign.
    ...sign('connections or running threads', Math.max(d.threadsConnected ?? 0, d.threadsRunning ?? 0), limit),
    ...sign('waits for a pool connection', d.poolWaits, 1),
    ...sign('slow queries', d.slowQueries, 1),
  ];
}

/** The saturation that stands in status is older than the rollout. */
function saturatedBefore({o}: Assessment): boolean {
  const last = o.status?.remediation?.lastDecision;
  const since = last?.verdict === 'DatabaseSaturated' ? at(last.time) : undefined;
  return since !== undefined && o.deployment !== undefined && since < o.deployment.rolloutStartedAt;
}
