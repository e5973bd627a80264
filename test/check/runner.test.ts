import {afterEach, describe, expect, jest, test} from '@jest/globals';

import {type Overlay, overlay} from './overlay.ts';

// Each run starts Jest, which takes seconds beside other work on the machine.
jest.setTimeout(120_000);

let current: Overlay | undefined;

afterEach(() => {
  current?.remove();
  current = undefined;
});

const file = (body: string): string => `import {expect, test} from '@jest/globals';\n${body}\n`;
const passing = file("test('passes', () => expect(1).toBe(1));");
const failing = file("test('planted', () => expect(1).toBe(2));");

/** Runs the tests of an overlay that holds `files` and answers what a caller sees of it. */
function run(files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  current = overlay({'package.json': '{"type": "module"}', ...files});
  const {status, stdout, stderr} = current.run('hack/test.ts', args);
  const lines = stdout.trimEnd().split('\n');
  return {status, last: lines.at(-1), failures: lines.filter((line) => line.startsWith('FAILED')), stdout, stderr};
}

const everyKind = {
  'operator/a.test.ts': passing,
  'test/integration/b.test.ts': passing,
  'test/e2e/first-story.test.ts': passing,
};

describe('a run of all', () => {
  test('runs the kinds in order and ends with the sum', () => {
    const {status, last, failures, stdout, stderr} = run(everyKind, 'all');
    expect({status, last, failures}).toEqual({status: 0, last: '3 passed, 0 failed, 0 skipped', failures: []});
    expect(stdout.match(/── (\w+) ──/g)).toEqual(['── unit ──', '── integration ──', '── e2e ──']);
    expect(stderr).toMatch(/▶ passes\n.*✔ passes \(passed/);
  });

  test('goes on after a failure, counts it, and fails', () => {
    const result = run({...everyKind, 'operator/a.test.ts': failing}, 'all');
    expect(result).toMatchObject({
      status: 1,
      last: '2 passed, 1 failed, 0 skipped',
      failures: ['FAILED unit: operator/a.test.ts › planted'],
    });
  });

  test('fails when one kind has no test', () => {
    const result = run({'operator/a.test.ts': passing, 'test/e2e/c.test.ts': passing}, 'all');
    expect(result).toMatchObject({
      status: 1,
      last: '2 passed, 1 failed, 0 skipped',
      failures: ['FAILED integration: no test was executed'],
    });
  });

  test('takes no choice of files', () => {
    expect(run(everyKind, 'all', '--', 'a')).toMatchObject({status: 2, stdout: ''});
  });
});

describe('a run of one kind', () => {
  test.each([
    ['skipped', "test.skip('planted', () => undefined);", '1 passed, 0 failed, 1 skipped'],
    ['to be written', "test.todo('planted');", '1 passed, 0 failed, 1 skipped'],
  ])('fails when a test is %s', (_, body, last) => {
    const files = {'operator/a.test.ts': passing, 'operator/b.test.ts': file(body)};
    expect(run(files, 'unit')).toMatchObject({status: 1, last, failures: []});
  });

  test('fails when every test is skipped', () => {
    const result = run({'operator/a.test.ts': file("test.skip('planted', () => undefined);")}, 'unit');
    expect(result).toMatchObject({status: 1, last: '0 passed, 1 failed, 1 skipped'});
  });

  test('counts a file that can not be run as a failure', () => {
    const result = run({'operator/a.test.ts': passing, 'operator/b.test.ts': "import './nowhere.ts';\n"}, 'unit');
    expect(result).toMatchObject({status: 1, last: '1 passed, 1 failed, 0 skipped'});
    expect(result.failures).toEqual([expect.stringMatching(/^FAILED unit: operator\/b\.test\.ts could not be run/)]);
  });

  test.each([
    ['breaks before it has reported', "throw new Error('planted')", '0 passed, 1 failed, 0 skipped'],
    ['ends badly although every test passed', 'process.exitCode = 3', '1 passed, 1 failed, 0 skipped'],
  ])('fails when Jest %s', (_, statement, last) => {
    current = overlay({
      'package.json': '{"type": "module"}',
      'operator/a.test.ts': passing,
      'teardown.mjs': `export default () => {\n  ${statement};\n};\n`,
    });
    current.write({
      'base.config.mjs': current.read('jest.config.mjs'),
      'jest.config.mjs':
        "import base from './base.config.mjs';\nexport default {...base, globalTeardown: './teardown.mjs'};\n",
    });
    const {status, stdout} = current.run('hack/test.ts', ['unit']);
    expect({status, last: stdout.trimEnd().split('\n').at(-1)}).toEqual({status: 1, last});
  });

  test.each([
    ['passes', 1, [expect.stringMatching(/^FAILED unit: a test left something open, .*: waiting for .*\btimer\b/)], 1],
    ['fails', 2, ['FAILED unit: operator/a.test.ts › planted'], 0],
  ])('ends, and fails, when a test that %s leaves something open', (_, is, failures, passed) => {
    const left = `test('planted', () => {\n  setInterval(() => undefined, 1000);\n  expect(1).toBe(${is});\n});`;
    const result = run({'operator/a.test.ts': file(left)}, 'unit');
    expect(result).toMatchObject({status: 1, last: `${passed} passed, 1 failed, 0 skipped`, failures});
  });

  test('runs only the files asked for', () => {
    const files = {'operator/a.test.ts': passing, 'operator/b.test.ts': failing};
    expect(run(files, 'unit', '--', 'operator/a')).toMatchObject({status: 0, last: '1 passed, 0 failed, 0 skipped'});
  });

  test('runs a story by its exact name', () => {
    const files = {...everyKind, 'test/e2e/first-story-again.test.ts': failing};
    expect(run(files, 'e2e', '--', 'first-story')).toMatchObject({status: 0, last: '1 passed, 0 failed, 0 skipped'});
  });

  test('leaves long stories to those who ask for them', () => {
    const files = {...everyKind, 'test/e2e/first-story.long.test.ts': failing};
    expect(run(files, 'all')).toMatchObject({status: 0, last: '3 passed, 0 failed, 0 skipped'});
    current?.remove();
    expect(run(files, 'long', '--', 'first-story')).toMatchObject({
      status: 1,
      failures: ['FAILED long: test/e2e/first-story.long.test.ts › planted'],
    });
    current?.remove();
    expect(run(files, 'e2e', 'second-story')).toMatchObject({stderr: 'no story second-story; stories: first-story\n'});
  });

  test('runs a long story that is named among the others, and the others of that name for themselves', () => {
    const files = {
      ...everyKind,
      'test/e2e/first-story.long.test.ts': failing,
      'test/e2e/second-story.long.test.ts': passing,
    };
    const result = run(files, 'e2e', '--', 'first-story', 'second-story');
    expect(result).toMatchObject({status: 0, last: '2 passed, 0 failed, 0 skipped'});
    expect(result.stdout.match(/── (\w+) ──/g)).toEqual(['── e2e ──', '── long ──']);
  });

  test('names the stories when asked for one that is not there', () => {
    expect(run(everyKind, 'e2e', 'second-story')).toMatchObject({
      status: 2,
      stderr: 'no story second-story; stories: first-story\n',
    });
  });
});
