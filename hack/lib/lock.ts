import {spawn} from 'node:child_process';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {once} from 'node:events';
import {dirname} from 'node:path';
import {isNotFound} from './errors.ts';
import {CommandError, processIdentity} from './exec.ts';

export interface FileLock {
  /** Gives the lock back; resolves when it is free for others. */
  release(): Promise<void>;
}

/**
 * Takes an exclusive lock on a file and waits while another process holds it.
 *
 * The lock is the kernel's (flock(2), held by a child that lives exactly as long as its standard input is open), so one
 * whose holder was killed is free at once. The file carries pid and start time of the holder for whoever waits.
 * @param path - the lock file; created, never removed (removing it would let two holders in)
 * @param onWait - called once with a description of the present holder if the lock is not free
 * @throws CommandError when flock(1) is missing or fails
 */
export async function lockFile(path: string, onWait?: (holder: string) => void): Promise<FileLock> {
  await mkdir(dirname(path), {recursive: true});
  const immediate = await tryLock(path, ['--nonblock', '--conflict-exit-code', '75']);
  if (immediate !== undefined) return immediate;
  onWait?.(await holderOf(path));
  const lock = await tryLock(path, []);
  if (lock === undefined) throw new Error(`flock ended without the lock on ${path}`);
  return lock;
}

async function tryLock(path: string, options: string[]): Promise<FileLock | undefined> {
  const command = ['flock', '--exclusive', ...options, path, 'sh', '-c', 'echo locked; exec cat >/dev/null'] as const;
  const child = spawn(command[0], command.slice(1), {stdio: ['pipe', 'pipe', 'pipe']});
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => {
      reject(new CommandError(command, {exitCode: null, signal: null}, error.message));
    });
    child.once('close', resolve);
  });
  const outcome = await Promise.race([once(child.stdout, 'data').then(() => 'locked' as const), closed]);
  if (outcome !== 'locked') {
    if (outcome === 75) return undefined;
    throw new CommandError(command, {exitCode: outcome, signal: null}, stderr);
  }
  const self = await processIdentity(process.pid);
  await writeFile(path, `${String(process.pid)} ${self?.startTime ?? ''}\n`);
  return {
    async release() {
      child.stdin.end();
      await closed;
    },
  };
}

async function holderOf(path: string): Promise<string> {
  try {
    return `process ${(await readFile(path, 'utf8')).split(' ')[0] ?? ''}`;
  } catch (error) {
    if (isNotFound(error)) return 'another process';
    throw error;
  }
}
