import {describe, expect, test} from '@jest/globals';
import {inspect} from 'node:util';
import {ApiError, errorKind, isApiError, messageOf} from './errors.ts';
import {errorOfAnswer} from './status.ts';

function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  return {status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))};
}

const get = {method: 'GET', path: '/api/v1/namespaces/a/configmaps/b'};

describe('the kind of an error', () => {
  test.each([
    [404, 'NotFound', 'NotFound'],
    [409, 'Conflict', 'Conflict'],
    [409, 'AlreadyExists', 'AlreadyExists'],
    [422, 'Invalid', 'Invalid'],
    [400, 'BadRequest', 'Invalid'],
    [403, 'Forbidden', 'Forbidden'],
    [401, 'Unauthorized', 'Unauthorized'],
    [410, 'Expired', 'Gone'],
    [429, 'TooManyRequests', 'TooManyRequests'],
    [504, 'Timeout', 'Timeout'],
    [500, 'ServerTimeout', 'Timeout'],
    [500, 'InternalError', 'Other'],
    [503, 'ServiceUnavailable', 'Unavailable'],
    [418, '', 'Other'],
  ])('%d %s is %s', (status, reason, kind) => {
    expect(errorKind(status, reason)).toBe(kind);
  });
});

describe('the error of an answer', () => {
  test("repeats the API server's own message, cut", () => {
    const status = {kind: 'Status', reason: 'Invalid', message: `spec.x ${'y'.repeat(5000)}`};
    const error = errorOfAnswer(get, answer(422, status));
    expect(error.message.startsWith('GET /api/v1/namespaces/a/configmaps/b: 422 spec.x yyy')).toBe(true);
    expect(error.message).toHaveLength(1024);
    expect(error).toMatchObject({kind: 'Invalid', status: 422, reason: 'Invalid'});
  });

  test('repeats nothing that is not a Status: it is another server that speaks (invariant 12)', () => {
    for (const body of ['<html>secret page</html>', {message: 'secret'}, '"secret"', 'null', '[]']) {
      expect(errorOfAnswer(get, answer(502, body)).message).toBe(`GET ${get.path}: 502`);
    }
  });

  test('does not repeat what is said of a Secret, only the fields', () => {
    const status = {
      kind: 'Status',
      reason: 'Invalid',
      message: 'data[password]: Invalid value: "hunter2"',
      details: {causes: [{field: 'data[password]', message: 'Invalid value: "hunter2"'}]},
    };
    const path = '/api/v1/namespaces/a/secrets/b';
    const error = errorOfAnswer({method: 'PATCH', path}, answer(422, status));
    expect(error.message).toBe(`PATCH ${path}: 422 Invalid`);
    expect(error.fields).toEqual(['data[password]']);
    expect(inspect(error, {depth: 9})).not.toContain('hunter2');
  });

  test('repeats of a pod proxy nothing but a reason of one word, since the pod may speak', () => {
    const path = '/api/v1/namespaces/a/pods/b:9090/proxy/metrics';
    const forged = {kind: 'Status', reason: 'x"}\nforged', message: 'secret', details: {causes: [{field: 'secret'}]}};
    const error = errorOfAnswer({method: 'GET', path}, answer(503, forged));
    expect(error.message).toBe(`GET ${path}: 503`);
    expect(error.fields).toEqual([]);
  });

  test('tells how long to wait, from the header or the Status', () => {
    const details = {retryAfterSeconds: 10};
    expect(errorOfAnswer(get, answer(429, {kind: 'Status', details})).retryAfterSeconds).toBe(10);
    expect(errorOfAnswer(get, answer(429, {kind: 'Status', details}, {'retry-after': '1'})).retryAfterSeconds).toBe(1);
    expect(errorOfAnswer(get, answer(429, '')).retryAfterSeconds).toBeUndefined();
    expect(errorOfAnswer(get, answer(429, '', {'retry-after': 'Wed'})).retryAfterSeconds).toBeUndefined();
  });
});

test('an ApiError is told from others, and by kind', () => {
  const error = new ApiError('x', {kind: 'Conflict', status: 409, reason: 'Conflict'});
  expect(isApiError(error)).toBe(true);
  expect(isApiError(error, 'NotFound', 'Conflict')).toBe(true);
  expect(isApiError(error, 'NotFound')).toBe(false);
  expect(isApiError(new Error('x'))).toBe(false);
  expect([messageOf(new Error('boom')), messageOf('text')]).toEqual(['boom', 'text']);
});
