/**
 * `npm test`, `npm run test:unit [-- path]`, `test:integration [-- path]`, `test:e2e [-- story …]`,
 * `test:long [-- story …]`. A long story may be named to test:e2e, too.
 * Ends with 0 when every test passed and none was skipped, 1 when not, 2 when it was called wrongly.
 */
import {globSync} from 'node:fs';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {batchesOf, runJest} from './test/jest.ts';
import {type Kind, kinds, lastLine, succeeded, type Tally, table, tally} from './test/tally.ts';

const root = join(fileURLToPath(import.meta.url), '../..');

class UsageError extends Error {}

/** A kind, and which files of it; none means all. */
interface Choice {
  readonly kind: Kind;
  readonly paths: readonly string[];
}

const ENDINGS = {e2e: '.test.ts', long: '.long.test.ts'} as const;

/** The names of the stories of a kind. */
function storiesOf(kind: keyof typeof ENDINGS): readonly string[] {
  const ending = ENDINGS[kind];
  const stories = globSync(`test/e2e/*${ending}`, {cwd: root}).map((file) => basename(file, ending));
  return stories.filter((story) => !story.includes('.')).sort();
}

/** Which kinds were asked for, and which files of them. */
function request(args: readonly string[]): readonly Choice[] {
  const [name = 'all', ...rest] = args.filter((argument) => argument !== '--');
  if (name === 'all') {
    if (rest.length > 0)
      throw new UsageError('a choice of files needs its kind: test:unit, test:integration, test:e2e, test:long');
    return kinds.map((kind) => ({kind, paths: []}));
  }
  const kind = [...kinds, 'long' as const].find((known) => known === name);
  if (kind === undefined) throw new UsageError(`no kind of test ${name}; kinds: all ${kinds.join(' ')} long`);
  return kind === 'e2e' || kind === 'long' ? storyChoices(kind, rest) : [{kind, paths: rest}];
}

/** Stories by name. One that is asked for by name as any other may be one that takes long. */
function storyChoices(kind: keyof typeof ENDINGS, asked: readonly string[]): readonly Choice[] {
  if (asked.length === 0) return [{kind, paths: []}];
  const kindsAsked = kind === 'e2e' ? (['e2e', 'long'] as const) : ([kind] as const);
  const known = kindsAsked.map((one) => ({kind: one, stories: storiesOf(one)}));
  const missing = asked.filter((story) => !known.some(({stories}) => stories.includes(story)));
  if (missing.length > 0) {
    const names = [...new Set(known.flatMap(({stories}) => stories))].sort();
    throw new UsageError(`no story ${missing.join(', ')}; stories: ${names.join(' ')}`);
  }
  const taken = asked.map((story) => ({story, kind: known.find(({stories}) => stories.includes(story))?.kind}));
  return kindsAsked.flatMap((one) => {
    const ending = ENDINGS[one].replaceAll('.', String.raw`\.`);
    const paths = taken.filter((item) => item.kind === one).map(({story}) => `/test/e2e/${story}${ending}$`);
    return paths.length === 0 ? [] : [{kind: one, paths}];
  });
}

async function main(args: readonly string[]): Promise<number> {
  const choices = request(args);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  const tallies: Tally[] = [];
  for (const batch of choices.flatMap(({kind, paths}) => batchesOf(root, kind, paths))) {
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
