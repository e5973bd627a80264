/**
 * Whether a deployed tasks API works at all: every kind of request, by a few users, within half a minute.
 *
 *   k6 run -e BASE_URL=https://tasks.example.com -e TOKEN=… test/load-testing/k6-smoke-test.js
 *
 * BASE_URL (http://127.0.0.1:8080), TOKEN (a bearer token that may read and write), DURATION (20s), USERS (2). Ends with
 * 99 when an objective is missed. What it makes it takes away again.
 */
import {sleep} from 'k6';
import {objectives, changeTask, createTask, deleteTask, listTasks, readTask} from './k6-tasks.js';

export const options = {
  scenarios: {
    smoke: {executor: 'constant-vus', vus: Number(__ENV.USERS || 2), duration: __ENV.DURATION || '20s'},
  },
  thresholds: objectives,
};

export default function () {
  const task = createTask();
  if (task !== undefined) {
    readTask(task.id);
    changeTask(task.id);
    listTasks();
    deleteTask(task.id);
  }
  sleep(0.2);
}
