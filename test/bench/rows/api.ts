import {compare} from '../api/compare.ts';
import type {LoadResult} from '../api/limited.ts';
import {measureLists} from '../api/lists.ts';
import type {ServerName} from '../api/stand.ts';
import {mebibytes, seconds} from '../format.ts';
import type {Row} from '../row.ts';

const GOAL_RESIDENT = 90 * 2 ** 20;
const GOAL_READY_MS = 5000;
const GOAL_LISTS = 1.3;

/** Our service against another one that does the same work, in requests per CPU-second of its process. */
function comparison(peer: Exclude<ServerName, 'ours'>, what: string, goal: number): Row {
  return {
    name: `api-${peer}`,
    title: `API: requests per CPU-second against ${what} (median of pairs)`,
    goal: `≥ ${goal} ×`,
    measure: async (bench) => {
      const {ratio, ours, peer: theirs} = await compare(await bench.api(), peer, bench.progress);
      return {text: `${ratio.toFixed(2)} × (${ours.toFixed(0)} and ${theirs.toFixed(0)})`, isMet: ratio >= goal};
    },
  };
}

function latency(rate: 100 | 200, goalMs: number): Row {
  return {
    name: `api-${rate}`,
    title: `API: p95 of ${rate} mixed requests/s within 100m CPU and 128 MiB`,
    goal: `< ${goalMs} ms`,
    measure: async (bench) => {
      const {loads} = await bench.apiLimited();
      const load = loads.find((candidate) => candidate.rate === rate);
      if (load === undefined) throw new Error(`${rate} requests/s were not measured`);
      return {text: textOf(load), isMet: load.p95 < goalMs, notes: failuresOf(load)};
    },
  };
}

function textOf({p50, p95, outcome, throttling: {periods, throttled}}: LoadResult): string {
  const failed = outcome.sent - outcome.latencies.length;
  const share = ((throttled / periods) * 100).toFixed(0);
  return `${p95.toFixed(0)} ms (p50 ${p50.toFixed(0)} ms, ${failed} failed, ${share} % of periods throttled)`;
}

function failuresOf({rate, outcome: {failures}}: LoadResult): readonly string[] {
  return [...failures].map(
    ([status, count]) => `${rate} requests/s: ${count} × ${status === 0 ? 'no answer' : status}`,
  );
}

const resident: Row = {
  name: 'api-memory',
  title: 'API: most memory seen resident under those loads',
  goal: '≤ 90 MiB',
  measure: async (bench) => {
    const {mostResident} = await bench.apiLimited();
    const {all, ofFiles} = mostResident;
    return {text: `${mebibytes(all)} (${mebibytes(ofFiles)} of it the program's file)`, isMet: all <= GOAL_RESIDENT};
  },
};

const ready: Row = {
  name: 'api-ready',
  title: 'API: from its start until it answers from the database, within 100m CPU',
  goal: '≤ 5 s',
  measure: async (bench) => {
    const {readyMs} = await bench.apiLimited();
    return {text: seconds(readyMs), isMet: readyMs <= GOAL_READY_MS};
  },
};

const lists: Row = {
  name: 'api-lists',
  title: 'API: p95 of lists at 10 million tasks beside 10 thousand',
  goal: '≤ 1.3 ×',
  measure: async (bench) => {
    if (!bench.options.lists) return {text: 'not measured here (--lists)', isMet: undefined};
    await bench.close();
    const {few, many, lists: each} = await measureLists(bench.progress);
    const ratio = many / few;
    return {
      text: `${ratio.toFixed(2)} × (${many.toFixed(1)} ms and ${few.toFixed(1)} ms)`,
      isMet: ratio <= GOAL_LISTS,
      notes: each.map((list) => `?limit=20${list.list}: ${list.many.toFixed(1)} ms and ${list.few.toFixed(1)} ms`),
    };
  },
};

/** The API service by itself, on a MySQL server of its own: no cluster. */
export const api: readonly Row[] = [
  ready,
  latency(100, 100),
  latency(200, 500),
  resident,
  comparison('express', 'Express 5 + mysql2', 1.3),
  comparison('fastify', 'bare Fastify 5 + mysql2', 0.95),
  comparison('go', "Go's net/http + go-sql-driver", 0.6),
  lists,
];
