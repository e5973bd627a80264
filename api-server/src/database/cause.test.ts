import {expect, test} from '@jest/globals';
import {causeOf} from './cause.ts';
import {NameUnknownError} from './errors.ts';

const anError = (members: object): Error => Object.assign(new Error('it failed'), members);

test.each([
  ['dns', new NameUnknownError('getaddrinfo ENOTFOUND db')],
  ['certificate', anError({code: 'HANDSHAKE_SSL_ERROR', fatal: true})],
  ['credentials', anError({code: 'ER_ACCESS_DENIED_ERROR', errno: 1045, sqlState: '28000', fatal: true})],
  ['connection', anError({code: 'ECONNREFUSED', syscall: 'connect', errno: -111, fatal: true})],
  ['connection', anError({code: 'ETIMEDOUT', syscall: 'connect'})],
  ['connection', anError({errno: 1053, sqlState: '08S01'})],
  ['connection', 'no error at all'],
])('%s is the cause of %p', (cause, error) => {
  expect(causeOf(error)).toBe(cause);
});
