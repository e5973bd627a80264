import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, expect, jest, test} from '@jest/globals';
import {bundle, PROGRAMS} from '../../../hack/bundle.ts';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, createTask, eventually} from './support.ts';

jest.setTimeout(120_000);

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const SERVER_KIND = 2;
const TITLE = 'a title that no trace may show';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly name: string;
  readonly attributes: readonly {readonly key: string; readonly value: Readonly<Record<string, unknown>>}[];
}

let folder: string;
let mysql: Mysqld;
let setting: ApiSetting;
let receiver: Server;
let received: Buffer[];
/** Whether the receiver answers. */
let answers: boolean;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'api-tracing-'));
  await bundle(PROGRAMS.api, folder);
  mysql = await startMysqld();
});
afterAll(async () => {
  await mysql.stop();
  await rm(folder, {recursive: true});
});
beforeEach(async () => {
  received = [];
  answers = true;
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push(Buffer.concat(chunks));
      if (answers) response.writeHead(200, {'content-type': 'application/json'}).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  setting = await ApiSetting.create(mysql, {}, [process.execPath, join(folder, 'server.mjs')]);
});
afterEach(async () => {
  await setting.close();
  receiver.close();
  receiver.closeAllConnections();
});

const environment = (protocol: string): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
});

function spans(): readonly Span[] {
  return received.flatMap((body) => {
    const {resourceSpans} = JSON.parse(body.toString()) as {resourceSpans: {scopeSpans: {spans: Span[]}[]}[]};
    return resourceSpans.flatMap(({scopeSpans}) => scopeSpans.flatMap((scope) => scope.spans));
  });
}

test('a request and its statements are exported as the client’s trace, without a value, by the end of the process', async () => {
  const api = await setting.up(environment('http/json'));
  const headers = {traceparent: `00-${TRACE}-${PARENT}-01`};
  expect((await api.request('POST', '/api/v1/tasks', {body: {title: TITLE}, headers})).status).toBe(201);
  api.signal('SIGTERM');
  expect(await api.exited).toBe(0);

  const own = spans().filter(({traceId}) => traceId === TRACE);
  const server = own.find(({kind}) => kind === SERVER_KIND);
  expect(server).toMatchObject({parentSpanId: PARENT, name: 'POST /api/v1/tasks'});
  expect(Object.fromEntries(server?.attributes.map(({key, value}) => [key, Object.values(value)[0]]) ?? [])).toEqual({
    'http.request.method': 'POST',
    'http.route': '/api/v1/tasks',
    'http.response.status_code': 201,
    'url.path': '/api/v1/tasks',
    'url.scheme': 'http',
  });
  const statements = own.filter((span) => span !== server);
  expect(statements.map(({name}) => name)).toContain('task_insert');
  expect(new Set(statements.map(({parentSpanId}) => parentSpanId))).toEqual(new Set([server?.spanId]));
  // The probes that waited for it to be ready are no one's trace.
  expect(spans().filter(({name}) => name.includes('/health/'))).toEqual([]);
  expect(api.logged('traceId')).toBe(TRACE);
  for (const secret of [TITLE, setting.token, setting.database.password]) {
    expect(Buffer.concat(received).includes(secret)).toBe(false);
  }
});

test('protobuf is what is sent unless told otherwise, and it has no value either', async () => {
  const api = await setting.up(environment(''));
  expect((await createTask(api, TITLE)).status).toBe(201);
  await eventually('an export', () => received.length > 0 || undefined);
  const bytes = Buffer.concat(received);
  expect(bytes.includes('POST /api/v1/tasks')).toBe(true);
  expect(() => JSON.parse(bytes.toString()) as unknown).toThrow();
  expect([TITLE, setting.token].filter((secret) => bytes.includes(secret))).toEqual([]);
});

test('a receiver that never answers holds up no request, and not the end', async () => {
  answers = false;
  const api = await setting.up(environment('http/json'));
  expect((await createTask(api, 'first')).status).toBe(201);
  await eventually('an export that hangs', () => received.length > 0 || undefined);
  for (let i = 0; i < 50; i++) expect((await createTask(api, `task ${i}`)).status).toBe(201);
  api.signal('SIGTERM');
  expect(await api.exited).toBe(0);
  // Given up, since the export itself would take longer to fail.
  expect(api.logged('outcome')).toBe('late');
  expect(api.log).not.toContain('Requests in flight were cut off');
});

test('a receiver that is away is reported once, and nothing fails', async () => {
  const env = environment('http/json');
  receiver.close();
  const api = await setting.up(env);
  expect((await createTask(api, 'first')).status).toBe(201);
  const reports = (): number => api.log.split('Traces are not exported').length - 1;
  await eventually('a report', () => reports() > 0 || undefined, 30_000);
  for (let i = 0; i < 20; i++) expect((await createTask(api, `task ${i}`)).status).toBe(201);
  api.signal('SIGTERM');
  expect(await api.exited).toBe(0);
  expect(reports()).toBe(1);
});

test('without the environment nothing is traced', async () => {
  const api = await setting.up({...environment('http/json'), OTEL_SDK_DISABLED: 'true'});
  expect((await createTask(api, 'untraced')).status).toBe(201);
  api.signal('SIGTERM');
  expect(await api.exited).toBe(0);
  expect(received).toEqual([]);
  expect(api.logged('traceId')).toBeUndefined();
});
