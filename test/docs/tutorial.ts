import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {errorCode} from '../../hack/lib/errors.ts';
import {ExpectedOutput} from './expected-output.ts';
import {fences} from './markdown.ts';

/** Commands of a page, and what it shows of their output. */
export interface Step {
  readonly commands: string;
  /** Line of the page, from 1. */
  readonly line: number;
  /** The text block that follows; undefined where the page shows none. */
  readonly shown: string | undefined;
}

/** A page that can't be executed. */
export class PageError extends Error {
  override readonly name = 'PageError';
}

/** Commands that failed, with all that they wrote. */
export class StepError extends Error {
  override readonly name = 'StepError';
}

/**
 * The steps of a page: every `sh` block, with the `text` block right after it.
 *
 * @throws PageError for a text block that shows nothing's output, or a page without commands
 */
export function steps(page: string): Step[] {
  const found: Step[] = [];
  let previous: string | undefined;
  for (const {language, text, line} of fences(page)) {
    if (language === 'sh') found.push({commands: text, line, shown: undefined});
    const last = found.at(-1);
    if (language === 'text') {
      if (previous !== 'sh' || last === undefined) {
        throw new PageError(`The text block of line ${String(line)} does not follow commands`);
      }
      found[found.length - 1] = {...last, shown: text};
    }
    previous = language;
  }
  if (found.length === 0) throw new PageError('The page has no commands');
  return found;
}

/** One bash session, in which steps run one after another: what one exports, the next one has. */
class Session {
  readonly #shell: ChildProcess;
  readonly #folder: string;
  readonly #close: Promise<unknown>;
  #closed = false;
  #output = '';
  #number = 0;

  constructor(folder: string, options: {readonly cwd: string; readonly env: NodeJS.ProcessEnv}) {
    this.#folder = folder;
    // A group of its own, so that what a step left running ends with it.
    this.#shell = spawn('bash', ['--noprofile', '--norc'], {
      ...options,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    }
    this.#close = once(this.#shell, 'close').finally(() => (this.#closed = true));
    // Written to after its end: the end itself is what is reported.
    this.#shell.stdin?.on('error', () => undefined);
    this.#shell.stdin?.write('exec 2>&1\nset -eo pipefail\n');
  }

  /** @returns what the commands wrote; throws StepError where one of them fails */
  async run({commands, line}: Step): Promise<string> {
    this.#output = '';
    const file = join(this.#folder, `step-${String(++this.#number)}.sh`);
    const mark = `end of ${file}`;
    await writeFile(file, `${commands}\n`);
    // From a file, so that a command that reads its input doesn't swallow the steps to come.
    this.#shell.stdin?.write(`. '${file}' </dev/null\nprintf '%s\\n' '${mark}'\n`);
    const ended = await this.#endsBefore(mark);
    const output = this.#output.replace(`${mark}\n`, '');
    if (ended) throw new StepError(`The commands of line ${String(line)} failed:\n${commands}\n\n${output}`);
    return output;
  }

  /** Ends the shell and whatever its steps left running. */
  async end(): Promise<void> {
    const {pid} = this.#shell;
    try {
      if (pid !== undefined && !this.#closed) process.kill(-pid, 'SIGKILL');
    } catch (error) {
      // It has ended, and only its close is still to be told.
      if (errorCode(error) !== 'ESRCH') throw error;
    }
    await this.#close;
  }

  async #endsBefore(mark: string): Promise<boolean> {
    const {stdout} = this.#shell;
    let look = (): void => undefined;
    const marked = new Promise<boolean>((resolve) => {
      look = () => {
        if (this.#output.includes(`${mark}\n`)) resolve(false);
      };
      stdout?.on('data', look);
    });
    const ended = await Promise.race([marked, this.#close.then(() => true)]);
    stdout?.off('data', look);
    return ended;
  }
}

/**
 * Executes a page's commands in one bash session, each block as it stands, and compares what they write with what the page
 * shows. It stops at the first that fails.
 *
 * @param page - Markdown
 * @param options - cwd and env of the session; signal ends it; onOutput is told what each block wrote
 * @throws PageError, StepError, UnexpectedOutputError
 */
export async function executePage(
  page: string,
  options: {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly signal?: AbortSignal;
    readonly onOutput?: (step: Step, output: string) => void;
  },
): Promise<void> {
  const {cwd, env, signal, onOutput} = options;
  const folder = await mkdtemp(join(tmpdir(), 'maintenance-api-page-'));
  const session = new Session(folder, {cwd, env});
  const abort = (): void => void session.end();
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort);
  const expected = new ExpectedOutput();
  try {
    for (const step of steps(page)) {
      const output = await session.run(step);
      onOutput?.(step, output);
      if (step.shown !== undefined) expected.check(step.shown, output);
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    await session.end();
    await rm(folder, {recursive: true});
  }
}
