import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createServer, type IncomingMessage, type RequestListener, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {askPrometheus, PrometheusError} from './ask-prometheus.ts';

const LONG_MS = 60_000;
let folder: string;
let server: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ask-prometheus-'));
});

afterEach(async () => {
  const open = server;
  server = undefined;
  open?.closeAllConnections();
  await new Promise<void>((resolve) => (open === undefined ? resolve() : open.close(() => resolve())));
  await rm(folder, {recursive: true});
});

/** @returns its URL */
async function aServer(listener: RequestListener): Promise<string> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((listening.address() as AddressInfo).port)}`;
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const failure = async (asking: Promise<string>): Promise<PrometheusError> => {
  const error = await asking.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PrometheusError)) throw new Error(`expected a PrometheusError, got ${String(error)}`);
  return error;
};

describe('a question', () => {
  test('is sent as a form below the path of the server, with the token of the moment', async () => {
    const asked: (string | undefined)[] = [];
    const url = await aServer((request, response) => {
      void textOf(request).then((body) => {
        asked.push(`${request.method ?? ''} ${request.url ?? ''} ${body}`, request.headers.authorization);
        response.end('answer');
      });
    });
    const bearerTokenFile = join(folder, 'token');
    const main = {name: 'main', url: `${url}/behind/`, bearerTokenFile};
    for (const token of ['first', 'second']) {
      await writeFile(bearerTokenFile, `${token}\n`);
      expect(await askPrometheus(main, 'up == 1', 5_000)).toBe('answer');
    }
    const sent = 'POST /behind/api/v1/query query=up+%3D%3D+1&timeout=4000ms';
    expect(asked).toEqual([sent, 'Bearer first', sent, 'Bearer second']);
  });

  test.each([
    [302, false],
    [400, false],
    [401, false],
    [422, true],
    [500, false],
    [503, true],
  ])('that is answered with %d fails without its words; parts can be asked for: %j', async (status, divisible) => {
    const url = await aServer((_request, response) =>
      response.writeHead(status, {location: 'http://127.0.0.1:1/'}).end('said by Prometheus'),
    );
    const error = await failure(askPrometheus({name: 'main', url}, 'up', LONG_MS));
    expect(error.message).toBe(`it answered with status ${status}`);
    expect(error.divisible).toBe(divisible);
  });

  test('that is not answered in time fails', async () => {
    const url = await aServer(() => undefined);
    const error = await failure(askPrometheus({name: 'main', url}, 'up', 200));
    expect([error.message, error.divisible]).toEqual(['it did not answer within 0.2 s', true]);
  });

  test('whose answer stops half-way fails', async () => {
    const url = await aServer((_request, response) => response.writeHead(200, {'content-length': '100'}).write('half'));
    expect((await failure(askPrometheus({name: 'main', url}, 'up', 200))).message).toMatch(/did not answer within/);
  });

  test('whose answer never ends is given up', async () => {
    const url = await aServer((_request, response) => {
      const chunk = Buffer.alloc(1_000_000);
      const write = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    });
    expect((await failure(askPrometheus({name: 'main', url}, 'up', LONG_MS))).message).toBe('its answer is too large');
  });

  test('to nobody fails', async () => {
    const error = await failure(askPrometheus({name: 'main', url: 'http://127.0.0.1:1'}, 'up', LONG_MS));
    expect([error.message, error.divisible]).toEqual(['it can not be reached (ECONNREFUSED)', false]);
  });

  test('is not sent without the token that it needs', async () => {
    let asked = 0;
    const url = await aServer((_request, response) => response.end(String(++asked)));
    const bearerTokenFile = join(folder, 'missing');
    expect((await failure(askPrometheus({name: 'main', url, bearerTokenFile}, 'up', LONG_MS))).message).toBe(
      `${bearerTokenFile} can not be read (ENOENT)`,
    );
    expect(asked).toBe(0);
  });
});
