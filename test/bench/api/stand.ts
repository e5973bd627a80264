import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Connection} from 'mysql2/promise';
import {bundle, PROGRAMS} from '../../../hack/bundle.ts';
import {buildGo, type GoProgram} from '../../../hack/lib/go.ts';
import type {Progress} from '../../../hack/lib/progress.ts';
import {startMysqld, type Mysqld, type TestDatabase} from '../../harness/mysqld.ts';
import {freePort} from '../../harness/mysqld-process.ts';
import {waitFor} from '../../harness/wait.ts';

/** Every connection that a server may open to the database. */
const CONNECTIONS = 10;
/** Tasks in the table before the first request. */
const SEEDED = 10_000;
const READY_TIMEOUT_MS = 60_000;
const TOKEN = 'the-token-of-the-bench';

const GO_PEER: GoProgram = {
  name: 'tasks-peer',
  module: fileURLToPath(new URL('peers/go', import.meta.url)),
  path: '.',
  purpose: "builds the Go peer of the API's figures",
};

/** Who is measured. */
export type ServerName = 'ours' | 'express' | 'fastify' | 'go';

/** How the image of our service starts it. The peers on Node get the same environment. */
interface ImageSettings {
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A server under measurement. */
export interface Server {
  readonly origin: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Puts tasks into a new database. */
export type Fill = (empty: {
  readonly connection: Connection;
  /** Runs our service's migrations; with a number, only the first so many. */
  migrate(first?: number): Promise<void>;
}) => Promise<void>;

export interface StandOptions {
  /** Further options of mysqld. */
  readonly mysqld?: readonly string[];
  readonly fill?: Fill;
}

export interface StartOptions {
  /** Put before the server's command, as `[program, …arguments]`; it must become the command by exec. */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One MySQL server with one table of tasks, and the servers that are compared on it. */
export class Stand {
  readonly token = TOKEN;
  /** Of tasks in the table. */
  readonly ids: readonly string[];
  readonly #mysql: Mysqld;
  readonly #database: TestDatabase;
  readonly #folder: string;
  readonly #progress: Progress;
  readonly #image: ImageSettings;
  readonly #running = new Set<ChildProcess>();

  private constructor(mysql: Mysqld, database: TestDatabase, folder: string, image: ImageSettings, progress: Progress) {
    this.#image = image;
    this.#mysql = mysql;
    this.#database = database;
    this.#folder = folder;
    this.#progress = progress;
    this.ids = Array.from({length: SEEDED}, (_, index) => idOf(index));
  }

  /** Brings it up: a database with the release's schema and ten thousand tasks, and our service as its image has it. */
  static async open(
    progress: Progress,
    {mysqld = ['--innodb-buffer-pool-size=128M'], fill = seed}: StandOptions = {},
  ): Promise<Stand> {
    const folder = await mkdtemp(join(tmpdir(), 'bench-api-'));
    const mysql = await startMysqld({progress, args: mysqld});
    const stand = new Stand(mysql, await mysql.createDatabase(), folder, await imageSettings(), progress);
    await bundle(PROGRAMS.api, join(folder, 'app'));
    await writeFile(join(folder, 'password'), stand.#database.password);
    await writeFile(join(folder, 'tokens'), `bench:${TOKEN}\n`);
    const connection = await stand.connect();
    try {
      await fill({connection, migrate: async (first) => stand.#migrate(first)});
    } finally {
      await connection.end();
    }
    return stand;
  }

  /** Starts a server on a free port and waits until it answers a request that needs the database. */
  async start(name: ServerName, options: StartOptions = {}): Promise<Server> {
    const port = await freePort();
    const command = [...(options.wrapper ?? []), ...(await this.#command(name))];
    const child = this.#spawn(command, {PORT: String(port), ...options.env});
    const origin = `http://127.0.0.1:${port}`;
    const {pid} = child;
    if (pid === undefined) throw new Error(`${command.join(' ')} could not be started`);
    await waitFor(`${name} to answer`, () => this.#answers(child, origin), READY_TIMEOUT_MS, 20);
    return {origin, pid, stop: () => this.#end(child)};
  }

  /** A connection to the one database, for who looks at the rows or makes some. */
  connect(): Promise<Connection> {
    return this.#mysql.connect(this.#database.database);
  }

  /** Ends all that runs and removes what was made. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map(async (child) => this.#end(child)));
    await this.#mysql.stop();
    await rm(this.#folder, {recursive: true});
  }

  async #command(name: ServerName): Promise<readonly string[]> {
    switch (name) {
      case 'ours':
        return this.#ours([]);
      case 'express':
      case 'fastify':
        return [process.execPath, fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url))];
      case 'go':
        return [await buildGo(GO_PEER, this.#progress)];
    }
  }

  /** As the image starts it, but for where it lies. */
  #ours(args: readonly string[]): readonly string[] {
    const own = this.#image.entrypoint.slice(1).map((part) => part.replace(/^\/app\//, join(this.#folder, 'app/')));
    return [process.execPath, ...own, ...args];
  }

  #spawn([program = '', ...args]: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    // Ends with the bench, in whichever way that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      env: {
        PATH: process.env['PATH'],
        ...this.#image.env,
        METRICS_PORT: '0',
        LISTEN_HOST: '127.0.0.1',
        DRAIN_SECONDS: '0',
        API_TOKENS_FILE: join(this.#folder, 'tokens'),
        TOKEN,
        DB_HOST: this.#database.host,
        DB_PORT: String(this.#database.port),
        DB_NAME: this.#database.database,
        DB_USER: this.#database.user,
        DB_PASSWORD_FILE: join(this.#folder, 'password'),
        DB_PASSWORD: this.#database.password,
        DB_POOL_SIZE: String(CONNECTIONS),
        ...env,
      },
      // Its log costs what writing it costs in a container: the kernel's copy into a pipe, which somebody empties.
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.resume();
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  async #end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async #answers(child: ChildProcess, origin: string): Promise<true | undefined> {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const answer = await fetch(`${origin}/api/v1/tasks?limit=1`, {headers: {authorization: `Bearer ${TOKEN}`}});
    await answer.text();
    return answer.status === 200 ? true : undefined;
  }

  async #migrate(first?: number): Promise<void> {
    const folder = join(this.#folder, 'app/migrations');
    const env: Record<string, string> = {MIGRATE_TIMEOUT_SECONDS: '3600'};
    if (first !== undefined) {
      env['MIGRATIONS_DIR'] = join(this.#folder, 'first-migrations');
      await mkdir(env['MIGRATIONS_DIR']);
      for (const file of (await readdir(folder)).sort().slice(0, first)) {
        await cp(join(folder, file), join(env['MIGRATIONS_DIR'], file));
      }
    }
    const migration = this.#spawn(this.#ours(['migrate']), env);
    const [code] = (await once(migration, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`the migration ended with ${String(code)}`);
  }
}

/** Ten thousand tasks. */
const seed: Fill = async ({connection, migrate}) => {
  await migrate();
  for (let from = 0; from < SEEDED; from += 1000) {
    const numbers = Array.from({length: 1000}, (_, index) => from + index);
    await connection.query(`INSERT INTO tasks (${SEED_COLUMNS}) VALUES ?`, [numbers.map(seedRow)]);
    const labels = numbers.flatMap((number) => seedLabels(number).map((label) => [label, idOf(number)]));
    await connection.query('INSERT INTO task_labels (label, task_id) VALUES ?', [labels]);
  }
};

const SEED_COLUMNS =
  'id, title, description, status, priority, due_at, assignee, labels, created_at, updated_at, version, created_by';

/** Every second task has what a task need not have. */
function seedRow(number: number): readonly unknown[] {
  const more = number % 2 === 0;
  const at = new Date(Date.UTC(2026, 0, 1) + number * 60_000);
  const due = more ? new Date(at.getTime() + 7 * 24 * 3600 * 1000) : null;
  const labels = more ? JSON.stringify(seedLabels(number)) : null;
  const texts = [idOf(number), `Inspect pump ${number}`, 'x'.repeat(200), 'open'];
  return [...texts, number % 4, due, more ? `team-${number % 7}` : null, labels, at, at, 1, 'bench'];
}

function seedLabels(number: number): readonly string[] {
  return number % 2 === 0 ? ['pump', `site-${number % 100}`] : [];
}

/** An id of version 7 from the first milliseconds of the epoch. */
function idOf(index: number): string {
  return `00000000-${index.toString(16).padStart(4, '0')}-7000-8000-000000000000`;
}

async function imageSettings(): Promise<ImageSettings> {
  const dockerfile = (await readFile(new URL('../../../Dockerfile.api', import.meta.url), 'utf8')).replaceAll(
    '\\\n',
    ' ',
  );
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1];
  const env = /^ENV (.*)$/m.exec(dockerfile)?.[1];
  if (entrypoint === undefined || env === undefined) throw new Error('Dockerfile.api has no ENTRYPOINT or no ENV');
  const pairs = env
    .trim()
    .split(/\s+/)
    .map((pair) => pair.split('=') as [string, string]);
  return {entrypoint: JSON.parse(entrypoint) as string[], env: Object.fromEntries(pairs)};
}
