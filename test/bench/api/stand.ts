import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
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
  static async open(progress: Progress): Promise<Stand> {
    const folder = await mkdtemp(join(tmpdir(), 'bench-api-'));
    const mysql = await startMysqld({progress, args: ['--innodb-buffer-pool-size=128M']});
    const stand = new Stand(mysql, await mysql.createDatabase(), folder, await imageSettings(), progress);
    await bundle(PROGRAMS.api, join(folder, 'app'));
    await writeFile(join(folder, 'password'), stand.#database.password);
    await writeFile(join(folder, 'tokens'), `bench:${TOKEN}\n`);
    const migration = stand.#spawn(stand.#ours(['migrate']), {});
    const [code] = (await once(migration, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`the migration ended with ${String(code)}`);
    await stand.#seed();
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

  async #seed(): Promise<void> {
    const connection = await this.#mysql.connect(this.#database.database);
    try {
      for (let from = 0; from < SEEDED; from += 1000) {
        const rows = this.ids
          .slice(from, from + 1000)
          .map((id, index) => [
            id,
            `Inspect pump ${from + index}`,
            'x'.repeat(200),
            'open',
            new Date(0),
            new Date(0),
            1,
          ]);
        await connection.query(
          'INSERT INTO tasks (id, title, description, status, created_at, updated_at, version) VALUES ?',
          [rows],
        );
      }
    } finally {
      await connection.end();
    }
  }
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
