import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {requirePrograms} from '../../../hack/lib/apt.ts';
import {run} from '../../../hack/lib/exec.ts';
import type {Progress} from '../../../hack/lib/progress.ts';
import {DumpScanner} from '../../../operator/src/backup/dump-scanner.ts';
import {startS3, type S3Server} from '../../harness/s3.ts';
import {BackupStage, type Memory} from '../../integration/backup/stage.ts';
import {percentile} from '../statistics.ts';

/** Rows of about 1 kB each, a gigabyte of dump: text as people write it, with what can't be made smaller in between. */
const ROWS = 1_000_000;
const ROWS_A_STATEMENT = 50_000;
const PAIRS = 3;

/** How making a backup of a gigabyte went. */
export interface BackupFigures {
  /** The median of pairs: the plain pipeline's time by ours. */
  readonly ratio: number;
  /** Medians, in milliseconds. */
  readonly ours: number;
  readonly pipeline: number;
  readonly dumpBytes: number;
  /** The most memory that the stream program had. */
  readonly peak: Memory;
  /** Counting and hashing alone, in milliseconds. */
  readonly scan: number;
}

/** Makes backups and runs `mysqldump | zstd -3 | <S3 client>` in turn, on the same database and storage. */
export async function measureBackup(progress: Progress): Promise<BackupFigures> {
  await requirePrograms([{file: 'zstd', debianPackage: 'zstd', purpose: 'the pipeline to compare with'}], progress);
  const s3 = await startS3();
  try {
    const stage = await BackupStage.start();
    try {
      await s3.createBucket('backups');
      await progress.run('a database of a gigabyte', async () => fill(stage));
      return await progress.run(`${String(PAIRS)} backups and pipelines`, async () => compare(stage, s3));
    } finally {
      await stage.stop();
    }
  } finally {
    await s3.stop();
  }
}

async function fill(stage: BackupStage): Promise<void> {
  await stage.query(
    'CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, token CHAR(64), title VARCHAR(99), body TEXT)',
    'SET SESSION cte_max_recursion_depth = 100000',
    ...Array<string>(ROWS / ROWS_A_STATEMENT).fill(`
      INSERT INTO notes (token, title, body)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${String(ROWS_A_STATEMENT)})
      SELECT SHA2(RAND(), 256), CONCAT('Inspect pump ', i),
        CONCAT(REPEAT(CONCAT('The seal of pump ', FLOOR(RAND() * 1000), ' isn''t tight; see (', i, '). '), 12), SHA2(RAND(), 512), SHA2(RAND(), 512))
      FROM n`),
  );
}

async function compare(stage: BackupStage, s3: S3Server): Promise<BackupFigures> {
  const [ours, pipelines, ratios]: [number[], number[], number[]] = [[], [], []];
  let peak: Memory = {resident: 0, anonymous: 0};
  let dumpBytes = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const startedAt = performance.now();
    const backup = await stage.run(s3);
    const result = await backup.result();
    const mine = performance.now() - startedAt;
    if (result?.outcome !== 'Succeeded') throw new Error(`no backup was made: ${JSON.stringify(result)}`);
    const theirs = await pipeline(stage, s3, `pipeline-${String(pair)}`);
    ours.push(mine);
    pipelines.push(theirs);
    ratios.push(theirs / mine);
    const {resident, anonymous} = backup.peak();
    peak = {resident: Math.max(peak.resident, resident), anonymous: Math.max(peak.anonymous, anonymous)};
    ({dumpBytes} = result);
  }
  return {
    ratio: percentile(ratios, 50),
    ours: percentile(ours, 50),
    pipeline: percentile(pipelines, 50),
    dumpBytes,
    peak,
    scan: await scanAlone(stage),
  };
}

async function pipeline(stage: BackupStage, s3: S3Server, key: string): Promise<number> {
  const put = [process.execPath, join(import.meta.dirname, 'put.ts'), s3.endpoint, 'backups', key];
  const command = `set -o pipefail; ${quoted(await stage.dumpCommand())} | zstd -3 -q | ${quoted(put)}`;
  const startedAt = performance.now();
  await run(['bash', '-c', command], {
    env: {...process.env, S3_ACCESS_KEY_ID: s3.accessKeyId, S3_SECRET_ACCESS_KEY: s3.secretAccessKey},
  });
  return performance.now() - startedAt;
}

/** What the scanner takes for the same dump, read from a file in pieces of the size that a pipe gives. */
async function scanAlone(stage: BackupStage): Promise<number> {
  const file = join(stage.folder, 'dump.sql');
  await run(['bash', '-c', `${quoted(await stage.dumpCommand())} >${quoted([file])}`]);
  const scanner = new DumpScanner();
  let milliseconds = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    const startedAt = performance.now();
    scanner.push(chunk);
    milliseconds += performance.now() - startedAt;
  }
  const {complete, bytes} = scanner.end();
  if (!complete || bytes !== (await stat(file)).size) throw new Error('the scanned dump was not whole');
  return milliseconds;
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}
