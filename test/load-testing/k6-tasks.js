/** The requests that the k6 tests are made of, and the objectives that both are judged by. */
import {check} from 'k6';
import http from 'k6/http';
import {Rate} from 'k6/metrics';

const baseUrl = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/$/, '');
const tasks = `${baseUrl}/api/v1/tasks`;
const reading = {Authorization: `Bearer ${__ENV.TOKEN || ''}`};
const writing = {...reading, 'Content-Type': 'application/json'};

/** The share of requests that were answered as they should be. */
const available = new Rate('available');

/** The defaults of `spec.slo`: 99.9 % available, 95 % within 500 ms, at most 1 % errors. A wrong answer is no better than none. */
export const objectives = {
  available: ['rate>=0.999'],
  http_req_duration: ['p(95)<500'],
  http_req_failed: ['rate<=0.01'],
};

/** Judges an answer; `isRight` looks at its body only when the status is the expected one. */
function judge(response, what, status, isRight) {
  const ok = check(response, {[`${what}: ${status}`]: (r) => r.status === status && isRight(r)});
  available.add(ok);
  return ok;
}

/** A request, named by its template, so that k6 keeps one series for it and not one for each task. */
function parameters(name, headers = reading) {
  return {headers, timeout: '10s', tags: {name}};
}

/** @returns the task, or undefined when it wasn't made */
export function createTask() {
  const body = JSON.stringify({title: 'Change the filter of pump 7', description: 'Made by a load test'});
  const response = http.post(tasks, body, parameters('POST /api/v1/tasks', writing));
  return judge(response, 'create', 201, (r) => typeof r.json('id') === 'string') ? response.json() : undefined;
}

export function readTask(id) {
  judge(http.get(`${tasks}/${id}`, parameters('GET /api/v1/tasks/{id}')), 'read', 200, (r) => r.json('id') === id);
}

export function listTasks() {
  const response = http.get(`${tasks}?limit=20`, parameters('GET /api/v1/tasks'));
  judge(response, 'list', 200, (r) => Array.isArray(r.json('items')));
}

export function changeTask(id) {
  const body = JSON.stringify({status: 'in_progress'});
  const response = http.patch(`${tasks}/${id}`, body, parameters('PATCH /api/v1/tasks/{id}', writing));
  judge(response, 'change', 200, (r) => r.json('status') === 'in_progress');
}

export function deleteTask(id) {
  judge(http.del(`${tasks}/${id}`, null, parameters('DELETE /api/v1/tasks/{id}')), 'delete', 204, () => true);
}
