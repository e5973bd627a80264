import {parseArgs} from 'node:util';
import type {Options} from './bench.ts';

/** Bad releases in one series: the status remembers so many actions, and an hour that is full of them is a limit. */
const MAX_RUNS = 20;
/** A load job runs for half an hour at most. */
const MAX_MINUTES = 25;

export const USAGE = `npm run bench -- [row…] [options]

Measures the project's figures on this machine and prints them beside their goals. Without a row all of them; \`api\`
stands for all rows whose names begin with \`api-\`.

  --list             list the rows
  --runs N           bad releases, 1–${MAX_RUNS} (3)
  --minutes N        how long steady traffic is watched, and the least age of the operator whose memory is read,
                     1–${MAX_MINUTES} (10)
  --idle-minutes N   how long the idle operator is watched, 1–${MAX_MINUTES} (10)
  --lists            read lists at 10 million tasks too: about 20 minutes and 24 GiB of disk
  --demo             run the demo too
  --cold             run the demo as on a new machine too
  --strict           fail when a row misses its goal
`;

/** The command line is wrong; the message says what it must be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for. */
export interface Arguments {
  readonly options: Options;
  /** Names of rows; none means all. */
  readonly rows: readonly string[];
  readonly isStrict: boolean;
}

function whole(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from 1 to ${max}, not ${text}`);
}

/**
 * Reads the command line.
 *
 * @param args - without the program's own name
 * @param known - names of the rows that there are
 * @returns what to print, in place of measuring
 * @throws UsageError
 */
export function parseArguments(args: readonly string[], known: readonly string[]): Arguments | 'help' | 'list' {
  const {values, positionals} = read(args);
  if (values.help) return 'help';
  if (values.list) return 'list';
  const rows = positionals.flatMap((name) => {
    const group = known.filter((row) => row.startsWith(`${name}-`));
    return known.includes(name) || group.length === 0 ? [name] : group;
  });
  const unknown = rows.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no row ${unknown}; rows: ${known.join(' ')}`);
  return {
    rows,
    isStrict: values.strict,
    options: {
      runs: whole('runs', values.runs, MAX_RUNS),
      minutes: whole('minutes', values.minutes, MAX_MINUTES),
      idleMinutes: whole('idle-minutes', values['idle-minutes'], MAX_MINUTES),
      lists: values.lists,
      demo: values.demo,
      cold: values.cold,
    },
  };
}

const flags = {
  runs: {type: 'string', default: '3'},
  minutes: {type: 'string', default: '10'},
  'idle-minutes': {type: 'string', default: '10'},
  lists: {type: 'boolean', default: false},
  demo: {type: 'boolean', default: false},
  cold: {type: 'boolean', default: false},
  strict: {type: 'boolean', default: false},
  list: {type: 'boolean', default: false},
  help: {type: 'boolean', default: false},
} as const;

function read(args: readonly string[]) {
  try {
    return parseArgs({args: [...args], options: flags, allowPositionals: true});
  } catch (error) {
    // Node's own words name the option.
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
