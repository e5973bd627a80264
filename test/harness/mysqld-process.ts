import {spawn} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import type {AddressInfo} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {createConnection} from 'mysql2/promise';
import {ROOT_ACCOUNT} from './mysql-programs.ts';

/** How long a server may take to answer, crash recovery included, in milliseconds. */
const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 50;

/** The server ended, or didn't answer; the message ends with its log. */
export class MysqldError extends Error {
  override readonly name = 'MysqldError';
}

export interface ServerProcess {
  readonly pid: number;
  hasExited(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits until the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/**
 * Starts a server that ends with this process, in whichever way this process ends.
 * @param command - program and arguments
 */
export function spawnServer(command: readonly [string, ...string[]]): ServerProcess {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {stdio: 'ignore'});
  let ended = false;
  let startError: Error | undefined;
  const exited = new Promise<void>((resolve) => {
    const finish = (): void => {
      ended = true;
      resolve();
    };
    child.once('exit', finish);
    child.once('error', (error) => {
      startError = error;
      finish();
    });
  });
  // A forgotten server must not keep a finished test run alive.
  child.unref();
  if (child.pid === undefined) throw new MysqldError(`setpriv could not be started: ${String(startError)}`);
  return {
    pid: child.pid,
    hasExited: () => ended,
    signal: (signal) => {
      child.kill(signal);
    },
    async end(signal) {
      child.ref();
      // A stopped process would not see any signal but SIGKILL.
      child.kill('SIGCONT');
      child.kill(signal);
      await exited;
    },
  };
}

/**
 * Waits until the server accepts a login.
 * @throws MysqldError when it ended, or after two minutes
 */
export async function waitUntilReady(server: ServerProcess, port: number, logFile: string): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  let reason: unknown = 'not tried';
  while (performance.now() < deadline) {
    if (server.hasExited()) throw new MysqldError(`mysqld ended while starting:\n${await readFile(logFile, 'utf8')}`);
    try {
      const connection = await createConnection({host: '127.0.0.1', port, ...ROOT_ACCOUNT, connectTimeout: 5000});
      await connection.end();
      return;
    } catch (error) {
      reason = error;
      await delay(POLL_MS);
    }
  }
  throw new MysqldError(`mysqld does not answer (${String(reason)}):\n${await readFile(logFile, 'utf8')}`);
}

/** A port of the loopback interface that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const {port} = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
