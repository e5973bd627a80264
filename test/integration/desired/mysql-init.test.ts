import {afterAll, afterEach, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {existsSync} from 'node:fs';
import {readdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {databaseStateSecret, DATA_MISSING_PREFIX} from '../../../operator/src/desired/index.ts';
import {initScript} from '../../../operator/src/desired/mysql-init.ts';
import {api, ManagedDatabase, until} from './managed-database.ts';

jest.setTimeout(120_000);

let database: ManagedDatabase;

beforeAll(async () => {
  database = await ManagedDatabase.create();
}, 600_000);

afterEach(async () => {
  await database.removePod();
});

afterAll(async () => {
  await database.remove();
});

const serverUuid = async (): Promise<unknown> =>
  (await database.query('monitor', 'SELECT @@server_uuid AS uuid'))[0]?.['uuid'];

describe('an empty volume', () => {
  test('is initialised, and adopted by every later start with its server UUID and rows', async () => {
    await database.newPod();
    await database.initialise();
    expect(await readdir(database.pod.volume('data'))).toEqual(['data']);
    await database.start();
    const uuid = await serverUuid();
    expect(await readFile(join(database.pod.volume('data'), 'data/auto.cnf'), 'utf8')).toContain(String(uuid));
    await database.query('migrate', 'CREATE TABLE tasks_db.t (id INT PRIMARY KEY)');
    await database.query('app', 'INSERT INTO tasks_db.t VALUES (42)');
    await database.stop();

    await database.pod.mountSecrets([databaseStateSecret(api, new Map([[0, String(uuid)]]))]);
    await database.initialise();
    await database.start();
    expect(await serverUuid()).toBe(uuid);
    expect(await database.query('app', 'SELECT id FROM tasks_db.t')).toEqual([{id: 42}]);
  });

  test('is not initialised again when the server of that ordinal is known: its data is missing (invariant 9)', async () => {
    await database.newPod();
    await database.pod.mountSecrets([databaseStateSecret(api, new Map([[0, 'the-uuid']]))]);
    const end = await database.pod.init();
    expect(end.exitCode).toBe(1);
    expect(end.terminationMessage).toMatch(new RegExp(`^${DATA_MISSING_PREFIX} .*the-uuid`));
    expect(await readdir(database.pod.volume('data'))).toEqual([]);
  });

  test('is initialised when only another ordinal is known', async () => {
    await database.newPod();
    await database.pod.mountSecrets([databaseStateSecret(api, new Map([[1, 'the-uuid']]))]);
    await database.initialise();
  });
});

describe('a data folder that was not made here', () => {
  test('is left as it is', async () => {
    await database.newPodWithData();
    const data = join(database.pod.volume('data'), 'data');
    await rm(join(data, 'auto.cnf'));
    const before = await readdir(data);
    const end = await database.pod.init();
    expect(end).toMatchObject({
      exitCode: 1,
      terminationMessage: expect.stringMatching(/^InitFailed: .*left untouched/),
    });
    expect(await readdir(data)).toEqual(before);
  });
});

describe('a kill -9', () => {
  const inVolume = (...names: string[]): boolean => existsSync(join(database.pod.volume('data'), ...names));

  // One after the other on one volume: each run finds what the kill before it left.
  test('at any point of the first start is recovered from', async () => {
    await database.newPod();
    const complete = (): boolean => inVolume('data');
    for (const state of [['data.tmp'], ['data.tmp', 'ibdata1'], ['data.tmp', 'mysql.ibd']]) {
      // What the run before left is removed first; the state is the one that this run brings about.
      await rm(join(database.pod.volume('data'), 'data.tmp'), {recursive: true, force: true});
      const container = await database.pod.startInit();
      await until(() => inVolume(...state), container);
      await container.kill9();
      expect([state, complete()]).toEqual([state, false]);
    }
    for (const [line, made] of [
      ['sync -f "$DATA.tmp"', false],
      ['mv -T "$DATA.tmp" "$DATA"', false],
      ['sync -f "$DATA"\n', true],
      ['app=$(password app)', true],
      ['sql "CREATE DATABASE IF NOT EXISTS $schema"', true],
      ['account admin "$admin"', true],
      [`sql "ALTER USER 'root'@'localhost' ACCOUNT LOCK"`, true],
    ] as const) {
      expect([line, initScript.split(line).length]).toEqual([line, 2]);
      const end = await database.pod.init({script: initScript.replace(line, () => `kill -KILL $$; ${line}`)});
      expect([line, end.exitCode, complete()]).toEqual([line, 137, made]);
    }
    expect(await database.pod.init({script: initScript})).toMatchObject({exitCode: 0, terminationMessage: ''});
    expect(await readdir(database.pod.volume('data'))).toEqual(['data']);
    await database.start();
    expect(await database.query('app', 'SELECT 1 AS one', {database: 'tasks_db'})).toEqual([{one: 1}]);
  });

  test('in the middle of initialising leaves nothing that a later start takes for data', async () => {
    await database.newPod();
    const container = await database.pod.startInit();
    await until(() => inVolume('data.tmp', 'mysql.ibd'), container);
    await container.kill9();
    await database.initialise();
    expect(await readdir(database.pod.volume('data'))).toEqual(['data']);
  });
});
