import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, expect, jest, test} from '@jest/globals';
import {CommandError, run} from '../../../hack/lib/exec.ts';
import {createProgress} from '../../../hack/lib/progress.ts';
import {schemathesis} from '../../../hack/schemathesis/schemathesis.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, type ApiProcess} from './support.ts';

jest.setTimeout(300_000);

const CONFIG = fileURLToPath(new URL('schemathesis.toml', import.meta.url));

let program: readonly string[];
let mysql: Mysqld;
let setting: ApiSetting;

beforeAll(async () => {
  program = await schemathesis(createProgress());
  mysql = await startMysqld();
  setting = await ApiSetting.create(mysql);
});
afterAll(async () => {
  await setting.close();
  await mysql.stop();
});

/** Tries a process by its own description; gives Schemathesis' exit code and report. */
async function tried(api: ApiProcess, ...options: readonly string[]): Promise<[number | null, string]> {
  const [python = '', ...module] = program;
  const url = api.url('/api/v1/openapi.json');
  try {
    const {stdout} = await run([python, ...module, '--config-file', CONFIG, 'run', url, ...options], {
      cwd: setting.folder,
      env: {PATH: process.env['PATH'], HOME: setting.folder, COLUMNS: '120', API_TOKEN: setting.token},
      diesWithCaller: true,
    });
    return [0, stdout];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [error.exitCode, error.outputTail];
  }
}

/** A process that answers one request in fifty by what the code says. */
function faulty(answer: string): Promise<ApiProcess> {
  const fault =
    'import http from "node:http"; const {emit} = http.Server.prototype; let requests = 0;' +
    'http.Server.prototype.emit = function (event, request, response) {' +
    'if (event !== "request" || !request.url.includes("/tasks") || ++requests % 50 !== 0) return emit.apply(this, arguments);' +
    `${answer}; return true; };`;
  return setting.up({NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}`});
}

test('the service answers as its description says, whatever it is sent, and follows its links', async () => {
  const api = await setting.up();
  const [code, report] = await tried(api);
  // Compared with what it reported, so that a failure shows it.
  expect([code, report]).toEqual([0, code === 0 ? report : '']);
  expect(report).toMatch(/Operations: +8 selected/);
  expect(report).toMatch(/API Links: +[1-9]\d* covered/);
  expect(api.log).not.toContain('"level":"error"');
  await api.kill9();
});

test.each([
  ['an error of the service', 'response.writeHead(500).end()', 'Server error'],
  [
    'an answer that is not described',
    'response.writeHead(203, {"content-type": "application/json"}).end("{}")',
    'Undocumented status code',
  ],
])('%s is noticed', async (_what, answer, finding) => {
  const api = await faulty(answer);
  const [code, report] = await tried(api, '--max-failures', '1');
  expect([code, report]).toEqual([1, expect.stringContaining(finding)]);
  await api.kill9();
});
