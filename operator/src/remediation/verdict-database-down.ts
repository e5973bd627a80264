import type {Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {iso, seconds} from './text.ts';
import {lackedByAll} from './verdict-shared-dependency.ts';

/** After an outage pods need so long to connect again. */
const RECONNECT_MS = 15_000;

/**
 * The database doesn't answer, or the breach that is measured reaches back into the time in which it didn't. No release
 * is judged by that. What all pods say that they lack since it answers again tells more.
 */
export function databaseDown(a: Assessment): Finding {
  const {reachable, unreachableSince, recovering, reason} = a.o.database;
  if (reachable === false) {
    const since = unreachableSince ?? a.now;
    if (starting(a, since)) return no('the database is being started for the first time');
    const why = recovering === true ? 'it is recovering from a crash' : (reason ?? 'its probe fails');
    return yes(`The database does not answer since ${iso(since)}: ${why}.`, [
      {
        name: 'database',
        value: 'does not answer',
        window: seconds(a.now - since),
        source: sourceOf(a),
        time: iso(a.now),
      },
    ]);
  }
  return outage(a) ?? no(reachable === true ? 'the database answers' : 'its probe abstains');
}

/** The breach that is measured reaches back into an outage; undefined where it doesn't. */
function outage(a: Assessment): Finding | undefined {
  const {lastOutage} = a.o.database;
  if (!a.breached || lastOutage === undefined) return undefined;
  const again = lastOutage.to + RECONNECT_MS;
  if ((a.window?.from ?? a.now) >= again) return undefined;
  const lacked = lackedByAll(a);
  if (a.now >= again && lacked.holds) return no('the database answers again, and every pod lacks something else');
  const [from, to] = [iso(lastOutage.from), iso(lastOutage.to)];
  return yes(`The measurements reach back into an outage of the database (${from} to ${to}).`, [
    {
      name: 'database',
      value: 'did not answer',
      window: seconds(lastOutage.to - lastOutage.from),
      source: sourceOf(a),
      time: to,
    },
  ]);
}

function sourceOf({o}: Assessment): string {
  return o.database.toldByPods === true ? 'the word of its pods' : 'login and SELECT 1';
}

/** Before the first rollout was complete a database may take its time. */
function starting({o, now}: Assessment, since: number): boolean {
  const served = o.status?.revisions?.rolledOutAt !== undefined || o.revisions.some((r) => r.goodAt !== undefined);
  return !served && now - since <= o.spec.release.progressDeadlineSeconds * 1000;
}
