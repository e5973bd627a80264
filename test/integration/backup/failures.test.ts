import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import {randomBytes} from 'node:crypto';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {startS3, type S3Server} from '../../harness/s3.ts';
import {backupFaults, BUCKET, HALF_WAY, harmed, heldHalfWay, LARGE, WAITING} from './faults.ts';
import {BackupStage, GRANTS} from './stage.ts';

// The first run on a machine builds the S3 server.
jest.setTimeout(900_000);

let stage: BackupStage;
let s3: S3Server;

beforeAll(async () => {
  [stage, s3] = await Promise.all([BackupStage.start(), startS3()]);
  await s3.createBucket(BUCKET);
  await stage.addIncompressible(LARGE.count, LARGE.bytes);
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

describe('a run comes to nothing, says why and leaves nothing', () => {
  afterEach(expectNothingNew);

  test.each(Object.entries(backupFaults))('when %s', async (_when, {run, reason, message}) => {
    const result = await run(stage, s3);
    expect(result).toMatchObject({outcome: 'Failed', reason, message: expect.stringContaining(message) as unknown});
    expect(JSON.stringify(result)).not.toContain('another-secret');
  });

  test.each([
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

  test('when mysqldump ends for what it does not call an error', async () => {
    const run = await stage.run(s3, {dump: 'mysqldump "$@" nowhere'});
    expect(await run.result()).toMatchObject({
      reason: 'DumpFailed',
      message: `mysqldump ended with exit code 6: mysqldump: Couldn't find table: "nowhere"`,
    });
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
    await heldHalfWay(stage, run);
    await stage.query('CREATE TABLE late (id INT PRIMARY KEY)');
    run.program.kill('SIGCONT');
    expect(await run.result()).toMatchObject({
      reason: 'SchemaChanged',
      message: 'Created or dropped while the dump ran: TABLE late',
    });
    await stage.query('DROP TABLE late');
  });

  test('when the credentials have a wrong id', async () => {
    const {endpoint, secretAccessKey} = s3;
    const result = await (await stage.run({endpoint, secretAccessKey, accessKeyId: 'another-id'})).result();
    expect(result).toMatchObject({
      reason: 'CredentialsRefused',
      message: 'Bucket "backups": the storage refuses the credentials (InvalidAccessKeyId, HTTP 403)',
    });
    expect(JSON.stringify(result)).not.toContain('another-id');
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
});

describe('a run beside others', () => {
  test('waits for one that is under way, and says so when that takes too long', async () => {
    const first = await stage.run(s3, {dump: WAITING});
    await heldHalfWay(stage, first);
    const second = await stage.run(s3, {env: {LOCK_SECONDS: '1'}});
    expect(await second.result()).toMatchObject({reason: 'SchemaLocked'});
    first.program.kill('SIGCONT');
    expect(await first.result()).toMatchObject({outcome: 'Succeeded'});
    expect((await s3.keys(BUCKET)).filter((key) => !listed.includes(key))).toHaveLength(3);
    expect(await s3.openUploads(BUCKET)).toEqual([]);
  });

  test('aborts the upload of one that was killed', async () => {
    const killed = await stage.run(s3, {dump: WAITING});
    await heldHalfWay(stage, killed);
    killed.program.kill('SIGKILL');
    expect(await killed.result()).toBeUndefined();
    expect(await s3.openUploads(BUCKET)).toHaveLength(1);
    expect(await s3.keys(BUCKET)).toEqual(listed);
    const next = await stage.run(s3);
    expect(await next.result()).toMatchObject({outcome: 'Succeeded'});
    expect(await s3.openUploads(BUCKET)).toEqual([]);
  });

  test('aborts the upload of one whose credentials were revoked half-way, which says so', async () => {
    const revoked = await harmed(stage, s3, {
      afterBytes: HALF_WAY,
      // It refuses a part before it has read it, and closes the connection: the answer is lost.
      harm: (request) => (request.startsWith('PUT ') ? 'Break' : 'Forge'),
    });
    expect(revoked).toMatchObject({
      reason: 'CredentialsRefused',
      message: 'Bucket "backups": the storage refuses the credentials (SignatureDoesNotMatch, HTTP 403)',
    });
    expect(await s3.openUploads(BUCKET)).toHaveLength(1);
    expect(await (await stage.run(s3)).result()).toMatchObject({outcome: 'Succeeded'});
    expect(await s3.openUploads(BUCKET)).toEqual([]);
  });
});
