/**
 * `npm run bench -- [row…]`: measures the project's figures on this machine and prints them beside their goals.
 * Ends with 1 when a row could not be measured or, with --strict, missed its goal; 2 when it was called wrongly.
 */
import {availableParallelism, loadavg} from 'node:os';
import {createProgress} from '../../hack/lib/progress.ts';
import {parseArguments, USAGE, UsageError, type Arguments} from './arguments.ts';
import {Bench} from './bench.ts';
import type {Result, Row} from './row.ts';
import {rows} from './rows.ts';
import {exitCode, measured, table} from './table.ts';

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const load = (): string =>
  loadavg()
    .map((average) => average.toFixed(1))
    .join(' ');

async function measure(row: Row, bench: Bench): Promise<Result> {
  bench.progress.note(`▶ ${row.name}: ${row.title}`);
  try {
    return {row, outcome: await row.measure(bench)};
  } catch (error) {
    return {row, outcome: error instanceof Error ? error : new Error(String(error))};
  }
}

async function main({options, rows: names, isStrict}: Arguments): Promise<number> {
  const chosen = rows.filter(({name}) => names.length === 0 || names.includes(name));
  const loadBefore = load();
  const bench = new Bench(options, createProgress());
  const results: Result[] = [];
  try {
    for (const row of chosen) {
      const result = await measure(row, bench);
      results.push(result);
      // Each as soon as it is known: the next may take long.
      bench.progress.note(`= ${row.name}: ${measured(result)}`);
    }
  } finally {
    await bench.close();
  }
  print(`\n${table(results)}`);
  print(`\n${availableParallelism()} cores; load average (1, 5, 15 min) ${loadBefore} before and ${load()} after`);
  return exitCode(results, isStrict);
}

try {
  const request = parseArguments(
    process.argv.slice(2),
    rows.map(({name}) => name),
  );
  if (request === 'help') print(USAGE.trimEnd());
  else if (request === 'list')
    print(rows.map(({name, title, goal}) => `${name.padEnd(14)} ${title}: ${goal}`).join('\n'));
  else process.exitCode = await main(request);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
