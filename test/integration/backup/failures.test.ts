import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import {randomBytes} from 'node:crypto';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {startS3, type S3Server} from '../../harness/s3.ts';
import {waitFor} from '../../harness/wait.ts';
import {CuttingProxy} from './cutting-proxy.ts';
import {BackupStage, GRANTS, type Run} from './stage.ts';

// The first run on a machine builds the S3 server.
jest.setTimeout(900_000);

const BUCKET = 'backups';
const MIB = 1024 * 1024;

let stage: BackupStage;
let s3: S3Server;

beforeAll(async () => {
  [stage, s3] = await Promise.all([BackupStage.start(), startS3()]);
  await s3.createBucket(BUCKET);
  await stage.addIncompressible(12, 4 * MIB);
});

afterAll(async () => {
  await s3.stop();
  await stage.stop();
});

let listed: string[];

afterEach(() => stage.endRuns());

beforeEach(async () => {
  listed = await s3.keys(BUCKET);
});

/** Invariant 10: nothing that a failed run did is listed, and nothing takes up room. */
async function expectNothingNew(): Promise<void> {
  expect(await s3.keys(BUCKET)).toEqual(listed);
  expect(await s3.openUploads(BUCKET)).toEqual([]);
}

/** Stops the run with mysqldump in the middle of its work: it reads a table that the pipe has no room for. */
async function heldHalfWay(run: Run): Promise<number> {
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

/** Stops itself before it begins, until the test lets it go on. */
const WAITING = 'kill -STOP $$; mysqldump "$@"';

describe('a run comes to nothing, says why and leaves nothing', () => {
  afterEach(expectNothingNew);

  test('when mysqldump is killed half-way', async () => {
    const run = await stage.run(s3, {dump: WAITING});
    process.kill(await heldHalfWay(run), 'SIGKILL');
    run.program.kill('SIGCONT');
    expect(await run.result()).toMatchObject({
      outcome: 'Failed',
      reason: 'DumpFailed',
      message: 'mysqldump ended with exit code 137',
    });
  });

  test.each([
    ['TRIGGER', "REVOKE TRIGGER ON `tasks\\_db`.* FROM 'backup'@'%'"],
    ['SHOW VIEW', "REVOKE SHOW VIEW ON `tasks\\_db`.* FROM 'backup'@'%'"],
    ['EVENT', "REVOKE EVENT ON `tasks\\_db`.* FROM 'backup'@'%'"],
    ['SHOW_ROUTINE', "REVOKE SHOW_ROUTINE ON *.* FROM 'backup'@'%'"],
  ])('when the account lacks %s', async (privilege, revoke) => {
    await stage.query(revoke);
    try {
      const run = await stage.run(s3);
      expect(await run.result()).toMatchObject({
        reason: 'GrantMissing',
        message: `The backup's account lacks ${privilege} on "tasks_db"; without it a dump leaves objects out`,
      });
    } finally {
      await stage.query(...GRANTS);
    }
  });

  test('when mysqldump ends well but reports an error', async () => {
    const run = await stage.run(s3, {dump: 'mysqldump "$@" --masking-policies'});
    expect(await run.result()).toMatchObject({
      reason: 'DumpFailed',
      message: expect.stringContaining('exit code 0 but reports an error: mysqldump: Error: ') as unknown,
    });
  });

  test.each([
    ['a trigger', 'mysqldump "$@" --skip-triggers', 'The dump lacks TRIGGER guard'],
    ['a routine', 'mysqldump "$@" --skip-routines', 'The dump lacks FUNCTION seven, PROCEDURE tidy'],
    ['an event', 'mysqldump "$@" --skip-events', 'The dump lacks EVENT nightly'],
    ['a table', 'mysqldump "$@" --ignore-table=tasks_db.docs', 'The dump lacks TABLE docs, TRIGGER guard'],
    ['its end', '{ mysqldump "$@"; } | head -c -60', 'The stream ended before the end of the dump'],
  ])('when the dump lacks %s', async (_what, dump, message) => {
    const run = await stage.run(s3, {dump});
    expect(await run.result()).toEqual({outcome: 'Failed', reason: 'DumpIncomplete', message});
  });

  test('when mysqldump is of another major version', async () => {
    const run = await stage.run(s3, {dump: `mysqldump "$@" | sed '1,5s/Distrib 9/Distrib 8/'`});
    expect(await run.result()).toMatchObject({reason: 'ClientMismatch'});
  });

  test('when the schema is changed while it is dumped', async () => {
    const run = await stage.run(s3, {dump: WAITING});
    await heldHalfWay(run);
    await stage.query('CREATE TABLE late (id INT PRIMARY KEY)');
    run.program.kill('SIGCONT');
    expect(await run.result()).toMatchObject({
      reason: 'SchemaChanged',
      message: 'Created or dropped while the dump ran: TABLE late',
    });
    await stage.query('DROP TABLE late');
  });

  test('when the storage breaks the connection half-way', async () => {
    const proxy = await CuttingProxy.start(s3.port, 12 * MIB, (request) => request.startsWith('PUT '));
    const run = await stage.run({...credentials(), endpoint: proxy.endpoint});
    expect(await run.result()).toMatchObject({
      reason: 'StorageUnreachable',
      message: expect.stringContaining(
        'Bucket "backups": the storage does not answer, or breaks the connection',
      ) as unknown,
    });
    await proxy.stop();
  });

  test('when only the last object is refused', async () => {
    const proxy = await CuttingProxy.start(s3.port, 0, (request) => /^PUT .*manifest/.test(request));
    const run = await stage.run({...credentials(), endpoint: proxy.endpoint});
    expect(await run.result()).toMatchObject({reason: 'StorageUnreachable'});
    await proxy.stop();
  });

  test('when the bucket does not exist', async () => {
    const run = await stage.run(s3, {env: {S3_BUCKET: 'nowhere'}});
    expect(await run.result()).toMatchObject({
      reason: 'BucketMissing',
      message: 'Bucket "nowhere": it does not exist (NoSuchBucket, HTTP 404)',
    });
  });

  test.each([
    ['secret', {secretAccessKey: 'another-secret'}, 'SignatureDoesNotMatch'],
    ['id', {accessKeyId: 'another-id'}, 'InvalidAccessKeyId'],
  ])('when the credentials have a wrong %s', async (_what, wrong, code) => {
    const run = await stage.run({...credentials(), endpoint: s3.endpoint, ...wrong});
    const result = await run.result();
    expect(result).toMatchObject({
      reason: 'CredentialsRefused',
      message: `Bucket "backups": the storage refuses the credentials (${code}, HTTP 403)`,
    });
    expect(JSON.stringify(result)).not.toContain('another');
  });

  test('when the storage has no room', async () => {
    const small = await startS3({diskBytes: 24 * MIB});
    await small.createBucket(BUCKET);
    const run = await stage.run(small);
    expect(await run.result()).toMatchObject({
      reason: 'StorageFull',
      message: 'Bucket "backups": the storage has no room left (InsufficientStorage, HTTP 507)',
    });
    expect(await small.keys(BUCKET)).toEqual([]);
    expect(await small.openUploads(BUCKET)).toEqual([]);
    await small.stop();
  });

  test.each([
    ['is not there', undefined],
    ['is too short', randomBytes(16).toString('base64')],
  ])('when the key %s', async (_what, content) => {
    const id = content === undefined ? 'absent' : 'short';
    if (content !== undefined) await writeFile(join(stage.folder, 'keys', id), content);
    const run = await stage.run(s3, {env: {KEY_ID: id}});
    const result = await run.result();
    expect(result).toMatchObject({reason: 'KeyMissing'});
    if (content !== undefined) expect(JSON.stringify(result)).not.toContain(content);
  });

  test('when it is told to end', async () => {
    const run = await stage.run(s3, {dump: WAITING});
    const pid = await heldHalfWay(run);
    run.program.kill('SIGTERM');
    run.program.kill('SIGCONT');
    expect(await run.result()).toMatchObject({reason: 'Interrupted'});
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('a run beside others', () => {
  test('waits for one that is under way, and says so when that takes too long', async () => {
    const first = await stage.run(s3, {dump: WAITING});
    await heldHalfWay(first);
    const second = await stage.run(s3, {env: {LOCK_SECONDS: '1'}});
    expect(await second.result()).toMatchObject({reason: 'SchemaLocked'});
    first.program.kill('SIGCONT');
    expect(await first.result()).toMatchObject({outcome: 'Succeeded'});
    expect((await s3.keys(BUCKET)).filter((key) => !listed.includes(key))).toHaveLength(3);
    expect(await s3.openUploads(BUCKET)).toEqual([]);
  });

  test('aborts the upload of one that was killed', async () => {
    const killed = await stage.run(s3, {dump: WAITING});
    await heldHalfWay(killed);
    killed.program.kill('SIGKILL');
    expect(await killed.result()).toBeUndefined();
    expect(await s3.openUploads(BUCKET)).toHaveLength(1);
    expect(await s3.keys(BUCKET)).toEqual(listed);
    const next = await stage.run(s3);
    expect(await next.result()).toMatchObject({outcome: 'Succeeded'});
    expect(await s3.openUploads(BUCKET)).toEqual([]);
  });
});

function credentials(): {accessKeyId: string; secretAccessKey: string} {
  return {accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey};
}
