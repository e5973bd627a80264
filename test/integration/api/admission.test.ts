import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import {startMysqld, type Mysqld} from '../../harness/mysqld.ts';
import {ApiSetting, createTask, eventually, mount, type Answer, type ApiProcess} from './support.ts';

jest.setTimeout(120_000);

let mysql: Mysqld;
let setting: ApiSetting;

beforeAll(async () => {
  mysql = await startMysqld();
});
afterAll(() => mysql.stop());
beforeEach(async () => {
  setting = await ApiSetting.create(mysql);
});
afterEach(() => setting.close());

async function sql(statement: string): Promise<unknown> {
  const connection = await mysql.connect(setting.database.database);
  try {
    return (await connection.query(statement))[0];
  } finally {
    await connection.end();
  }
}

/** Asks for readiness until it is told to end. */
function watchReadiness(api: ApiProcess): {readonly answers: boolean[]; stop: () => Promise<void>} {
  const answers: boolean[] = [];
  const end = new AbortController();
  const loop = (async () => {
    while (!end.signal.aborted) {
      answers.push(await api.isReady());
      await delay(50);
    }
  })();
  return {
    answers,
    stop: async () => {
      end.abort();
      await loop;
    },
  };
}

describe('load', () => {
  test('of twice its capacity is shed request by request, the pod stays ready, and serves at once when it is over', async () => {
    const api = await setting.up({DB_POOL_SIZE: '2'});
    // One connection, and ten milliseconds for each task: at most a hundred a second, on any machine.
    await sql('CREATE TRIGGER slow AFTER INSERT ON tasks FOR EACH ROW DO SLEEP(0.01)');
    const readiness = watchReadiness(api);
    const answers: Promise<Answer>[] = [];
    for (let i = 0; i < 800; i++) {
      answers.push(createTask(api, `task ${i}`));
      await delay(3);
    }
    const answered = await Promise.all(answers);
    // Nothing waits any more, so the next request is served at once: recovery needs no time of its own.
    expect((await createTask(api, 'after')).status).toBe(201);
    await readiness.stop();
    const served = answered.filter(({status}) => status === 201);
    const shed = answered.filter(({status}) => status === 503);
    expect(served.length + shed.length).toBe(answered.length);
    expect(served.length).toBeGreaterThan(50);
    expect(shed.length).toBeGreaterThan(50);
    expect(new Set(shed.map(({body, headers}) => `${body.code} ${headers.get('retry-after') ?? ''}`))).toEqual(
      new Set(['overloaded 1']),
    );
    expect(readiness.answers.length).toBeGreaterThan(5);
    expect(readiness.answers).not.toContain(false);
    expect(await sql('SELECT COUNT(*) AS n FROM tasks')).toEqual([{n: served.length + 1}]);
  });

  test('of more requests at once than it takes is shed, and each that left makes room', async () => {
    const api = await setting.up({MAX_REQUESTS_IN_FLIGHT: '2'});
    const blocker = await mysql.connect(setting.database.database);
    await blocker.query('LOCK TABLES tasks WRITE');
    const held = [createTask(api, 'first'), createTask(api, 'second')];
    await eventually('both in flight', async () => {
      return /^mysql_pool_connections\{state="used"\} 2$/m.test(await api.metrics()) || undefined;
    });
    const refused = await createTask(api, 'third');
    expect([refused.status, refused.body.code]).toEqual([503, 'overloaded']);
    expect(await api.isReady()).toBe(true);
    await blocker.end();
    expect((await Promise.all(held)).map(({status}) => status)).toEqual([201, 201]);
    expect((await createTask(api, 'fourth')).status).toBe(201);
  });

  test('that keeps the event loop behind is shed, until it is on time again', async () => {
    // What a process without CPU sees, made by a module that is loaded before it and switched by a signal.
    const starve =
      'let on = false; process.on("SIGWINCH", () => { on = !on; });' +
      'setInterval(() => { const end = Date.now() + (on ? 400 : 0); while (Date.now() < end); }, 5).unref();';
    const preload = `--import=data:text/javascript,${encodeURIComponent(starve)}`;
    const api = await setting.up({NODE_OPTIONS: preload, MAX_EVENT_LOOP_DELAY_SECONDS: '0.2'});
    expect((await createTask(api, 'before')).status).toBe(201);
    api.signal('SIGWINCH');
    const shed = await eventually('a request to be shed', async () => {
      const answer = await createTask(api, 'during');
      return answer.status === 503 ? answer : undefined;
    });
    expect([shed.body.code, shed.headers.get('retry-after')]).toEqual(['overloaded', '1']);
    expect(await api.isReady()).toBe(true);
    api.signal('SIGWINCH');
    await eventually('requests to be served', async () => (await createTask(api, 'after')).status === 201 || undefined);
  });

  test('of one token beyond its rate is refused to that token alone', async () => {
    const other = 'other-0123456789abcdef';
    await setting.mountTokens(`tests:${setting.token}\nother:${other}\n`);
    const api = await setting.up({RATE_LIMIT_PER_SECOND: '1', RATE_LIMIT_BURST: '5'});
    const answers = await Promise.all(Array.from({length: 20}, (_, index) => createTask(api, `task ${index}`)));
    const refused = answers.filter(({status}) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.body.code).toBe('rate-limited');
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(answers.filter(({status}) => status === 201).length).toBeGreaterThanOrEqual(5);
    expect((await createTask(api, 'other', other)).status).toBe(201);
  });
});

describe('read-only mode', () => {
  const mounted = (content: string): Promise<void> => mount(join(setting.folder, 'maintenance'), 'read-only', content);

  test('follows the mounted file without a restart: writes are refused, reads go on', async () => {
    await mkdir(join(setting.folder, 'maintenance'));
    const env = {
      READ_ONLY_FILE: join(setting.folder, 'maintenance/..data/read-only'),
      READ_ONLY_RELOAD_SECONDS: '0.1',
    };
    const api = await setting.up(env);
    const {body: task} = await createTask(api, 'before');

    await mounted('true\n');
    const refused = await eventually('a write to be refused', async () => {
      const answer = await createTask(api, 'during');
      return answer.status === 503 ? answer : undefined;
    });
    expect([refused.body.code, refused.headers.get('retry-after')]).toEqual(['read-only', '30']);
    const path = `/api/v1/tasks/${task.id}`;
    expect((await api.request('PATCH', path, {body: {title: 'x'}})).status).toBe(503);
    expect((await api.request('DELETE', path)).status).toBe(503);
    expect((await api.request('GET', path)).status).toBe(200);
    expect((await api.request('GET', '/api/v1/tasks')).status).toBe(200);
    expect(await api.isReady()).toBe(true);
    const page = await api.metrics();
    expect(page).toMatch(/^read_only_mode 1$/m);
    expect(page).toMatch(/method="PATCH",route="\/api\/v1\/tasks\/:id",status="423"} 1$/m);
    expect(page).not.toContain('status="503"');

    await mounted('maybe');
    await eventually('a report', () => api.log.includes('Read-only mode not read') || undefined);
    expect((await createTask(api, 'still')).status).toBe(503);

    await mounted('false');
    await eventually('a write', async () => (await createTask(api, 'after')).status === 201 || undefined);
  });

  test('is on from the first request when the file says so at the start', async () => {
    await mounted('true');
    const api = await setting.up({READ_ONLY_FILE: join(setting.folder, 'maintenance/..data/read-only')});
    expect((await createTask(api, 'first')).status).toBe(503);
  });
});

describe('a token', () => {
  test('gains and loses scopes, and expires, as its file says', async () => {
    const reader = 'reader-0123456789abcdef';
    const mount = (attributes: string): Promise<void> =>
      setting.mountTokens(`tests:${setting.token}\nreader:${reader} ${attributes}\n`);
    await mount('scopes=read');
    const api = await setting.up();
    const status = async (): Promise<number> => (await createTask(api, 'by reader', reader)).status;
    const refused = await createTask(api, 'by reader', reader);
    expect([refused.status, refused.body.code]).toEqual([403, 'insufficient-scope']);
    expect(refused.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="write"');
    expect((await api.request('GET', '/api/v1/tasks', {token: reader})).status).toBe(200);

    await mount('scopes=read,write');
    await eventually('the scope to write', async () => (await status()) === 201 || undefined);
    await mount(`expires=${new Date(Date.now() + 1500).toISOString()}`);
    await eventually('its end', async () => (await status()) === 401 || undefined);
  });
});
