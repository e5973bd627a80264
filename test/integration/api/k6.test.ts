import {readFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, expect, jest, test} from '@jest/globals';
import {CommandError, run} from '../../../hack/lib/exec.ts';
import {createProgress} from '../../../hack/lib/progress.ts';
import {slo} from '../../../operator/src/api/v1alpha1/objectives.ts';
import {k6Program} from '../../harness/k6.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, type ApiProcess} from './support.ts';

// The first run on a machine builds k6 from its module.
jest.setTimeout(900_000);

const FOLDER = fileURLToPath(new URL('../../load-testing/', import.meta.url));
/** How k6 ends when a threshold was missed. */
const MISSED = 99;

let mysql: Mysqld;
let setting: ApiSetting;
let k6: string;

beforeAll(async () => {
  k6 = await k6Program(createProgress());
  mysql = await startMysqld();
  setting = await ApiSetting.create(mysql);
});
afterAll(async () => {
  await setting.close();
  await mysql.stop();
});

/** Runs a script against a process; gives k6's exit code and what it wrote. */
async function attack(api: ApiProcess, script: string, env: Record<string, string>): Promise<[number | null, string]> {
  const all = {BASE_URL: api.url(''), TOKEN: setting.token, ...env};
  const variables = Object.entries(all).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const command = [k6, 'run', '--quiet', '--no-usage-report', ...variables, `${FOLDER}${script}`] as const;
  try {
    const {stdout} = await run([...command], {
      env: {PATH: process.env['PATH'], HOME: setting.folder},
      diesWithCaller: true,
    });
    return [0, stdout];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [error.exitCode, error.outputTail];
  }
}

const SMOKE = ['k6-smoke-test.js', {DURATION: '4s'}] as const;
const LOAD = ['k6-load-test.js', {RATE: '30', RAMP: '2s', DURATION: '4s'}] as const;

test.each([SMOKE, LOAD])('%s passes on the service', async (script, env) => {
  const api = await setting.up();
  const [code, output] = await attack(api, script, env);
  // Compared with what k6 wrote, so that a failure shows it.
  expect([code, output]).toEqual([0, code === 0 ? output : '']);
  expect(await api.metrics()).toMatch(
    /^http_requests_total\{method="POST",route="\/api\/v1\/tasks",status="201"\} \d+$/m,
  );
  await api.kill9();
});

test.each([SMOKE, LOAD])(
  '%s misses its objectives on a service that fails one request in twenty',
  async (script, env) => {
    const fault =
      'import http from "node:http"; const {emit} = http.Server.prototype; let requests = 0;' +
      'http.Server.prototype.emit = function (event, request, response) {' +
      'if (event !== "request" || !request.url.startsWith("/api/") || ++requests % 20 !== 0) return emit.apply(this, arguments);' +
      'response.writeHead(500).end(); return true; };';
    const api = await setting.up({NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}`});
    const [code, output] = await attack(api, script, env);
    expect([code, output]).toEqual([MISSED, expect.stringContaining("thresholds on metrics 'available")]);
    await api.kill9();
  },
);

test('their objectives are the defaults of spec.slo', async () => {
  const {availability, latency, errorRate} = slo.parse({});
  const script = await readFile(`${FOLDER}k6-tasks.js`, 'utf8');
  expect(script).toContain(`available: ['rate>=${(Number(availability.objective) / 100).toFixed(3)}']`);
  expect(script).toContain(`http_req_duration: ['p(${latency.percentile})<${latency.thresholdMilliseconds}']`);
  expect(script).toContain(`http_req_failed: ['rate<=${Number(errorRate.maxPercent) / 100}']`);
});
