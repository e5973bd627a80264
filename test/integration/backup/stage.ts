import {spawn, type ChildProcess} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {chmod, mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {bundle, type Program} from '../../../hack/bundle.ts';
import {temporaryFolder} from '../../../hack/images/temporary.ts';
import {readPidFile} from '../../../hack/lib/exec.ts';
import {dumpScript} from '../../../operator/src/backup/dump-script.ts';
import type {RunResult} from '../../../operator/src/api/v1alpha1/backup-run.ts';
import {mysqlCommand} from '../../harness/mysql-programs.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import type {S3Server} from '../../harness/s3.ts';
import {waitFor} from '../../harness/wait.ts';
import {fullDisk} from './full-disk.ts';

/** As the image has it: the sources themselves take twice the memory to load. */
const PROGRAM: Program = {name: 'backup', entry: 'operator/src/backup/main.ts', output: 'backup.mjs', folders: []};
/** As docs/how-to/back-up-by-hand.md says. */
const FLAGS = ['--max-semi-space-size=1'];
const ACCOUNT = {user: 'backup', password: randomBytes(16).toString('hex')};
export const DATABASE = 'tasks_db';
export const KEY_ID = 'k1';
/** Stands in the data and must not be readable in the bucket. */
export const MARKER = 'plaintext-marker-5e1f';
export const GRANTS = [
  "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `tasks\\_db`.* TO 'backup'@'%'",
  "GRANT SHOW_ROUTINE ON *.* TO 'backup'@'%'",
];

/** What mysqldump's place is taken by; `"$@"` are its arguments, `mysqldump` is itself. */
export type DumpCommand = string;

export interface RunOptions {
  /** Settings that differ from the stage's. */
  readonly env?: Readonly<Record<string, string>>;
  /** A shell's words; the real mysqldump with its arguments when left out. */
  readonly dump?: DumpCommand;
  /** The disk that both processes share has no room. */
  readonly fullDisk?: boolean;
}

/** Of a process, in MiB. */
export interface Memory {
  /** With the pages of the files that it runs from. */
  readonly resident: number;
  /** Its own pages alone: what a limit on a container counts and can't take back. */
  readonly anonymous: number;
}

/** One run: the two processes that are two containers in a cluster. */
export interface Run {
  readonly id: string;
  /** The stream program. */
  readonly program: ChildProcess;
  /** Of mysqldump, once it was started. */
  dumpPid(): Promise<number>;
  /** The most memory that the stream program had so far. */
  peak(): Memory;
  /** What it told, when both processes have ended; undefined when it was killed before it could. */
  result(): Promise<RunResult | undefined>;
  stderrOfDump(): Promise<string>;
}

/** A database with an account for backups, a key and a folder for runs. */
export class BackupStage {
  readonly mysql: Mysqld;
  readonly folder: string;
  readonly keyFile: string;
  #runs = 0;
  readonly #processes: ChildProcess[] = [];

  private constructor(mysql: Mysqld, folder: string) {
    this.mysql = mysql;
    this.folder = folder;
    this.keyFile = join(folder, 'keys', KEY_ID);
  }

  static async start(): Promise<BackupStage> {
    const mysql = await startMysqld();
    const stage = new BackupStage(mysql, await temporaryFolder('backup'));
    await bundle(PROGRAM, join(stage.folder, 'app'));
    await stage.#fill();
    return stage;
  }

  async stop(): Promise<void> {
    this.endRuns();
    await this.mysql.stop();
    await rm(this.folder, {recursive: true, force: true});
  }

  /** Ends what a test that failed left running: it would hold the schema lock against the others. */
  endRuns(): void {
    for (const process of this.#processes.splice(0)) process.kill('SIGKILL');
  }

  async query<T>(...statements: readonly string[]): Promise<T> {
    const connection = await this.mysql.connect(DATABASE);
    try {
      let rows: unknown;
      for (const statement of statements) [rows] = await connection.query(statement);
      return rows as T;
    } finally {
      await connection.end();
    }
  }

  /** Starts both processes of a run. */
  async run(
    s3: Pick<S3Server, 'endpoint' | 'accessKeyId' | 'secretAccessKey'>,
    options: RunOptions = {},
  ): Promise<Run> {
    const id = `run-${String(++this.#runs)}`;
    const folder = join(this.folder, id);
    const bin = join(folder, 'bin');
    for (const name of ['handover', 'tmp', 's3', 'bin']) await mkdir(join(folder, name), {recursive: true});
    await writeFile(join(folder, 's3/accessKeyId'), s3.accessKeyId);
    await writeFile(join(folder, 's3/secretAccessKey'), s3.secretAccessKey);
    await this.#installDump(bin, join(folder, 'dump.pid'), options.dump ?? 'mysqldump "$@"');
    const env = {
      // As in the image.
      ...{NODE_ENV: 'production', MALLOC_ARENA_MAX: '1'},
      ...{PATH: `${bin}:${process.env['PATH'] ?? ''}`, TMPDIR: join(folder, 'tmp'), HANDOVER: join(folder, 'handover')},
      ...{BACKUP_ID: id, BACKUP_NAMESPACE: 'team-a', BACKUP_NAME: 'tasks', BACKUP_UID: 'uid-1', LOG_LEVEL: 'warn'},
      ...{DB_HOST: this.mysql.host, DB_PORT: String(this.mysql.port), DB_NAME: DATABASE},
      // The server's certificate is its own, of no host.
      ...{SSL_MODE: 'VERIFY_CA', CA_FILE: this.mysql.caFile, CREDENTIALS: join(this.folder, 'account')},
      ...{S3_ENDPOINT: s3.endpoint, S3_BUCKET: 'backups', S3_PREFIX: 'cluster-1', S3_FORCE_PATH_STYLE: 'true'},
      ...{S3_CREDENTIALS: join(folder, 's3'), KEYS: join(this.folder, 'keys'), KEY_ID},
      ...{TERMINATION_LOG: join(folder, 'result'), ...options.env},
    };
    const disk = options.fullDisk === true ? await fullDisk(env.HANDOVER, folder) : undefined;
    const enter = disk?.enter ?? [];
    const start = (command: readonly [string, ...string[]]): ChildProcess =>
      spawn('setpriv', ['--pdeathsig', 'KILL', ...enter, ...command], {env, stdio: ['ignore', 'ignore', 'inherit']});
    const dump = start(['sh', '-c', dumpScript]);
    const program = start([process.execPath, ...FLAGS, join(this.folder, 'app', PROGRAM.output)]);
    this.#processes.push(dump, program, ...(disk === undefined ? [] : [disk.holder]));
    const ended = Promise.all([once(dump, 'exit'), once(program, 'exit')]);
    let peak: Memory = {resident: 0, anonymous: 0};
    const watch = setInterval(() => {
      void memoryOf(program.pid ?? 0).then(({resident, anonymous}) => {
        peak = {resident: Math.max(peak.resident, resident), anonymous: Math.max(peak.anonymous, anonymous)};
      });
    }, 20);
    void ended.finally(() => clearInterval(watch));
    return {
      id,
      program,
      dumpPid: async () =>
        waitFor('mysqldump is started', async () => (await readPidFile(join(folder, 'dump.pid')))?.pid, 60_000, 20),
      peak: () => peak,
      result: async () => {
        await ended;
        const text = await readFile(join(folder, 'result'), 'utf8').catch(() => undefined);
        return text === undefined ? undefined : (JSON.parse(text) as RunResult);
      },
      stderrOfDump: async () => readFile(join(folder, 'handover/stderr'), 'utf8'),
    };
  }

  /** The words of a command that dumps the database to its standard output, as the run's does. */
  async dumpCommand(): Promise<[string, ...string[]]> {
    return mysqlCommand('mysqldump', [
      ...[`--host=${this.mysql.host}`, `--port=${String(this.mysql.port)}`, '--ssl-mode=REQUIRED'],
      ...[`--user=${ACCOUNT.user}`, `--password=${ACCOUNT.password}`],
      ...['--single-transaction', '--set-gtid-purged=OFF', '--no-tablespaces', '--hex-blob', '--order-by-primary'],
      ...['--routines', '--triggers', '--events', '--loose-skip-masking-policies', DATABASE],
    ]);
  }

  /** A row of about `bytes` that no compressor makes smaller, `count` times. */
  async addIncompressible(count: number, bytes: number): Promise<void> {
    const connection = await this.mysql.connect(DATABASE);
    for (let row = 0; row < count; row++)
      await connection.query('INSERT INTO bulk (body) VALUES (?)', [randomBytes(bytes / 2)]);
    await connection.end();
  }

  async #installDump(bin: string, pidFile: string, command: string): Promise<void> {
    const [loader, ...rest] = await mysqlCommand('mysqldump', []);
    // An option file has to be named first; the harness says that there is none.
    const [flag, libraries, program, , ...options] = rest;
    const real = [loader, flag, libraries, program].join(' ');
    const script = [
      '#!/bin/sh',
      `read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ start _ </proc/$$/stat`,
      `echo "$$ $start" >${pidFile}`,
      // In place of the shell, so that the pid is mysqldump's.
      `mysqldump() { first=$1; shift; ${command.includes('|') ? '' : 'exec '}${real} "$first" ${options.join(' ')} "$@"; }`,
      command,
      '',
    ].join('\n');
    await writeFile(join(bin, 'mysqldump'), script);
    await chmod(join(bin, 'mysqldump'), 0o755);
  }

  async #fill(): Promise<void> {
    for (const name of ['keys', 'account']) await mkdir(join(this.folder, name));
    await writeFile(this.keyFile, randomBytes(32).toString('base64'));
    await writeFile(join(this.folder, 'account/username'), ACCOUNT.user);
    await writeFile(join(this.folder, 'account/password'), ACCOUNT.password);
    const connection = await this.mysql.connect();
    for (const statement of [
      `CREATE DATABASE ${DATABASE}`,
      `USE ${DATABASE}`,
      `CREATE USER 'backup'@'%' IDENTIFIED BY '${ACCOUNT.password}' REQUIRE SSL`,
      ...GRANTS,
      'CREATE TABLE schema_migrations (version INT UNSIGNED PRIMARY KEY)',
      'INSERT INTO schema_migrations VALUES (1), (7)',
      'CREATE TABLE `we``ird` (id INT PRIMARY KEY, a VARCHAR(99), b VARBINARY(9), g INT AS (id + 1) STORED)',
      `INSERT INTO \`we\`\`ird\` (id, a, b) VALUES (1, '${MARKER}', 0x00ff27), (2, 'a),(b''; \\\\ -- (', NULL), (3, '\\n-- Table structure for table \`x\`', '')`,
      'CREATE TABLE bulk (id INT AUTO_INCREMENT PRIMARY KEY, body LONGBLOB)',
      `CREATE TABLE docs (id INT PRIMARY KEY, j JSON, d DECIMAL(10,2), p POINT, t DATETIME(6))`,
      `INSERT INTO docs VALUES (1, '{"a": "(é)"}', 1.5, ST_GeomFromText('POINT(1 2)'), '2026-02-03 04:05:06.789012'), (2, NULL, -1, NULL, NULL)`,
      "CREATE VIEW names AS SELECT id, a FROM `we``ird` WHERE a <> ';'",
      "CREATE TRIGGER guard BEFORE INSERT ON docs FOR EACH ROW BEGIN\n-- it's (\n SET NEW.d = IFNULL(NEW.d, 0); END",
      'CREATE PROCEDURE tidy() BEGIN DELETE FROM docs WHERE id > 1000; END',
      "CREATE FUNCTION seven() RETURNS INT DETERMINISTIC COMMENT '('\nRETURN 7",
      'CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO CALL tidy()',
    ])
      await connection.query(statement);
    await connection.end();
  }
}

/** Resident is the peak that the kernel has noted, anonymous what there is now; 0 when the process is gone. */
async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => '');
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return {resident: read('VmHWM'), anonymous: read('RssAnon')};
}
