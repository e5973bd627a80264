import {spawn, type ChildProcess} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import type {JestResult, JestRun, Kind} from './tally.ts';

/** Jest's own arguments for a kind: what shares a cluster runs one after another and shows each test as it ends. */
function kindArguments(kind: Kind): string[] {
  if (kind === 'unit') return ['--maxWorkers=100%'];
  return ['--runInBand', '--reporters=default', '--reporters=<rootDir>/hack/test/live-reporter.mjs'];
}

/** Jest ends soon after it has written its result, unless a test left something open: then it would wait for ever. */
const LINGER_MS = 15_000;
const LOOK_MS = 500;

/** Ends a Jest that has written its result and doesn't end. @returns stops the watch, and says whether that was so */
function endLingering(child: ChildProcess, output: string): () => boolean {
  let lingers = false;
  let linger: NodeJS.Timeout | undefined;
  const look = setInterval(() => {
    if (!existsSync(output)) return;
    linger ??= setTimeout(() => {
      lingers = true;
      child.kill('SIGKILL');
    }, LINGER_MS);
  }, LOOK_MS);
  return () => {
    clearInterval(look);
    clearTimeout(linger);
    return lingers;
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
 * @param kind - the project
 * @param paths - patterns of the test files to run; none means all
 * @param stop - ends the run early
 */
export async function runJest(root: string, kind: Kind, paths: readonly string[], stop: AbortSignal): Promise<JestRun> {
  const scratch = await mkdtemp(join(tmpdir(), 'maintenance-api-test-'));
  const output = join(scratch, 'result.json');
  const began = performance.now();
  const args = [
    ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
    join(root, 'node_modules/jest/bin/jest.js'),
    ...['--config', 'jest.config.mjs', '--selectProjects', kind, '--json', '--outputFile', output],
    // That nothing ran is this runner's to say; Jest would end without a result.
    '--passWithNoTests',
    ...kindArguments(kind),
    ...(paths.length > 0 ? ['--testPathPatterns', ...paths] : []),
  ];
  try {
    const {exitCode, lingered} = await new Promise<Pick<JestRun, 'exitCode' | 'lingered'>>((resolve, reject) => {
      const child = spawn(process.execPath, args, {cwd: root, stdio: ['ignore', 'inherit', 'inherit']});
      const end = () => child.kill('SIGTERM');
      const watched = endLingering(child, output);
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
