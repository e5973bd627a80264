import {seconds} from '../format.ts';
import {percentile} from '../statistics.ts';
import type {Row} from '../row.ts';

const LONGEST_MS = 30_000;
const P95_MS = 20_000;
/** So many runs the goal's percentile is of. */
const GOAL_RUNS = 20;

/** How long clients suffer from a bad release, by the client's ledger and the audit log. */
export const rollback: Row = {
  name: 'rollback',
  title: 'first bad response (client) → Deployment patched (audit log), 50 requests/s, 20 % bad',
  goal: '≤ 30 s, p95 of 20 runs ≤ 20 s',
  measure: async (bench) => {
    const times = (await bench.rollbacks()).map(({latencyMs}) => latencyMs);
    const longest = Math.max(...times);
    const p95 = percentile(times, 95);
    const fewer = times.length < GOAL_RUNS ? `; the goal is of ${GOAL_RUNS} runs (--runs ${GOAL_RUNS})` : '';
    return {
      text: `longest ${seconds(longest)}, p95 ${seconds(p95)} of ${times.length} runs`,
      isMet: longest <= LONGEST_MS && p95 <= P95_MS,
      notes: [`each run: ${times.map(seconds).join(', ')}${fewer}`],
    };
  },
};
