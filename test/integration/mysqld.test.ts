import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {stat} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {isRunning, processIdentity, run} from '../../hack/lib/exec.ts';
import {createProgress} from '../../hack/lib/progress.ts';
import {mysqlCommand} from '../harness/mysql-programs.ts';
import {startMysqld} from '../harness/mysqld.ts';
import type {Mysqld} from '../harness/mysqld.ts';

// The root filesystem is made by the first call on a machine.
jest.setTimeout(300_000);

describe('a MySQL server of the harness', () => {
  let mysql: Mysqld;

  beforeAll(async () => {
    mysql = await startMysqld({args: ['--max-connections=7']});
  });

  afterAll(async () => {
    await mysql.stop();
  });

  async function query(sql: string): Promise<unknown> {
    const connection = await mysql.connect();
    try {
      return (await connection.query(sql))[0];
    } finally {
      await connection.end();
    }
  }

  test('has the options that were asked for', async () => {
    expect(await query('SELECT @@max_connections AS n')).toEqual([{n: 7}]);
  });

  test('keeps what it acknowledged when it is killed', async () => {
    const {database} = await mysql.createDatabase();
    await query(`CREATE TABLE ${database}.t (id INT PRIMARY KEY)`);
    await query(`INSERT INTO ${database}.t VALUES (42)`);
    await mysql.kill9();
    expect(mysql.pid()).toBeUndefined();
    await expect(query('SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await mysql.restart();
    expect(await query(`SELECT id FROM ${database}.t`)).toEqual([{id: 42}]);
  });

  test("gives a test's user its own database and no other", async () => {
    const mine = await mysql.createDatabase();
    const other = await mysql.createDatabase();
    const as = async (database: string): Promise<string> => {
      const args = [
        '--host=127.0.0.1',
        `--port=${String(mine.port)}`,
        `--user=${mine.user}`,
        `--execute=SELECT 1`,
        database,
      ];
      const env = {MYSQL_PWD: mine.password};
      return (await run(await mysqlCommand('mysql', ['--batch', '--skip-column-names', ...args]), {env})).stdout;
    };
    expect(await as(mine.database)).toBe('1\n');
    await expect(as(other.database)).rejects.toThrow('Access denied');
  });

  test('that cannot start says why', async () => {
    await expect(startMysqld({args: ['--no-such-option']})).rejects.toThrow("unknown option '--no-such-option'");
  });
});

test('a server ends with the process that started it, and the next start removes its data', async () => {
  const module = new URL('../harness/mysqld.ts', import.meta.url).href;
  const script = `const {startMysqld} = await import(${JSON.stringify(module)});
    const mysql = await startMysqld();
    console.log(JSON.stringify({pid: mysql.pid(), dataDir: mysql.dataDir}));
    setInterval(() => undefined, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
  const {pid, dataDir} = JSON.parse(line) as {pid: number; dataDir: string};
  const server = await processIdentity(pid);
  if (server === undefined) throw new Error('the server must be running');
  expect(await isRunning(server)).toBe(true);

  owner.kill('SIGKILL');
  await once(owner, 'exit');
  while (await isRunning(server)) await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await stat(dataDir)).isDirectory()).toBe(true);

  const next = await startMysqld({progress: createProgress()});
  await next.stop();
  await expect(stat(dataDir)).rejects.toThrow('ENOENT');
});
