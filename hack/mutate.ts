/**
 * `npm run mutate [-- name …]`: breaks a copy of the tree in each way that test/mutations.json lists, one at a time,
 * and expects the named test file to turn red. The tree itself is never changed.
 * Ends with 0 when every mutation was noticed, 1 when not.
 */
import {spawnSync} from 'node:child_process';
import {cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {misfit, type Mutation, readMutations} from './mutate/mutations.ts';

const repository = join(fileURLToPath(import.meta.url), '../..');

/** A broken product may make a test wait for ever; one that doesn't end has noticed nothing. */
const RUN_LIMIT_MS = 600_000;

interface Verdict {
  readonly noticed: boolean;
  /** The test that noticed it, or what went wrong. */
  readonly by: string;
}

/** Copies what git would commit, work in progress included, into an empty folder. */
function copyTree(root: string): void {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (listed.status !== 0) throw new Error(`git ls-files: ${listed.stderr}`);
  for (const file of listed.stdout.split('\0')) {
    const source = join(repository, file);
    if (file !== '' && existsSync(source)) cpSync(source, join(root, file));
  }
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
}

interface Run {
  readonly green: boolean;
  /** Names of the tests that failed; a file that could not be run at all is none. */
  readonly failed: readonly string[];
  readonly output: string;
}

function runTest(root: string, {kind, test}: Mutation): Run {
  const {status, stdout, stderr} = spawnSync(process.execPath, ['hack/test.ts', kind, test], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: RUN_LIMIT_MS,
  });
  const failed = [...stdout.matchAll(/^FAILED \w+: \S+ › (.+)$/gm)].map(([, name = '']) => name);
  return {green: status === 0, failed, output: `${stdout}\n${stderr}`.slice(-3000)};
}

function judge(root: string, mutation: Mutation, baselines: Map<string, Run>): Verdict {
  const reason = misfit(root, mutation);
  if (reason !== undefined) return {noticed: false, by: reason};
  const baseline = baselines.get(mutation.test) ?? runTest(root, mutation);
  baselines.set(mutation.test, baseline);
  if (!baseline.green) return {noticed: false, by: `${mutation.test} is red without it: ${baseline.output}`};
  const path = join(root, mutation.file);
  const original = readFileSync(path, 'utf8');
  writeFileSync(path, original.split(mutation.find).join(mutation.replace));
  try {
    const mutated = runTest(root, mutation);
    const [first] = mutated.failed;
    if (first !== undefined) return {noticed: true, by: first};
    return {noticed: false, by: mutated.green ? 'no test noticed it' : `no test ran: ${mutated.output}`};
  } finally {
    writeFileSync(path, original);
  }
}

function main(names: readonly string[]): number {
  const all = readMutations(join(repository, 'test/mutations.json'));
  const chosen = all.filter(({name}) => names.length === 0 || names.includes(name));
  if (chosen.length === 0) {
    console.error(`nothing to do; mutations: ${all.map(({name}) => name).join(', ')}`);
    return 1;
  }
  const root = mkdtempSync(join(tmpdir(), 'maintenance-api-mutate-'));
  const baselines = new Map<string, Run>();
  let unnoticed = 0;
  try {
    copyTree(root);
    console.log('| mutation | file | test that turns red |\n| --- | --- | --- |');
    for (const mutation of chosen) {
      const {noticed, by} = judge(root, mutation, baselines);
      if (!noticed) unnoticed += 1;
      console.log(
        `| ${mutation.name} | ${mutation.file} | ${noticed ? `${mutation.test}: ` : '**NOT NOTICED** '}${by} |`,
      );
    }
  } finally {
    rmSync(root, {recursive: true});
  }
  console.log(`\n${chosen.length - unnoticed} noticed, ${unnoticed} not`);
  return unnoticed === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2).filter((argument) => argument !== '--'));
