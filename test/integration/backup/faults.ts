import {expect} from '@jest/globals';
import {readFile} from 'node:fs/promises';
import type {RunFailureReason, RunResult} from '../../../operator/src/api/v1alpha1/backup-run.ts';
import {startS3, type S3Server} from '../../harness/s3.ts';
import {waitFor} from '../../harness/wait.ts';
import {CuttingProxy, type Harm, type Harming} from './cutting-proxy.ts';
import {GRANTS, type BackupStage, type Run} from './stage.ts';

/*
 * What can be wrong with a backup, with the real program on a real database and a real storage. Rows of {@link LARGE} must
 * be in the database.
 */
export const BUCKET = 'backups';
const MIB = 1024 * 1024;
/** More than the pipe and the parts under way hold, so that a run can be stopped in its middle. */
export const LARGE = {count: 12, bytes: 4 * MIB} as const;
export const HALF_WAY = 12 * MIB;

/** Stops itself before it begins, until the test lets it go on. */
export const WAITING = 'kill -STOP $$; mysqldump "$@"';

export interface BackupFault {
  /** Runs into it. @returns what the program said */
  readonly run: (stage: BackupStage, s3: S3Server) => Promise<RunResult | undefined>;
  readonly reason: RunFailureReason;
  readonly message: string;
}

/** Stops the run with mysqldump in the middle of its work: it reads a table that the pipe has no room for. */
export async function heldHalfWay(stage: BackupStage, run: Run): Promise<number> {
  const pid = await run.dumpPid();
  await waitFor(
    'mysqldump waits to be let go',
    async () => ((await stateOf(pid)) === 'T' ? true : undefined),
    60_000,
    20,
  );
  run.program.kill('SIGSTOP');
  process.kill(pid, 'SIGCONT');
  await waitFor(
    'mysqldump reads the large table',
    async () => {
      const [{n}] = await stage.query<[{n: number}]>(
        "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE USER = 'backup' AND INFO LIKE 'SELECT%FROM `bulk`%'",
      );
      return n > 0 ? true : undefined;
    },
    60_000,
    50,
  );
  return pid;
}

async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).slice(0, 1);
}

/** With an S3 server that harms requests. */
export async function harmed(stage: BackupStage, s3: S3Server, harming: Harming): Promise<RunResult | undefined> {
  const proxy = await CuttingProxy.start(s3.port, harming);
  const {accessKeyId, secretAccessKey} = s3;
  const run = await stage.run({accessKeyId, secretAccessKey, endpoint: proxy.endpoint});
  const result = await run.result();
  await proxy.stop();
  return result;
}

/** Harms requests that look so. */
const on =
  (pattern: RegExp, harm: Harm): Harming['harm'] =>
  (request) =>
    pattern.test(request) ? harm : undefined;

/** Each by how it is told after "when". */
export const backupFaults: Readonly<Record<string, BackupFault>> = {
  'mysqldump is killed half-way': {
    run: async (stage, s3) => {
      const run = await stage.run(s3, {dump: WAITING});
      process.kill(await heldHalfWay(stage, run), 'SIGKILL');
      run.program.kill('SIGCONT');
      return run.result();
    },
    reason: 'DumpFailed',
    message: 'mysqldump ended with exit code 137',
  },
  'the account lacks TRIGGER': {
    run: async (stage, s3) => {
      await stage.query("REVOKE TRIGGER ON `tasks\\_db`.* FROM 'backup'@'%'");
      try {
        return await (await stage.run(s3)).result();
      } finally {
        await stage.query(...GRANTS);
      }
    },
    reason: 'GrantMissing',
    message: `The backup's account lacks TRIGGER on "tasks_db"; without it a dump leaves objects out`,
  },
  'another one is under way': {
    run: async (stage, s3) => {
      const first = await stage.run(s3, {dump: WAITING});
      await heldHalfWay(stage, first);
      const second = await stage.run(s3, {env: {LOCK_SECONDS: '1'}});
      const result = await second.result();
      first.program.kill('SIGTERM');
      first.program.kill('SIGCONT');
      expect(await first.result()).toMatchObject({reason: 'Interrupted'});
      return result;
    },
    reason: 'SchemaLocked',
    message: 'Another backup or a migration',
  },
  'it is told to end': {
    run: async (stage, s3) => {
      const run = await stage.run(s3, {dump: WAITING});
      const pid = await heldHalfWay(stage, run);
      run.program.kill('SIGTERM');
      run.program.kill('SIGCONT');
      const result = await run.result();
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
      return result;
    },
    reason: 'Interrupted',
    message: 'The run was told to end by SIGTERM',
  },
  'the disk that its containers share is full': {
    run: async (stage, s3) => (await stage.run(s3, {fullDisk: true})).result(),
    reason: 'DiskFull',
    message:
      'The folder that the containers of the backup share has no room left: how mysqldump ended could not be written there',
  },
  'the storage breaks the connection half-way': {
    run: (stage, s3) => harmed(stage, s3, {afterBytes: HALF_WAY, harm: on(/^PUT /, 'Break')}),
    reason: 'StorageUnreachable',
    message: 'Bucket "backups": the storage does not answer, or breaks the connection',
  },
  'the storage refuses to put the parts together': {
    run: (stage, s3) => harmed(stage, s3, {afterBytes: 0, harm: on(/^POST [^ ]*uploadId=/, 'Forge')}),
    reason: 'CredentialsRefused',
    message: 'Bucket "backups": the storage refuses the credentials (SignatureDoesNotMatch, HTTP 403)',
  },
  'only the last object is refused': {
    run: (stage, s3) => harmed(stage, s3, {afterBytes: 0, harm: on(/^PUT .*manifest/, 'Break')}),
    reason: 'StorageUnreachable',
    message: 'Bucket "backups": the storage does not answer, or breaks the connection',
  },
  'the storage has no room': {
    run: async (stage) => {
      const small = await startS3({diskBytes: 24 * MIB});
      await small.createBucket(BUCKET);
      const result = await (await stage.run(small)).result();
      expect([await small.keys(BUCKET), await small.openUploads(BUCKET)]).toEqual([[], []]);
      await small.stop();
      return result;
    },
    reason: 'StorageFull',
    message: 'Bucket "backups": the storage has no room left (InsufficientStorage, HTTP 507)',
  },
  'the bucket does not exist': {
    run: async (stage, s3) => (await stage.run(s3, {env: {S3_BUCKET: 'nowhere'}})).result(),
    reason: 'BucketMissing',
    message: 'Bucket "nowhere": it does not exist (NoSuchBucket, HTTP 404)',
  },
  'the credentials have a wrong secret': {
    run: async (stage, {accessKeyId, endpoint}) =>
      (await stage.run({accessKeyId, endpoint, secretAccessKey: 'another-secret'})).result(),
    reason: 'CredentialsRefused',
    message: 'Bucket "backups": the storage refuses the credentials (SignatureDoesNotMatch, HTTP 403)',
  },
};
