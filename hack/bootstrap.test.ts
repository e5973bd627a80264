import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {spawn} from 'node:child_process';
import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';

// A project of its own with a workspace as its only dependency: npm ci is the real one and needs no network.
// Its postinstall script appends to install.log, and waits as long as a file named "hold" is there.
const POSTINSTALL = `
const fs = require('node:fs');
fs.appendFileSync('install.log', 'begin\\n');
const finish = () => {
  if (fs.existsSync('hold')) return setTimeout(finish, 20);
  fs.appendFileSync('install.log', 'end\\n');
};
finish();
`;

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let root: string;
let started: ChildProcess[];

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'bootstrap-test-')));
  started = [];
  await mkdir(join(root, 'hack'));
  await mkdir(join(root, 'tool'));
  await copyFile(new URL('bootstrap.mjs', import.meta.url), join(root, 'hack', 'bootstrap.mjs'));
  await writeFile(join(root, 'postinstall.cjs'), POSTINSTALL);
  await writeFile(
    join(root, 'tool', 'tool.mjs'),
    '#!/usr/bin/env node\nconsole.log(JSON.stringify(process.argv.slice(2)));\n',
  );
  await chmod(join(root, 'tool', 'tool.mjs'), 0o755);
  await writeFile(
    join(root, 'tool', 'package.json'),
    JSON.stringify({name: 'tool', version: '1.0.0', bin: {tool: './tool.mjs'}}),
  );
  await writeProject('1.0.0');
});

afterEach(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGKILL');
  }
  await rm(root, {recursive: true, force: true, maxRetries: 5});
});

async function writeProject(version: string): Promise<void> {
  const project = {name: 'project', version, workspaces: ['tool'], dependencies: {tool: '1.0.0'}};
  await writeFile(
    join(root, 'package.json'),
    JSON.stringify({...project, private: true, scripts: {postinstall: 'node postinstall.cjs'}}),
  );
  const packages = {
    '': {...project, hasInstallScript: true},
    'node_modules/tool': {resolved: 'tool', link: true},
    tool: {version: '1.0.0', bin: {tool: 'tool.mjs'}},
  };
  await writeFile(
    join(root, 'package-lock.json'),
    JSON.stringify({name: 'project', version, lockfileVersion: 3, requires: true, packages}),
  );
}

/** Starts bootstrap in a process group of its own, so that a test can kill all of it. */
function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(root, 'hack', 'bootstrap.mjs'), ...args], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {...process.env, NODE_OPTIONS: ''},
  });
  started.push(child);
  return child;
}

async function finish(child: ChildProcess): Promise<Result> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  return {code: child.exitCode, stdout, stderr};
}

const run = (...args: string[]): Promise<Result> => finish(start(...args));

async function installs(): Promise<string[]> {
  return (await readFile(join(root, 'install.log'), 'utf8')).trim().split('\n');
}

/** Waits until a file in the project has something in it: who writes it makes it first. */
async function appears(name: string): Promise<void> {
  const file = join(root, name);
  while (!existsSync(file) || (await readFile(file, 'utf8')) === '') await delay(10);
}

describe('the install', () => {
  test('runs once for a lock file, and again when it changed', async () => {
    expect(await run()).toMatchObject({code: 0});
    expect(await run()).toMatchObject({code: 0, stderr: ''});
    expect(await installs()).toEqual(['begin', 'end']);

    await writeProject('1.0.1');
    expect(await run()).toMatchObject({code: 0});
    expect(await installs()).toEqual(['begin', 'end', 'begin', 'end']);
  });

  test('runs once when two start at the same time', async () => {
    await writeFile(join(root, 'hold'), '');
    const both = Promise.all([run(), run()]);
    await appears('install.log');
    await rm(join(root, 'hold'));
    expect(await both).toMatchObject([{code: 0}, {code: 0}]);
    expect(await installs()).toEqual(['begin', 'end']);
  });

  test('is repeated after it was killed midway', async () => {
    await writeFile(join(root, 'hold'), '');
    const killed = start();
    await appears('install.log');
    process.kill(-(killed.pid ?? 0), 'SIGKILL');
    await finish(killed);
    await rm(join(root, 'hold'));
    expect(await run()).toMatchObject({code: 0});
    expect(await installs()).toEqual(['begin', 'begin', 'end']);
  });

  test('that fails is said so and leaves no stamp', async () => {
    await writeFile(join(root, 'package-lock.json'), '{');
    const failed = await run('--bin', 'tool');
    expect(failed).toMatchObject({code: 1, stdout: ''});
    expect(failed.stderr).toContain('npm ci failed');
    await writeProject('1.0.0');
    expect(await run()).toMatchObject({code: 0});
  });
});

describe('the work', () => {
  test('is a script on Node.js 24 that children find in PATH', async () => {
    await writeFile(
      join(root, 'work.ts'),
      `import {execFileSync} from 'node:child_process';
       const args: string[] = process.argv.slice(2);
       console.log(JSON.stringify({args, version: execFileSync('node', ['--version']).toString().trim()}));`,
    );
    const {code, stdout} = await run('work.ts', 'a b', '--flag');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({args: ['a b', '--flag'], version: process.version});
  });

  test('is the Node.js of the dependencies where there is one', async () => {
    await run();
    const bin = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
    await mkdir(bin, {recursive: true});
    await writeFile(join(bin, 'node'), '#!/bin/sh\necho "bundled $0 $*"\n', {mode: 0o755});
    expect((await run('work.ts')).stdout).toBe(`bundled ${join(bin, 'node')} work.ts\n`);
  });

  test("is a dependency's program", async () => {
    expect(await run('--bin', 'tool', 'x', '--y')).toMatchObject({code: 0, stdout: '["x","--y"]\n'});
    const missing = await run('--bin', 'no-such-tool');
    expect(missing).toMatchObject({code: 1, stderr: 'bootstrap: no dependency brings a program named no-such-tool\n'});
  });

  test('gives its exit code', async () => {
    await writeFile(join(root, 'work.mjs'), 'process.exit(7);');
    expect(await run('work.mjs')).toMatchObject({code: 7});
  });

  test('gets the signals', async () => {
    await writeFile(
      join(root, 'work.mjs'),
      `process.on('SIGTERM', () => process.exit(9)); setInterval(() => undefined, 1000);
       (await import('node:fs')).writeFileSync('running', 'yes');`,
    );
    await run();
    const child = start('work.mjs');
    await appears('running');
    child.kill('SIGTERM');
    expect(await finish(child)).toMatchObject({code: 9});
  });

  test('that a signal ended gives 128 and its number, as a shell does', async () => {
    await writeFile(join(root, 'work.mjs'), `process.kill(process.pid, 'SIGKILL');`);
    expect(await run('work.mjs')).toMatchObject({code: 137});
  });
});

test('on a Node.js that is too old, with none among the dependencies, says what to do', async () => {
  const script = join(root, 'hack', 'bootstrap.mjs');
  const source = await readFile(script, 'utf8');
  await writeFile(script, source.replace('const NODE_MAJOR = 24', 'const NODE_MAJOR = 99'));
  const {code, stderr} = await run('work.mjs');
  expect(code).toBe(1);
  expect(stderr).toContain('Node.js 99 or newer is needed');
});
