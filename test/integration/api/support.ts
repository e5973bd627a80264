import {spawn, type ChildProcess} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {mkdir, mkdtemp, rename, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import type {HistoryEntry, Task} from '../../../api-server/src/tasks/schema.ts';
import type {Mysqld, TestDatabase} from '../../harness/mysqld.ts';

/** The server as it lies here. */
const SERVER = [process.execPath, fileURLToPath(new URL('../../../api-server/src/server.ts', import.meta.url))];
const POLL_MS = 25;
const WAIT_MS = 20_000;

/** Waits until a probe gives something, and says what was waited for when it never does. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  waitMs = WAIT_MS,
): Promise<T> {
  const end = performance.now() + waitMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    await delay(POLL_MS);
  }
  throw new Error(`Never came: ${what}; last error: ${String(last)}`, {cause: last});
}

/** What the tests look at in any answer: a task, a page of tasks or of changes, or a problem. */
export interface AnswerBody extends Task {
  readonly items: readonly (Task & HistoryEntry)[];
  readonly nextCursor: string | null;
  readonly code: string;
  readonly description: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnswerBody;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly token?: string | undefined;
}

/** One process of the API server, or of its `migrate` argument. */
export class ApiProcess {
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #token: string;
  #log = '';

  constructor(command: readonly string[], env: Record<string, string>, token: string) {
    // Ends with the test, in whichever way the test ends.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
      env: {PATH: process.env['PATH'], ...env},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
    }
    this.#token = token;
    this.exited = once(this.#child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  }

  get log(): string {
    return this.#log;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  /** The value of a field in the log's first line that has it. */
  logged(field: string): unknown {
    for (const line of this.#log.split('\n').filter((text) => text.startsWith('{'))) {
      const entry = JSON.parse(line) as Record<string, unknown>;
      if (entry[field] !== undefined) return entry[field];
    }
    return undefined;
  }

  async listening(): Promise<this> {
    await eventually('the server to listen', () => {
      if (!this.running) throw new Error(`The server ended:\n${this.#log}`);
      return this.logged('port') as number | undefined;
    });
    return this;
  }

  async ready(): Promise<this> {
    await this.listening();
    await eventually('the server to be ready', async () => (await this.isReady()) || undefined);
    return this;
  }

  async isReady(): Promise<boolean> {
    return (await fetch(this.url('/health/ready'))).status === 200;
  }

  url(path: string): string {
    return `http://127.0.0.1:${String(this.logged('port'))}${path}`;
  }

  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const token = 'token' in options ? options.token : this.#token;
    const response = await fetch(this.url(path), {
      method,
      headers: {
        ...(token === undefined ? {} : {authorization: `Bearer ${token}`}),
        ...(options.body === undefined ? {} : {'content-type': 'application/json'}),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : {body: JSON.stringify(options.body)}),
    });
    const text = await response.text();
    return {status: response.status, headers: response.headers, body: JSON.parse(text || '{}') as AnswerBody};
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${String(this.logged('metricsPort'))}/metrics`)).text();
  }
}

/** Asks a server for a new task; with its own token unless told. */
export function createTask(api: ApiProcess, title: string, token?: string): Promise<Answer> {
  return api.request('POST', '/api/v1/tasks', {body: {title}, ...(token !== undefined && {token})});
}

/** Replaces a mounted file as kubelet does: a new folder, and the symbolic link `..data` swapped over to it. */
export async function mount(folder: string, file: string, content: string): Promise<void> {
  const version = `..${randomBytes(4).toString('hex')}`;
  await mkdir(join(folder, version), {recursive: true});
  await writeFile(join(folder, version, file), content);
  await symlink(version, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
}

/** A folder of mounted files and the environment that names them, for any number of processes on one database. */
export class ApiSetting {
  readonly folder: string;
  readonly database: TestDatabase;
  readonly token = `test-${randomBytes(16).toString('hex')}`;
  readonly #processes: ApiProcess[] = [];
  readonly #env: Record<string, string>;
  readonly #server: readonly string[];

  private constructor(folder: string, database: TestDatabase, env: Record<string, string>, server: readonly string[]) {
    this.#server = server;
    this.folder = folder;
    this.database = database;
    this.#env = {
      PORT: '0',
      METRICS_PORT: '0',
      LISTEN_HOST: '127.0.0.1',
      DB_HOST: database.host,
      DB_PORT: String(database.port),
      DB_NAME: database.database,
      DB_USER: database.user,
      DB_PASSWORD_FILE: join(folder, 'password'),
      API_TOKENS_FILE: join(folder, 'tokens'),
      API_TOKENS_RELOAD_SECONDS: '0.1',
      READINESS_INTERVAL_SECONDS: '0.2',
      MIGRATE_RETRY_SECONDS: '0.3',
      MIGRATE_TIMEOUT_SECONDS: '60',
      DRAIN_SECONDS: '0',
      ...env,
    };
  }

  /** @param server - the command of the server, as it must be for those who need it as the image has it */
  static async create(
    mysql: Mysqld,
    env: Record<string, string> = {},
    server: readonly string[] = SERVER,
  ): Promise<ApiSetting> {
    const folder = await mkdtemp(join(tmpdir(), 'api-server-'));
    const setting = new ApiSetting(folder, await mysql.createDatabase(), env, server);
    await writeFile(join(folder, 'password'), `${setting.database.password}\n`);
    await setting.mountTokens(`tests:${setting.token}\n`);
    return setting;
  }

  /** Replaces the file of tokens. */
  async mountTokens(content: string): Promise<void> {
    await mount(this.folder, 'tokens', content);
    await symlink('..data/tokens', join(this.folder, 'tokens')).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }

  start(env: Record<string, string> = {}): ApiProcess {
    return this.#spawn([], env);
  }

  migrate(env: Record<string, string> = {}): ApiProcess {
    return this.#spawn(['migrate'], env);
  }

  /** Migrates and starts a server that is ready. */
  async up(env: Record<string, string> = {}): Promise<ApiProcess> {
    const migration = this.migrate();
    if ((await migration.exited) !== 0) throw new Error(`migrate failed:\n${migration.log}`);
    return this.start(env).ready();
  }

  /** Ends every process, and fails if any of them ever wrote a secret. */
  async close(secrets: readonly string[] = []): Promise<void> {
    for (const process of this.#processes) {
      if (process.running) await process.kill9();
    }
    await rm(this.folder, {recursive: true});
    for (const secret of [this.token, this.database.password, ...secrets]) {
      const leak = this.#processes.find(({log}) => log.includes(secret));
      if (leak !== undefined) throw new Error(`A secret is in a log:\n${leak.log}`);
    }
  }

  #spawn(args: readonly string[], env: Record<string, string>): ApiProcess {
    const process = new ApiProcess([...this.#server, ...args], {...this.#env, ...env}, this.token);
    this.#processes.push(process);
    return process;
  }
}
