import {spawn, type ChildProcess} from 'node:child_process';
import {existsSync, globSync} from 'node:fs';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {reportArguments, RUN_VARIABLE, whatKeeps} from './lingering.ts';
import type {JestResult, JestRun, Kind} from './tally.ts';

/** Test files that run together. */
export interface Batch {
  readonly kind: Kind;
  /** Patterns of the files; none means all. */
  readonly paths: readonly string[];
  /** How many files at once, as Jest's --maxWorkers has it; undefined: one after another. */
  readonly workers?: string;
}

/**
 * The batches of a kind. Stories that have an API server of their own mostly wait, so two run side by side; what looks
 * at the whole machine (processes, mounts, namespaces) or shares a cluster has it for itself.
 */
export function batchesOf(root: string, kind: Kind, paths: readonly string[]): readonly Batch[] {
  if (kind === 'unit') return [{kind, paths, workers: '100%'}];
  if (kind === 'e2e' || kind === 'long' || paths.length > 0) return [{kind, paths}];
  const has = (files: string): boolean => globSync(files, {cwd: root}).length > 0;
  const apart: readonly Batch[] = [
    {kind, paths: ['/test/integration/[^/]+/'], workers: '2'},
    {kind, paths: [String.raw`/test/integration/[^/]+\.test\.ts$`]},
  ];
  return has('test/integration/*.test.ts') && has('test/integration/*/**/*.test.ts') ? apart : [{kind, paths}];
}

/** What runs long shows each test as it ends. */
function batchArguments({kind, workers}: Batch): string[] {
  const live = ['--reporters=default', '--reporters=<rootDir>/hack/test/live-reporter.mjs'];
  return [workers === undefined ? '--runInBand' : `--maxWorkers=${workers}`, ...(kind === 'unit' ? [] : live)];
}

/** Jest ends soon after it has written its result, unless a test left something open: then it would wait for ever. */
const LINGER_MS = 15_000;
const LOOK_MS = 500;

/**
 * Ends a Jest that has written its result and doesn't end.
 *
 * @returns stops the watch, and says what kept Jest; undefined when it ended by itself
 */
function endLingering(child: ChildProcess, scratch: string, output: string): () => string | undefined {
  let kept: string | undefined;
  let linger: NodeJS.Timeout | undefined;
  const end = async (): Promise<void> => {
    if (child.pid === undefined) return;
    try {
      kept = await whatKeeps(child.pid, scratch);
    } catch (error) {
      kept = String(error);
    }
    console.error(`Jest does not end by itself: ${kept}`);
    child.kill('SIGKILL');
  };
  const look = setInterval(() => {
    if (existsSync(output)) linger ??= setTimeout(() => void end(), LINGER_MS);
  }, LOOK_MS);
  return () => {
    clearInterval(look);
    clearTimeout(linger);
    return kept;
  };
}

async function readResult(file: string): Promise<JestResult | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JestResult;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Runs one project of Jest, its output passed through.
 * @param root - root of the repository
 * @param batch - which files of which project
 * @param stop - ends the run early
 */
export async function runJest(root: string, batch: Batch, stop: AbortSignal): Promise<JestRun> {
  const {kind, paths} = batch;
  const scratch = await mkdtemp(join(tmpdir(), 'maintenance-api-test-'));
  const output = join(scratch, 'result.json');
  const began = performance.now();
  const args = [
    ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', ...reportArguments(scratch)],
    join(root, 'node_modules/jest/bin/jest.js'),
    ...['--config', 'jest.config.mjs', '--selectProjects', kind, '--json', '--outputFile', output],
    // That nothing ran is this runner's to say; Jest would end without a result.
    '--passWithNoTests',
    ...batchArguments(batch),
    ...(paths.length > 0 ? ['--testPathPatterns', ...paths] : []),
  ];
  try {
    const {exitCode, lingered} = await new Promise<Pick<JestRun, 'exitCode' | 'lingered'>>((resolve, reject) => {
      const env = {...process.env, [RUN_VARIABLE]: scratch};
      const child = spawn(process.execPath, args, {cwd: root, env, stdio: ['ignore', 'inherit', 'inherit']});
      const end = () => child.kill('SIGTERM');
      const watched = endLingering(child, scratch, output);
      stop.addEventListener('abort', end);
      child.on('error', (error) => {
        watched();
        reject(error);
      });
      child.on('close', (code) => {
        stop.removeEventListener('abort', end);
        resolve({exitCode: code, lingered: watched()});
      });
    });
    const result = await readResult(output);
    const seconds = (performance.now() - began) / 1000;
    return {kind, exitCode, lingered, seconds, ...(result === undefined ? {} : {result})};
  } finally {
    await rm(scratch, {recursive: true});
  }
}
