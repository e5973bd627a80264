import {writeFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import {connectorFor} from '../../../api-server/src/database/connect.ts';
import {Database, type Statement} from '../../../api-server/src/database/database.ts';
import {temporaryFolder} from '../../../hack/images/temporary.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';

/* Statements by themselves and transactions take turns on the same connections. What holds is what another client sees. */
jest.setTimeout(60_000);

const ADD: Statement = {name: 'add', sql: 'INSERT INTO notes VALUES (?)'};
const READ: Statement = {name: 'read', sql: 'SELECT id FROM notes ORDER BY id'};
let mysql: Mysqld;
let folder: string;
let other: Connection;
let database: Database;
let sent: string[];

beforeAll(async () => {
  mysql = await startMysqld();
  folder = await temporaryFolder('transactions');
  const {database: name, user, password} = await mysql.createDatabase();
  await writeFile(join(folder, 'password'), password);
  other = await mysql.connect(name);
  await other.query('CREATE TABLE notes (id VARCHAR(20) PRIMARY KEY)');
  const {host, port} = mysql;
  const passwordFile = join(folder, 'password');
  database = new Database({
    connect: connectorFor({host, port, name, user, passwordFile, tlsCaFile: undefined}),
    // One connection: each kind of work gets the one that the other kind had.
    size: 1,
    observe: (statement) => sent.push(statement),
  });
});

afterAll(async () => {
  await database.close();
  await other.end();
  await mysql.stop();
  await rm(folder, {recursive: true});
});

beforeEach(() => {
  sent = [];
});

afterEach(async () => {
  await other.query('DELETE FROM notes');
});

async function seen(): Promise<string[]> {
  const [rows] = await other.query<RowDataPacket[]>(READ.sql);
  return rows.map(({id}) => id as string);
}

const alone = (id: string): Promise<number> => database.run((session) => session.change(ADD, [id]));
const together = (...ids: readonly string[]): Promise<void> =>
  database.transaction(async (session) => {
    for (const id of ids) await session.change(ADD, [id]);
  });

describe('work that takes turns on one connection', () => {
  test('is there for others as soon as it is done, whichever came before', async () => {
    await alone('a');
    expect(await seen()).toEqual(['a']);
    await together('b', 'c');
    expect(await seen()).toEqual(['a', 'b', 'c']);
    await alone('d');
    expect(await seen()).toEqual(['a', 'b', 'c', 'd']);
    await together('e');
    expect(await seen()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('is not there for others before a transaction has ended, nor after it failed', async () => {
    let during: string[] = [];
    const failing = database.transaction(async (session) => {
      await session.change(ADD, ['a']);
      during = await seen();
      await session.change(ADD, ['a']);
    });
    await expect(failing).rejects.toMatchObject({errno: 1062});
    expect([during, await seen()]).toEqual([[], []]);
    await alone('b');
    expect(await seen()).toEqual(['b']);
  });

  test('sees what others did since the work before', async () => {
    await together('a');
    await other.query("INSERT INTO notes VALUES ('theirs')");
    const rows = await database.transaction((session) => session.rows(READ));
    expect(rows.map(({id}) => id as string)).toEqual(['a', 'theirs']);
    await other.query("INSERT INTO notes VALUES ('theirs too')");
    expect(await database.run(async (session) => (await session.rows(READ)).length)).toBe(3);
  });

  test('costs a transaction no statement to begin while the connection is the one of transactions', async () => {
    await alone('a');
    await together('b', 'c');
    await together('d');
    expect(sent).toEqual(['add', 'autocommit-off', 'add', 'add', 'commit', 'add', 'commit']);
  });
});
