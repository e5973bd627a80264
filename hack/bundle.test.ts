import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {execFileSync} from 'node:child_process';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundle, BundleError} from './bundle.ts';
import type {Program} from './bundle.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
let directory: string;
let program: Program;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bundle-test-'));
  await mkdir(join(directory, 'data'));
  await writeFile(join(directory, 'data', 'one.txt'), 'one');
  await writeFile(join(directory, 'data', 'one.test.ts'), '');
  // pino is CommonJS: it calls require() for modules of Node.js and reads __dirname.
  await writeFile(
    join(directory, 'main.ts'),
    `import {readFileSync} from 'node:fs';
     import pino from '${project}node_modules/pino/pino.js';
     class NamedError extends Error {}
     pino({base: {}, timestamp: false}).info({name: NamedError.name}, readFileSync(new URL('data/one.txt', import.meta.url), 'utf8'));`,
  );
  program = {
    name: 'example',
    entry: relative(project, join(directory, 'main.ts')),
    output: 'out.mjs',
    folders: ['data'],
  };
});

afterEach(async () => {
  await rm(directory, {recursive: true});
});

test('a bundle runs by itself, with what it reads beside it', async () => {
  const out = join(directory, 'out');
  await bundle(program, out, join(directory, 'maps'));
  const output = execFileSync(process.execPath, [join(out, 'out.mjs')], {env: {}}).toString();
  expect(JSON.parse(output)).toEqual({level: 30, name: 'NamedError', msg: 'one'});
  expect((await readdir(out, {recursive: true})).sort()).toEqual([
    'data',
    'data/one.txt',
    'out.mjs',
    'third-party-licenses.txt',
  ]);
  expect(await readdir(join(directory, 'maps/example'))).toEqual(['out.mjs.map']);
});

test('what is imported at run time is loaded at run time', async () => {
  await writeFile(join(directory, 'late.ts'), "console.log('late');");
  await writeFile(
    join(directory, 'main.ts'),
    "if (process.argv[2] === 'late') await import('./late.ts'); else console.log('early');",
  );
  const out = join(directory, 'out');
  await bundle(program, out);
  const chunks = (await readdir(out)).filter((name) => name !== 'out.mjs' && name.endsWith('.mjs'));
  expect(chunks).not.toEqual([]);
  const start = (...args: string[]): string =>
    execFileSync(process.execPath, [join(out, 'out.mjs'), ...args], {env: {}}).toString();
  expect(start('late')).toBe('late\n');
  for (const name of chunks) await rm(join(out, name));
  expect(start()).toBe('early\n');
});

test('a large package that is seldom used is a file of its own, read when something of it is used', async () => {
  await writeFile(
    join(directory, 'main.ts'),
    `import {decode} from '${project}node_modules/mysql2/lib/parsers/string.js';
     console.log(process.argv[2] === 'late' ? decode(Buffer.from('c3a9', 'hex'), 'cesu8', 0, 2) : 'early');`,
  );
  const out = join(directory, 'out');
  await bundle(program, out);
  const start = (...args: string[]): string =>
    execFileSync(process.execPath, [join(out, 'out.mjs'), ...args], {env: {}, stdio: 'pipe'}).toString();
  expect(start('late')).toBe('é\n');
  expect(await readFile(join(out, 'third-party-licenses.txt'), 'utf8')).toMatch(/^iconv-lite \S+ MIT$/m);
  await rm(join(out, 'iconv-lite.cjs'));
  expect(start()).toBe('early\n');
  expect(() => start('late')).toThrow('iconv-lite.cjs');
});

test('names the licence of everything in it', async () => {
  await bundle(program, join(directory, 'out'));
  const text = await readFile(join(directory, 'out', 'third-party-licenses.txt'), 'utf8');
  expect(text).toMatch(/^pino \S+ MIT\n\nThe MIT License/m);
  expect(text).not.toContain('undefined');
});

test('the same sources give the same bytes', async () => {
  for (const name of ['a', 'b']) await bundle(program, join(directory, name));
  for (const file of ['out.mjs', 'third-party-licenses.txt']) {
    expect(await readFile(join(directory, 'a', file), 'utf8')).toBe(await readFile(join(directory, 'b', file), 'utf8'));
  }
});

test('a missing or wrong source is an error that names it', async () => {
  await expect(bundle({...program, entry: 'no/main.ts'}, join(directory, 'out'))).rejects.toThrow(
    new BundleError('example: no/main.ts does not exist'),
  );
  await writeFile(join(directory, 'main.ts'), "import './absent.ts';");
  await expect(bundle(program, join(directory, 'out'))).rejects.toThrow(/example: .*\.\/absent\.ts/s);
});
