/**
 * `npm test`, `npm run test:unit [-- path]`, `test:integration [-- path]`, `test:e2e [-- story …]`,
 * `test:long [-- story …]`.
 * Ends with 0 when every test passed and none was skipped, 1 when not, 2 when it was called wrongly.
 */
import {existsSync, globSync} from 'node:fs';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {batchesOf, runJest} from './test/jest.ts';
import {type Kind, kinds, lastLine, succeeded, type Tally, table, tally} from './test/tally.ts';

const root = join(fileURLToPath(import.meta.url), '../..');

class UsageError extends Error {}

/** Which kinds were asked for, and which files of them. */
function request(args: readonly string[]): {chosen: readonly Kind[]; paths: readonly string[]} {
  const [name = 'all', ...rest] = args.filter((argument) => argument !== '--');
  if (name === 'all') {
    if (rest.length > 0)
      throw new UsageError('a choice of files needs its kind: test:unit, test:integration, test:e2e, test:long');
    return {chosen: kinds, paths: []};
  }
  const kind = [...kinds, 'long' as const].find((known) => known === name);
  if (kind === undefined) throw new UsageError(`no kind of test ${name}; kinds: all ${kinds.join(' ')} long`);
  if (kind !== 'e2e' && kind !== 'long') return {chosen: [kind], paths: rest};
  const ending = kind === 'e2e' ? '.test.ts' : '.long.test.ts';
  const missing = rest.filter((story) => !existsSync(join(root, 'test/e2e', `${story}${ending}`)));
  if (missing.length > 0) {
    const stories = globSync(`test/e2e/*${ending}`, {cwd: root}).map((file) => basename(file, ending));
    const ofKind = stories.filter((story) => !story.includes('.'));
    throw new UsageError(`no story ${missing.join(', ')}; stories: ${ofKind.sort().join(' ')}`);
  }
  return {chosen: [kind], paths: rest.map((story) => `/test/e2e/${story}${ending.replaceAll('.', String.raw`\.`)}$`)};
}

async function main(args: readonly string[]): Promise<number> {
  const {chosen, paths} = request(args);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  const tallies: Tally[] = [];
  for (const batch of chosen.flatMap((kind) => batchesOf(root, kind, paths))) {
    if (stop.signal.aborted) break;
    console.log(`\n── ${batch.kind} ──`);
    tallies.push(tally(await runJest(root, batch, stop.signal)));
  }
  for (const {kind, failures} of tallies) {
    for (const failure of failures) console.log(`FAILED ${kind}: ${failure.replaceAll(`${root}/`, '')}`);
  }
  console.log(`\n${table(tallies)}\n`);
  if (!succeeded(tallies) && tallies.every(({failed}) => failed === 0)) console.log('A skipped test counts as failed.');
  console.log(lastLine(tallies));
  return succeeded(tallies) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
