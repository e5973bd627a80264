import {spawn, type SpawnOptions} from 'node:child_process';
import {mkdir, open, readFile, rm} from 'node:fs/promises';
import {dirname} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {errorCode, isNotFound} from './errors.ts';

/** How many characters of a failed command's output its error carries. */
const TAIL_LENGTH = 4000;
/** How often a wait for another process looks again, in milliseconds. */
const POLL_MS = 20;

/** A command that ended with another exit code than 0, was killed, or could not be started. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly command: readonly string[];
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last characters of what the command wrote to both streams. */
  readonly outputTail: string;

  constructor(
    command: readonly string[],
    end: {exitCode: number | null; signal: NodeJS.Signals | null},
    output: string,
  ) {
    const how = end.signal === null ? `exit code ${String(end.exitCode)}` : `signal ${end.signal}`;
    const outputTail = output.slice(-TAIL_LENGTH).trimEnd();
    super(`${command.join(' ')}: ${how}${outputTail === '' ? '' : `\n${outputTail}`}`);
    this.command = command;
    this.exitCode = end.exitCode;
    this.signal = end.signal;
    this.outputTail = outputTail;
  }
}

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the command; the caller's own when left out. */
  readonly env?: NodeJS.ProcessEnv;
  /** Written to the command's standard input, which is empty otherwise. */
  readonly input?: string | Buffer;
  /** Called with every whole line of standard error, for progress display. */
  readonly onStderrLine?: (line: string) => void;
  /** Whether the command is killed when the caller is (prctl(2), PR_SET_PDEATHSIG); not for one that must finish. */
  readonly diesWithCaller?: boolean;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end and captures what it writes.
 * @param command - program and arguments; no shell is involved
 * @param options - see RunOptions
 * @throws CommandError when it can't be started, is killed or ends with another exit code than 0
 */
export async function run(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<CommandOutput> {
  const prefix = options.diesWithCaller === true ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const [program = '', ...args] = [...prefix, ...command];
  const spawnOptions: SpawnOptions = {stdio: ['pipe', 'pipe', 'pipe'], env: options.env ?? process.env};
  if (options.cwd !== undefined) spawnOptions.cwd = options.cwd;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, spawnOptions);
    let stdout = '';
    let stderr = '';
    let partialLine = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (options.onStderrLine === undefined) return;
      const lines = (partialLine + text).split('\n');
      partialLine = lines.pop() ?? '';
      for (const line of lines) options.onStderrLine(line);
    });
    // A command that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
    child.once('error', (error) => {
      reject(new CommandError(command, {exitCode: null, signal: null}, error.message));
    });
    child.once('close', (exitCode, signal) => {
      if (exitCode === 0) resolve({stdout, stderr});
      else reject(new CommandError(command, {exitCode, signal}, `${stdout}${stderr}`));
    });
  });
}

/** A process beyond doubt: a pid alone may have been given to another process since. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/<pid>/stat (proc(5)). */
  readonly startTime: string;
}

/**
 * Reads when a process was started.
 * @returns undefined when there is no such process, or it has ended and only waits to be reaped
 */
export async function processIdentity(pid: number): Promise<ProcessIdentity | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  } catch (error) {
    if (isNotFound(error) || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
  // The second field, the program's name, may hold blanks and parentheses: count from its last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined)
    throw new Error(`/proc/${String(pid)}/stat is malformed: ${stat}`);
  return state === 'Z' || state === 'X' ? undefined : {pid, startTime};
}

/** Whether exactly this process, not a later one with its pid, is running. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  const now = await processIdentity(identity.pid);
  return now?.startTime === identity.startTime;
}

/**
 * Reads a pid file: one line with pid and start time.
 * @returns undefined when there is none, or its writer was killed before it wrote the line
 */
export async function readPidFile(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const match = /^(\d+) (\d+)\n$/.exec(await readFile(path, 'utf8'));
    return match?.[1] === undefined || match[2] === undefined
      ? undefined
      : {pid: Number(match[1]), startTime: match[2]};
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export interface BackgroundOptions {
  readonly command: readonly [string, ...string[]];
  /** Where the process writes its pid and start time before the program begins. */
  readonly pidFile: string;
  /** Both output streams are appended to this file. */
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/**
 * The process itself writes its pid file and only then becomes the program (exec keeps pid and start time): if the
 * caller is killed at any instruction, what it started can still be found. The second field is "(sh)", without blanks,
 * so the 22nd word is the start time.
 */
const PID_FILE_SCRIPT = `
read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ start _ < /proc/$$/stat
echo "$$ $start" > "$1"
shift
exec "$@"
`;

/**
 * Starts a process that outlives the caller, in a session of its own.
 * @throws CommandError when the process ended before its pid file was there
 */
export async function startBackground(options: BackgroundOptions): Promise<ProcessIdentity> {
  await mkdir(dirname(options.pidFile), {recursive: true});
  await mkdir(dirname(options.logFile), {recursive: true});
  await rm(options.pidFile, {force: true});
  const log = await open(options.logFile, 'a');
  try {
    const child = spawn('/bin/sh', ['-euc', PID_FILE_SCRIPT, 'sh', options.pidFile, ...options.command], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : {cwd: options.cwd}),
    });
    const ended = new Promise<never>((_resolve, reject) => {
      child.once('error', (error) => {
        reject(new CommandError(options.command, {exitCode: null, signal: null}, error.message));
      });
      child.once('exit', (exitCode, signal) => {
        logTail(options.logFile).then((tail) => {
          reject(new CommandError(options.command, {exitCode, signal}, tail));
        }, reject);
      });
    });
    const identity = await Promise.race([waitForPidFile(options.pidFile), ended]);
    // From here on the process is watched through its pid file; its end must neither keep nor fail the caller.
    ended.catch(() => undefined);
    child.unref();
    return identity;
  } finally {
    await log.close();
  }
}

async function waitForPidFile(path: string): Promise<ProcessIdentity> {
  for (;;) {
    const identity = await readPidFile(path);
    if (identity !== undefined) return identity;
    await delay(POLL_MS);
  }
}

/** The end of a log file, for an error's text; empty when there is none. */
export async function logTail(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).slice(-TAIL_LENGTH);
  } catch (error) {
    if (isNotFound(error)) return '';
    throw error;
  }
}

/**
 * Ends a process: SIGTERM, then SIGKILL after the grace period. A process that is already gone, or whose pid now belongs
 * to another process, is left alone.
 * @param identity - whom
 * @param graceMs - milliseconds between the two; 0 sends SIGKILL at once
 */
export async function stopProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  if (graceMs > 0) {
    await signalProcess(identity, 'SIGTERM');
    if (await endsWithin(identity, graceMs)) return;
  }
  await signalProcess(identity, 'SIGKILL');
  while (await isRunning(identity)) await delay(POLL_MS);
}

/** Ends the process that wrote a pid file, if it still runs, and removes the file. */
export async function stopByPidFile(path: string, graceMs: number): Promise<void> {
  const identity = await readPidFile(path);
  if (identity !== undefined) await stopProcess(identity, graceMs);
  await rm(path, {force: true});
}

/** Sends a signal to exactly this process; nothing happens when it is gone. */
export async function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  if (!(await isRunning(identity))) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

async function endsWithin(identity: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (await isRunning(identity)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}
