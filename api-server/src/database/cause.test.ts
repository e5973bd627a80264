import {expect, test} from '@jest/globals';
import {causeOf, isLasting, knownCauseOf} from './cause.ts';
import {DatabaseUnavailableError, NameUnknownError} from './errors.ts';

const anError = (members: object): Error => Object.assign(new Error('it failed'), members);

test.each([
  ['dns', new NameUnknownError('getaddrinfo ENOTFOUND db')],
  ['certificate', anError({code: 'HANDSHAKE_SSL_ERROR', fatal: true})],
  ['credentials', anError({code: 'ER_ACCESS_DENIED_ERROR', errno: 1045, sqlState: '28000', fatal: true})],
  ['grants', anError({code: 'ER_DBACCESS_DENIED_ERROR', errno: 1044, sqlState: '42000', fatal: true})],
  ['grants', anError({code: 'ER_TABLEACCESS_DENIED_ERROR', errno: 1142, sqlState: '42000'})],
  ['schema', anError({code: 'ER_BAD_DB_ERROR', errno: 1049, sqlState: '42000', fatal: true})],
  ['connection', anError({code: 'ECONNREFUSED', syscall: 'connect', errno: -111, fatal: true})],
  ['connection', anError({code: 'ETIMEDOUT', syscall: 'connect'})],
  ['connection', anError({errno: 1053, sqlState: '08S01'})],
  ['connection', 'no error at all'],
])('%s is the cause of %p', (cause, error) => {
  expect(causeOf(error)).toBe(cause);
});

test('an error of a statement is no cause, and none is lasting that passes by itself', () => {
  expect(knownCauseOf(anError({errno: 1064, sqlState: '42000'}))).toBeUndefined();
  expect(knownCauseOf(new Error('a bug'))).toBeUndefined();
  expect(knownCauseOf(new DatabaseUnavailableError('the password file is not there yet'))).toBe('connection');
  expect([isLasting(undefined), isLasting('connection'), isLasting('dns')]).toEqual([false, false, false]);
  expect([isLasting('credentials'), isLasting('certificate')]).toEqual([true, true]);
});
