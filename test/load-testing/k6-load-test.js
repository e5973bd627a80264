/**
 * Whether a deployed tasks API keeps its objectives under load: an open loop, so that a slow service isn't spared. Of ten
 * requests seven read a task, two list twenty and one creates.
 *
 *   k6 run -e BASE_URL=https://tasks.example.com -e TOKEN=… test/load-testing/k6-load-test.js
 *
 * BASE_URL (http://127.0.0.1:8080), TOKEN (a bearer token that may read and write), RATE (requests a second at the top,
 * 100), RAMP (30s, from a tenth of it), DURATION (2m, at the top). Ends with 99 when an objective is missed. Tasks that it
 * made stay.
 */
import exec from 'k6/execution';
import {createTask, listTasks, objectives, readTask} from './k6-tasks.js';

const rate = Number(__ENV.RATE || 100);

export const options = {
  scenarios: {
    load: {
      executor: 'ramping-arrival-rate',
      startRate: Math.max(1, Math.round(rate / 10)),
      timeUnit: '1s',
      // As many as can be waiting when every answer takes a second. More are made while it runs, which takes k6 a moment.
      preAllocatedVUs: Math.max(10, rate),
      // And five seconds; beyond, requests are dropped.
      maxVUs: rate * 5,
      stages: [
        {target: rate, duration: __ENV.RAMP || '30s'},
        {target: rate, duration: __ENV.DURATION || '2m'},
      ],
    },
  },
  // A request that could not be sent is no better than one that was not answered: at most one in a thousand.
  thresholds: {...objectives, dropped_iterations: [`rate<=${rate / 1000}`]},
};

/** Tasks that are read. */
export function setup() {
  const ids = [];
  for (let i = 0; i < 20; i++) {
    const task = createTask();
    if (task !== undefined) ids.push(task.id);
  }
  if (ids.length === 0) throw new Error('no task can be created: is BASE_URL right, and may TOKEN write?');
  return ids;
}

export default function (ids) {
  const iteration = exec.scenario.iterationInTest;
  switch (iteration % 10) {
    case 0:
      createTask();
      break;
    case 3:
    case 6:
      listTasks();
      break;
    default:
      readTask(ids[iteration % ids.length]);
  }
}
