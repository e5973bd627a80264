import {afterEach, expect, jest, test} from '@jest/globals';

import {misfit, readMutations} from '../../hack/mutate/mutations.ts';

import {type Overlay, overlay} from './overlay.ts';

jest.setTimeout(120_000);

let current: Overlay | undefined;

afterEach(() => {
  current?.remove();
  current = undefined;
});

const mutations = readMutations('test/mutations.json');

test('each mutation of the list still fits the product', () => {
  expect(mutations.map((mutation) => [mutation.name, misfit('.', mutation)])).toEqual(
    mutations.map(({name}) => [name, undefined]),
  );
  expect(new Set(mutations.map(({name}) => name)).size).toBe(mutations.length);
});

const product = 'export const limit = 3;\nexport const label = 3;\n';

const productTest = `import {expect, test} from '@jest/globals';
import {limit} from './limit.ts';
test('the limit is three', () => expect(limit).toBe(3));
`;

const base = {file: 'operator/limit.ts', kind: 'unit', test: 'operator/limit.test.ts'};

/** Runs the tool over an overlay with one mutation. */
function mutate(mutation: Readonly<Record<string, string>>, testContent = productTest) {
  current = overlay({
    'package.json': '{"type": "module"}',
    'operator/limit.ts': product,
    'operator/limit.test.ts': testContent,
    'test/mutations.json': JSON.stringify([{name: 'planted', ...base, ...mutation}]),
  });
  const {status, stdout, stderr} = current.run('hack/mutate.ts', []);
  expect(current.read('operator/limit.ts')).toBe(product);
  return {status, stdout, stderr};
}

test('a mutation that a test notices is listed with that test', () => {
  const result = mutate({find: 'limit = 3', replace: 'limit = 4'});
  expect(result.stdout).toContain('| planted | operator/limit.ts | operator/limit.test.ts: the limit is three |');
  expect(result).toMatchObject({status: 0, stderr: ''});
});

test.each([
  ['no test notices', {find: 'label = 3', replace: 'label = 4'}, 'no test noticed it'],
  ['has no place any more', {find: 'limit = 2', replace: ''}, 'its text occurs 0 times'],
  ['has two places', {find: '= 3', replace: '= 4'}, 'its text occurs 2 times'],
  ['changes nothing', {find: 'limit = 3', replace: 'limit = 3'}, 'changes nothing'],
  ['keeps the tests from running', {find: 'limit = 3', replace: 'limit = ('}, 'no test ran'],
  ['names a test that is gone', {find: 'limit = 3', replace: 'limit = 4', test: 'a.test.ts'}, 'no test file a.test.ts'],
])('a mutation that %s fails the run', (_, mutation, reason) => {
  const {status, stdout} = mutate(mutation);
  expect(stdout).toContain(`NOT NOTICED** ${reason}`);
  expect(status).toBe(1);
});

test('a test that is red by itself proves nothing', () => {
  const {status, stdout} = mutate({find: 'limit = 3', replace: 'limit = 4'}, productTest.replace('toBe(3)', 'toBe(5)'));
  expect(stdout).toContain('operator/limit.test.ts is red without it');
  expect(status).toBe(1);
});

test('an entry that lacks a field is refused', () => {
  const {status, stderr} = mutate({});
  expect(stderr).toContain('entry 0 must have name, file, find, replace, kind, test');
  expect(status).toBe(1);
});
