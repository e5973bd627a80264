import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, jest, test} from '@jest/globals';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {UnexpectedOutputError} from '../../docs/expected-output.ts';
import {executePage, steps} from '../../docs/tutorial.ts';
import {ApiSetting, type ApiProcess} from './support.ts';

jest.setTimeout(60_000);

const PAGE = join(import.meta.dirname, '../../../docs/API.md');

let mysql: Mysqld;
let setting: ApiSetting;
let api: ApiProcess;
let folder: string;

beforeAll(async () => {
  mysql = await startMysqld();
  setting = await ApiSetting.create(mysql);
  api = await setting.up();
  folder = await mkdtemp(join(tmpdir(), 'api-page-'));
});
afterAll(async () => {
  await rm(folder, {recursive: true});
  await setting.close();
  await mysql.stop();
});

async function play(page: string): Promise<number> {
  let played = 0;
  const env = {...process.env, API: api.url('/api/v1'), TOKEN: setting.token};
  await executePage(page, {cwd: folder, env, onOutput: () => played++});
  return played;
}

test('the examples of the API’s page do what they say, in their order', async () => {
  const page = await readFile(PAGE, 'utf8');
  const examples = steps(page);
  // Every one shows its status, so that none passes whatever it is answered with.
  for (const {shown} of examples) expect(shown?.split('\n').at(-1)).toMatch(/^\d{3}$/);
  expect(await play(page)).toBe(examples.length);
  expect(examples.length).toBeGreaterThan(10);
});

test('an example with another status than the page shows is noticed', async () => {
  const page =
    '```sh\ncurl -sS -w "\\n%{http_code}\\n" "$API/tasks" -H "Authorization: Bearer wrong"\n```\n\n```text\n200\n```\n';
  await expect(play(page)).rejects.toThrow(UnexpectedOutputError);
});
