import {STATUS_CODES} from 'node:http';
import type {Socket} from 'node:net';
import {Problem, PROBLEM_MEDIA_TYPE, type ProblemCode} from '../problems.ts';
import type {RequestMetrics} from './observe-requests.ts';

/** The labels of what was never a request: there is no method and no path to name. */
const BROKEN = {method: '<unknown>', route: '<broken>'};

const CODES: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
  HPE_HEADER_OVERFLOW: 'headers-too-large',
};

/** Answers what Node's HTTP parser refused, as far as the connection still takes an answer, and ends the connection. */
export function answerBrokenRequest(
  metrics: RequestMetrics,
  error: Error & {readonly code?: string},
  socket: Socket,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = new Problem(CODES[error.code ?? ''] ?? 'invalid-request');
  const body = JSON.stringify(problem.toDocument());
  metrics.countRequest({...BROKEN, status: problem.status}, 0);
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
      `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
