import {spawn} from 'node:child_process';
import {join} from 'node:path';

/** One thing that is wrong, with the rule that says so. */
export interface Finding {
  /** Relative to the root of the repository; empty when it concerns no file. */
  readonly file: string;
  readonly line?: number;
  /** The name under which the rule can be looked up. */
  readonly rule: string;
  readonly message: string;
}

/** One step of `npm run check`; green when it finds nothing. It never changes the tree. */
export interface Step {
  readonly name: string;
  /** Rejects when the step could not be carried out, which is red too. */
  readonly run: (root: string) => Promise<readonly Finding[]>;
}

/** How a program ended, and all that it wrote. */
export interface Ended {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Rejects only when it can't be started. */
export async function runProgram(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {cwd, stdio: ['ignore', 'pipe', 'pipe']});
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString()});
    });
  });
}

/**
 * Runs a tool that the lock file pins, on the Node that runs the check.
 * Rejects when it ends otherwise than with one of `expected`: a tool that broke has not said that all is well.
 */
export async function runTool(
  root: string,
  tool: string,
  args: readonly string[],
  expected: readonly number[],
): Promise<Ended> {
  const ended = await runProgram(process.execPath, [join(root, 'node_modules/.bin', tool), ...args], root);
  if (ended.code === null || !expected.includes(ended.code)) {
    throw new Error(`${tool} ended with ${ended.code ?? 'a signal'}: ${(ended.stderr + ended.stdout).slice(-4000)}`);
  }
  return ended;
}
