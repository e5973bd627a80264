import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import {afterEach, describe, expect, jest, test} from '@jest/globals';

import {type Overlay, overlay} from './overlay.ts';
import * as plants from './plants.ts';
import {skeleton} from './skeleton.ts';

// A run of the compiler or of ESLint takes seconds; beside other work on the machine, many.
jest.setTimeout(180_000);

let current: Overlay | undefined;

afterEach(() => {
  current?.remove();
  current = undefined;
});

function planted(files: Readonly<Record<string, string>>): Overlay {
  current = overlay({...skeleton, ...files});
  return current;
}

const filesOf = (list: readonly plants.Plant[]): Record<string, string> =>
  Object.fromEntries(list.map(({file, content}) => [file, content]));

/** The findings that a run of `check` printed, as "file rule", sorted. */
function findingsIn(stdout: string): string[] {
  const lines = [...stdout.matchAll(/^ {4}(?<file>\S*?)(?::\d+)? {2}(?<rule>\S+) {2}/gm)];
  return lines.map(({groups}) => `${groups?.file ?? ''} ${groups?.rule ?? ''}`).sort();
}

/** Runs one step; says whether it, by name, is red, and what it found. */
function check(at: Overlay, step: string, environment?: Readonly<Record<string, string>>) {
  const {status, stdout, stderr} = at.run('hack/check.ts', [step], environment);
  return {status, red: stdout.includes(`✘ ${step} `), findings: findingsIn(stdout), stderr};
}

const redFor = (findings: readonly string[]) => ({status: 1, red: true, findings: [...findings].sort(), stderr: ''});

test('a tree that keeps every rule is green', () => {
  const {status, stdout} = planted({}).run('hack/check.ts', []);
  expect({status, findings: findingsIn(stdout), green: stdout.match(/^✔ \w+/gm)?.length}).toEqual({
    status: 0,
    findings: [],
    green: 9,
  });
});

test.each([
  ['types', plants.typePlants],
  ['lint', plants.lintPlants],
  ['format', plants.formatPlants],
  ['structure', plants.structurePlants],
  ['unused', plants.unusedPlants],
  ['generated', plants.generatedPlants],
])('%s is red for each of its rules, and names rule and file', (step, list) => {
  const expected = list.filter(({rule}) => rule !== '').map(({file, rule}) => `${file} ${rule}`);
  expect(check(planted(filesOf(list)), step)).toEqual(redFor(expected));
});

describe('generated', () => {
  test('is red when a generated file is missing', () => {
    const generate =
      "export const generate = () => Promise.resolve(new Map([['crds/crd.yaml', ''], ['docs/new.md', '']]));\n";
    const at = planted({'hack/generate.ts': generate, 'crds/crd.yaml': ''});
    expect(check(at, 'generated')).toEqual(redFor(['docs/new.md generated-stale']));
  });

  test('is red when the generator breaks', () => {
    const at = planted({'hack/generate.ts': "throw new Error('planted');\n"});
    expect(check(at, 'generated')).toEqual(redFor([' broken']));
  });
});

describe('licences', () => {
  const realLock = readFileSync('package-lock.json', 'utf8');

  /** The real lock with one package's licence changed. */
  function lockWith(name: string, licence: string | undefined): string {
    const lock = JSON.parse(realLock) as {packages: Record<string, {license?: string | undefined}>};
    const entry = lock.packages[`node_modules/${name}`];
    if (entry === undefined) throw new Error(`no ${name} in the lock`);
    entry.license = licence;
    return JSON.stringify(lock);
  }

  test.each([
    ['copyleft in what is shipped', 'pino', 'AGPL-3.0-only'],
    ['a choice without a fit', 'pino', '(GPL-2.0-only OR AGPL-3.0-only)'],
    ['one of two that both bind', 'pino', 'MIT AND GPL-3.0-only'],
    ['none', 'pino', undefined],
    ['fit for development only, in what is shipped', 'pino', 'BlueOak-1.0.0'],
    ['copyleft in a tool', 'prettier', 'GPL-3.0-only'],
  ])('are red for %s', (_, name, licence) => {
    const at = planted({'package-lock.json': lockWith(name, licence)});
    expect(check(at, 'licences')).toEqual(redFor(['package-lock.json licence']));
  });

  test('are green when one of the choices fits', () => {
    const at = planted({'package-lock.json': lockWith('pino', '(MIT OR GPL-3.0-only)')});
    expect(check(at, 'licences')).toMatchObject({status: 0, findings: []});
  });

  test('are red when a package that may only be installed is bundled', () => {
    const at = planted({'api-server/src/app.ts': "import 'stream-buffers';\n\nexport const app = 'tasks';\n"});
    expect(check(at, 'licences')).toEqual(redFor(['package-lock.json licence-bundled']));
  });

  test('are red when a program is gone, whose bundle then nobody judges', () => {
    const at = planted({});
    at.deleteFile('operator/src/main.ts');
    expect(check(at, 'licences')).toEqual(redFor(['operator/src/main.ts licence-program']));
  });
});

describe('lock', () => {
  test('is red when it names a registry', () => {
    const locked = {'node_modules/a': {version: '1.0.0', resolved: 'https://elsewhere.example.test/a.tgz'}};
    const at = planted({'package-lock.json': JSON.stringify({packages: locked})});
    expect(check(at, 'lock')).toEqual(redFor(['package-lock.json lock-host']));
  });

  test('is red when it lacks an optional package', () => {
    const locked = {
      'node_modules/a': {optionalDependencies: {'a-linux': '1.0.0', 'a-darwin': '1.0.0', 'a-win32': '1.0.0'}},
      'node_modules/a/node_modules/a-linux': {version: '1.0.0'},
      'node_modules/a-darwin': {version: '1.0.0'},
    };
    const at = planted({'package-lock.json': JSON.stringify({packages: locked})});
    expect(check(at, 'lock')).toEqual(redFor(['package-lock.json lock-incomplete']));
  });
});

describe('portable', () => {
  test('is red for a path of this checkout, of a home, and for the registry of this machine', () => {
    const home = ['', 'home', 'someone', 'bin'].join('/');
    const at = planted({'config/home.yaml': `path: ${home}\n`, 'docs/host.md': 'from packages.example.test\n'});
    at.write({'config/checkout.yaml': `path: ${join(at.root, 'operator')}\n`});
    expect(check(at, 'portable', {npm_config_registry: 'https://packages.example.test/npm/'})).toEqual(
      redFor(['config/checkout.yaml machine-path', 'config/home.yaml machine-path', 'docs/host.md registry-host']),
    );
  });
});

test('a step that nobody knows is refused', () => {
  expect(planted({}).run('hack/check.ts', ['typos'])).toMatchObject({status: 2, stdout: ''});
});
