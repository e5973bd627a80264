import {BAD_SHARE, RELEASE_RATE, SIZE} from '../fleet/fleet.ts';
import {mebibytes, seconds} from '../format.ts';
import type {Row} from '../row.ts';

const GOAL_BYTES = 110 * 2 ** 20;
const GOAL_DECISION_MS = 30_000;

const questions: Row = {
  name: 'fleet-questions',
  title: `questions a minute to a Prometheus that measures ${SIZE} resources, by its own count`,
  goal: 'as many as for 1',
  measure: async (bench) => {
    const {one, all} = await (await bench.fleet()).questions();
    // An interval is a little longer where the answer is: that is no other number of questions.
    return {text: `${all.toFixed(1)} (${one.toFixed(1)} for 1)`, isMet: Math.round(all) === Math.round(one)};
  },
};

const decision: Row = {
  name: 'fleet-decision',
  title:
    `first bad response (pods) → Deployment patched (audit log), with Prometheus as the source, one of ${SIZE} ` +
    `resources, ${RELEASE_RATE} requests/s, ${BAD_SHARE * 100} % bad`,
  goal: '≤ 30 s',
  measure: async (bench) => {
    const times = await (await bench.fleet()).decisions(bench.options.runs);
    const longest = Math.max(...times);
    return {
      text: `longest ${seconds(longest)} of ${times.length} runs`,
      isMet: longest <= GOAL_DECISION_MS,
      notes: [`each run: ${times.map(seconds).join(', ')}`],
    };
  },
};

const rest: Row = {
  name: 'fleet-idle',
  title: `the operator's requests in 10 idle minutes of ${SIZE} resources, Lease and watches apart (audit log)`,
  goal: '0',
  measure: async (bench) => {
    const fleet = await bench.fleet();
    const converged = await fleet.whole();
    const {idleMinutes} = bench.options;
    const {requests, routine} = await fleet.rest(idleMinutes);
    return {
      text: `${requests.length} in ${idleMinutes} min (and ${routine} for Lease and watches)`,
      isMet: requests.length === 0,
      notes: [
        `${SIZE - 1} of them became Ready and good together within ${seconds(converged)}`,
        ...requests.map((event) => `${event.requestReceivedTimestamp} ${event.verb} ${event.requestURI}`),
      ],
    };
  },
};

const memory: Row = {
  name: 'fleet-memory',
  title: `most memory that the operator had resident, of ${SIZE} resources (without connections to databases)`,
  goal: '≤ 110 MiB',
  measure: async (bench) => {
    const {now, most, ofFiles} = await (await bench.fleet()).resident();
    return {
      text: `${mebibytes(most)} (${mebibytes(now)} at the end, ${mebibytes(ofFiles)} of it the program's file)`,
      isMet: most <= GOAL_BYTES,
    };
  },
};

/** What many resources cost, in the order in which one leads to the next. */
export const fleet: readonly Row[] = [questions, decision, rest, memory];
