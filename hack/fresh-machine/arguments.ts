import {resolve} from 'node:path';
import {parseArgs} from 'node:util';

export const USAGE = `hack/fresh [--keep-cache DIR] [--this-machine] '<command>'

Runs a shell command as on a new machine: in a clone of the last commit, with an empty home, empty caches and nothing
running. As root on a machine where debootstrap works, that is a fresh Debian 12 with Node.js, npm, Go and git but none
of the packages installed here; elsewhere, or with --this-machine, only home, caches and processes are fresh. Whatever
the command leaves behind is removed when it ends. The exit code is the command's.

  --keep-cache DIR   keep downloads and builds in DIR, for the next run to use
  --this-machine     with the packages of this machine
`;

export interface FreshArguments {
  readonly command: string;
  /** Absolute path of the folder that outlives the run, if one is wanted. */
  readonly keepCache: string | undefined;
  readonly thisMachine: boolean;
}

/** The command line is wrong; the message says what it must be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the command line.
 * @param args - without the program's own name
 * @returns undefined when help was asked for
 * @throws UsageError
 */
export function parseArguments(args: readonly string[]): FreshArguments | undefined {
  const options = {
    'keep-cache': {type: 'string'},
    'this-machine': {type: 'boolean', default: false},
    help: {type: 'boolean', default: false},
  } as const;
  try {
    const {values, positionals} = parseArgs({args: [...args], options, allowPositionals: true});
    if (values.help) return undefined;
    const [command] = positionals;
    if (command === undefined || positionals.length > 1) {
      throw new UsageError(`exactly one command must be given, quoted as one word, not ${positionals.length}`);
    }
    const keepCache = values['keep-cache'];
    return {
      command,
      keepCache: keepCache === undefined ? undefined : resolve(keepCache),
      thisMachine: values['this-machine'],
    };
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException;
    if (code?.startsWith('ERR_PARSE_ARGS_') === true) throw new UsageError(message);
    throw error;
  }
}
