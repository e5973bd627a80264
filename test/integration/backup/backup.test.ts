import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {CommandError, run} from '../../../hack/lib/exec.ts';
import {createProgress} from '../../../hack/lib/progress.ts';
import type {Manifest} from '../../../operator/src/backup/manifest.ts';
import {mysqlCommand} from '../../harness/mysql-programs.ts';
import {startMysqld} from '../../harness/mysqld.ts';
import {startS3, type S3Server} from '../../harness/s3.ts';
import {decrypt} from '../../harness/decrypt.ts';
import {BackupStage, DATABASE, KEY_ID, MARKER} from './stage.ts';

// The first run on a machine builds the S3 server and fetches Python packages.
jest.setTimeout(900_000);

const BUCKET = 'backups';
const progress = createProgress();

let stage: BackupStage;
let s3: S3Server;

beforeAll(async () => {
  [stage, s3] = await Promise.all([BackupStage.start(), startS3()]);
  await s3.createBucket(BUCKET);
  // More than all that is in flight at a time.
  await stage.addIncompressible(40, 4 * 1024 * 1024);
});

afterAll(async () => {
  await s3.stop();
  await stage.stop();
});

/** Decrypts an object with the script that needs nothing of ours. */
async function decrypted(key: string, keyFile = stage.keyFile): Promise<Buffer> {
  const [input, output] = ['object', 'plain'].map((name) => join(stage.folder, name)) as [string, string];
  await writeFile(input, await s3.get(BUCKET, key));
  await decrypt({id: KEY_ID, file: keyFile}, input, output, progress);
  return readFile(output);
}

describe('a backup of a real database in a real bucket', () => {
  let folder: string;
  let manifest: Manifest;
  let dump: Buffer;

  beforeAll(async () => {
    const backup = await stage.run(s3);
    const result = await backup.result();
    expect(result).toMatchObject({outcome: 'Succeeded', tables: 4, rows: 47});
    // What is in memory doesn't grow with the dump: 160 MiB went through, and nothing of it could be compressed.
    expect(backup.peak().resident).toBeLessThan(144);
    folder = `cluster-1/team-a/tasks/uid-1/${backup.id}`;
    manifest = JSON.parse((await decrypted(`${folder}/manifest.json.encrypted`)).toString()) as Manifest;
    dump = await decrypted(manifest.dumpKey);
  });

  test('is three objects, and nothing is left open', async () => {
    expect(await s3.keys(BUCKET)).toEqual(
      ['dump.sql.zst.encrypted', 'manifest.json.encrypted', 'stub.json'].map((name) => `${folder}/${name}`),
    );
    expect(await s3.openUploads(BUCKET)).toEqual([]);
  });

  test('holds nothing that can be read without the key', async () => {
    const objects = await Promise.all((await s3.keys(BUCKET)).map(async (key) => s3.get(BUCKET, key)));
    for (const object of objects) {
      expect(object.includes(MARKER)).toBe(false);
      expect(object.includes('we``ird')).toBe(false);
    }
    expect(dump.includes(MARKER)).toBe(true);
  });

  test('says which key opens it, beside what is encrypted', async () => {
    const stub: unknown = JSON.parse((await s3.get(BUCKET, `${folder}/stub.json`)).toString());
    expect(stub).toMatchObject({keyId: KEY_ID, dumpKey: `${folder}/dump.sql.zst.encrypted`, bytes: manifest.bytes});
    expect((await s3.get(BUCKET, manifest.dumpKey)).length).toBe(manifest.bytes);
  });

  test('counts the rows of every table as the database does, and names every object', async () => {
    const tables = manifest.sections.filter(({kind}) => kind === 'table');
    for (const {name, rows} of tables) {
      const [counted] = await stage.query<[{n: number}]>(`SELECT COUNT(*) AS n FROM \`${name.replaceAll('`', '``')}\``);
      expect([name, rows]).toEqual([name, counted.n]);
    }
    expect(manifest.objects.map(({kind, name}) => `${kind} ${name}`).sort()).toEqual([
      'EVENT nightly',
      'FUNCTION seven',
      'PROCEDURE tidy',
      'TABLE bulk',
      'TABLE docs',
      'TABLE schema_migrations',
      'TABLE we`ird',
      'TRIGGER guard',
      'VIEW names',
    ]);
    expect(manifest).toMatchObject({schemaVersion: 7, dumpBytes: dump.length});
  });

  test('restores into an empty server, without us, to the same rows', async () => {
    const fresh = await startMysqld();
    try {
      const file = join(stage.folder, 'dump.sql');
      await writeFile(file, dump);
      const root = await fresh.connect();
      await root.query(`CREATE DATABASE ${DATABASE}`);
      await root.end();
      const client = await mysqlCommand('mysql', [
        ...[`--host=${fresh.host}`, `--port=${String(fresh.port)}`],
        ...[`--user=${fresh.rootUser}`, `--password=${fresh.rootPassword}`, DATABASE],
      ]);
      await run(['sh', '-c', 'file=$1; shift; exec "$@" <"$file"', 'sh', file, ...client]);
      const restored = await fresh.connect(DATABASE);
      for (const query of [
        'SELECT * FROM `we``ird`',
        'SELECT id, SHA2(body, 256) FROM bulk',
        'SELECT * FROM docs',
        'SELECT * FROM schema_migrations',
        'SELECT * FROM names',
        'SELECT seven()',
        `SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '${DATABASE}'`,
        `SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '${DATABASE}' ORDER BY 1`,
        `SELECT EVENT_NAME, EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '${DATABASE}'`,
      ]) {
        const before = await stage.query<unknown[]>(query);
        expect(before.length).toBeGreaterThan(0);
        expect((await restored.query(query))[0]).toEqual(before);
      }
      await restored.end();
    } finally {
      await fresh.stop();
    }
  });

  test('does not open with another key, nor when a byte is another or the end is missing', async () => {
    const wrongKey = join(stage.folder, 'wrong-key');
    await writeFile(wrongKey, Buffer.alloc(32, 7).toString('base64'));
    await expect(decrypted(manifest.manifestKey, wrongKey)).rejects.toThrow(CommandError);
    const input = join(stage.folder, 'harmed');
    const whole = await s3.get(BUCKET, manifest.manifestKey);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(flipped.length - 40) ^ 1, flipped.length - 40);
    for (const harmed of [flipped, whole.subarray(0, -20)]) {
      await writeFile(input, harmed);
      const key = {id: KEY_ID, file: stage.keyFile};
      await expect(decrypt(key, input, `${input}.out`, progress)).rejects.toThrow(CommandError);
    }
  });
});
