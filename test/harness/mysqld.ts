import {randomBytes} from 'node:crypto';
import {cp, mkdir, readFile, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {createConnection} from 'mysql2/promise';
import type {Connection} from 'mysql2/promise';
import {temporaryFolder} from '../../hack/images/temporary.ts';
import {isNotFound} from '../../hack/lib/errors.ts';
import {createProgress} from '../../hack/lib/progress.ts';
import type {Progress} from '../../hack/lib/progress.ts';
import {mysqlCommand, ROOT_ACCOUNT, templateDataFolder} from './mysql-programs.ts';
import {freePort, MysqldError, spawnServer, waitUntilReady} from './mysqld-process.ts';
import type {ServerProcess} from './mysqld-process.ts';

export interface MysqldOptions {
  /** Folder that holds (or gets) `data`, kept by stop(); a temporary one when left out. */
  readonly dir?: string;
  /** Further options of mysqld; they override the harness's own. */
  readonly args?: readonly string[];
  readonly progress?: Progress;
}

/** A database made for one test, with a user who may do everything in it. */
export interface TestDatabase {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/** A running mysqld. It ends with the process that started it, however that ends. */
export interface Mysqld {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** The port of the admin interface, which answers when all ordinary connections are taken. */
  readonly adminPort: number;
  readonly socket: string;
  readonly rootUser: string;
  readonly rootPassword: string;
  readonly dataDir: string;
  /** The certificate authority that signed the server's own certificate, as a PEM file. */
  readonly caFile: string;
  /** Undefined when it isn't running. */
  pid(): number | undefined;
  /** A connection as root, to a database where one is named, that the caller ends. */
  connect(database?: string): Promise<Connection>;
  createDatabase(): Promise<TestDatabase>;
  /** Sends any signal, for example SIGSTOP to make it hang. */
  signal(signal: NodeJS.Signals): void;
  /** Kills it without warning; resolves when it is gone. */
  kill9(): Promise<void>;
  /** Stops it if it runs and starts it on the same port and data; resolves when it answers. */
  restart(args?: readonly string[]): Promise<void>;
  /** The error log so far. */
  log(): Promise<string>;
  /** Ends it for good, and removes the data unless the caller named the folder. */
  stop(): Promise<void>;
}

/**
 * Starts a real MySQL server on a free port of the loopback interface and waits until it answers.
 * The first call on a machine makes the root filesystem (40 s) and a template of the data (5 s).
 * @param options - see MysqldOptions
 * @throws MysqldError with the server's log when it ends or doesn't answer in time
 */
export async function startMysqld(options: MysqldOptions = {}): Promise<Mysqld> {
  // The path of a Unix socket has at most 107 bytes: in the caller's folder it could be too long.
  const temporary = await temporaryFolder('mysqld');
  const server = new LocalMysqld(options.dir ?? temporary, temporary, options.args ?? []);
  try {
    await server.prepare(options.progress ?? createProgress());
    await server.startOnFreePorts();
    return server;
  } catch (error) {
    await rm(temporary, {recursive: true, force: true});
    throw error;
  }
}

class LocalMysqld implements Mysqld {
  readonly host = '127.0.0.1';
  readonly rootUser = ROOT_ACCOUNT.user;
  readonly rootPassword = ROOT_ACCOUNT.password;
  readonly socket: string;
  readonly dataDir: string;
  readonly caFile: string;
  port = 0;
  adminPort = 0;
  readonly #dir: string;
  readonly #temporary: string;
  readonly #logFile: string;
  #args: readonly string[];
  #process: ServerProcess | undefined;

  constructor(dir: string, temporary: string, args: readonly string[]) {
    this.#dir = dir;
    this.#temporary = temporary;
    this.#args = args;
    this.#logFile = join(dir, 'mysqld.log');
    this.socket = join(temporary, 'mysqld.sock');
    this.dataDir = join(dir, 'data');
    this.caFile = join(this.dataDir, 'ca.pem');
  }

  async prepare(progress: Progress): Promise<void> {
    await mkdir(join(this.#dir, 'tmp'), {recursive: true});
    if (!(await exists(this.dataDir))) await cp(await templateDataFolder(progress), this.dataDir, {recursive: true});
  }

  async startOnFreePorts(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      [this.port, this.adminPort] = [await freePort(), await freePort()];
      try {
        await this.#start();
        return;
      } catch (error) {
        // Another process took a port between the look and the bind.
        const portTaken = error instanceof MysqldError && error.message.includes('Address already in use');
        if (!portTaken || attempt === 3) throw error;
        await rm(this.#logFile);
      }
    }
  }

  pid(): number | undefined {
    return this.#process?.hasExited() === false ? this.#process.pid : undefined;
  }

  async connect(database?: string): Promise<Connection> {
    return createConnection({host: this.host, port: this.port, ...ROOT_ACCOUNT, ...(database && {database})});
  }

  async createDatabase(): Promise<TestDatabase> {
    const database = `test_${randomBytes(4).toString('hex')}`;
    const password = randomBytes(12).toString('hex');
    const connection = await this.connect();
    try {
      await connection.query(`CREATE DATABASE ${database}`);
      await connection.query(`CREATE USER '${database}'@'%' IDENTIFIED BY '${password}'`);
      await connection.query(`GRANT ALL ON ${database}.* TO '${database}'@'%'`);
    } finally {
      await connection.end();
    }
    return {host: this.host, port: this.port, database, user: database, password};
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async kill9(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  async restart(args: readonly string[] = this.#args): Promise<void> {
    await this.#process?.end('SIGTERM');
    this.#args = args;
    await this.#start();
  }

  async log(): Promise<string> {
    return readFile(this.#logFile, 'utf8');
  }

  async stop(): Promise<void> {
    // What nobody will read again need not be shut down in order.
    await this.#process?.end(this.#dir === this.#temporary ? 'SIGKILL' : 'SIGTERM');
    await rm(this.#temporary, {recursive: true, force: true});
  }

  async #start(): Promise<void> {
    const server = spawnServer(await mysqlCommand('mysqld', [...this.#settings(), ...this.#args]));
    this.#process = server;
    try {
      await waitUntilReady(server, this.port, this.#logFile);
    } catch (error) {
      await server.end('SIGKILL');
      throw error;
    }
  }

  #settings(): string[] {
    return [
      ...[`--datadir=${this.dataDir}`, `--log-error=${this.#logFile}`, `--tmpdir=${join(this.#dir, 'tmp')}`],
      ...[`--socket=${this.socket}`, `--pid-file=${join(this.#temporary, 'mysqld.pid')}`],
      ...['--secure-file-priv=', '--mysqlx=OFF'],
      ...[`--bind-address=${this.host}`, `--port=${String(this.port)}`],
      ...[`--admin-address=${this.host}`, `--admin-port=${String(this.adminPort)}`],
      // Written at commit but not synced: all that was acknowledged outlives a kill -9, though not a crash of the machine.
      ...['--innodb-flush-log-at-trx-commit=2', '--sync-binlog=0'],
      // The defaults would take another 170 MB a server.
      ...['--innodb-buffer-pool-size=32M', '--innodb-redo-log-capacity=32M', '--innodb-log-buffer-size=1M'],
      ...['--table-open-cache=400', '--table-definition-cache=400'],
    ];
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
