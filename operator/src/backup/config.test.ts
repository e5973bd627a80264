import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {readBackupConfig} from './config.ts';

let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-'));
  for (const name of ['username', 'password', 'accessKeyId', 'secretAccessKey', 'ca.crt'])
    await writeFile(join(folder, name), `the ${name}\n`);
  env = {
    ...{BACKUP_ID: 'b1', BACKUP_NAMESPACE: 'team-a', BACKUP_NAME: 'tasks', BACKUP_UID: 'u1'},
    ...{DB_HOST: 'mysql', DB_NAME: 'tasks_db', CREDENTIALS: folder, CA_FILE: join(folder, 'ca.crt')},
    ...{S3_BUCKET: 'backups', S3_CREDENTIALS: folder, KEYS: folder, KEY_ID: 'k1', HANDOVER: folder},
  };
});

afterAll(async () => rm(folder, {recursive: true}));

test('what is secret comes from files, and the rest has defaults', async () => {
  expect(await readBackupConfig(env)).toMatchObject({
    database: {port: 3306, user: 'the username', password: 'the password', ca: 'the ca.crt', verifyIdentity: true},
    destination: {
      region: 'us-east-1',
      endpoint: undefined,
      forcePathStyle: false,
      secretAccessKey: 'the secretAccessKey',
    },
    prefix: '',
    startSeconds: 1800,
    lockSeconds: 600,
  });
});

test.each([
  ['DB_PORT', '99999'],
  ['S3_ENDPOINT', 'ftp://storage'],
  ['S3_PREFIX', '/a'],
  ['BACKUP_ID', '../other'],
  ['LOCK_SECONDS', '0'],
  ['KEYS', 'relative'],
  ['DB_NAME', ''],
])('%s may not be "%s"', async (name, value) => {
  await expect(readBackupConfig({...env, [name]: value})).rejects.toMatchObject({
    reason: 'ConfigurationInvalid',
    message: expect.stringContaining(name) as unknown,
  });
});

test('a file that can not be read is named', async () => {
  await expect(readBackupConfig({...env, CA_FILE: '/nowhere/ca.crt'})).rejects.toThrow(
    '/nowhere/ca.crt can not be read',
  );
});
