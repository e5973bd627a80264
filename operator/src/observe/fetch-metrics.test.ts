import {afterEach, describe, expect, test} from '@jest/globals';
import {createServer, type RequestListener, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {fetchByIp, fetchByProxy} from './fetch-metrics.ts';
import type {ScrapeTarget} from './scraper.ts';

const target: ScrapeTarget = {namespace: 'ns', pod: 'api-1', uid: 'u', revision: 'r', ip: '127.0.0.1'};
const LONG_MS = 60_000;

let server: Server | undefined;

async function aPod(listener: RequestListener, host = '127.0.0.1'): Promise<number> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, host, resolve));
  return (listening.address() as AddressInfo).port;
}

afterEach(async () => {
  const open = server;
  server = undefined;
  open?.closeAllConnections();
  await new Promise<void>((resolve) => (open === undefined ? resolve() : open.close(() => resolve())));
});

describe('a pod read by its IP', () => {
  test('gives the body of /metrics', async () => {
    const port = await aPod((request, response) => response.end(`${request.method ?? ''} ${request.url ?? ''}`));
    expect(await fetchByIp(port)(target, LONG_MS)).toBe('GET /metrics');
  });

  test('may have an IPv6 address', async () => {
    const port = await aPod((_request, response) => response.end('six'), '::1');
    expect(await fetchByIp(port)({...target, ip: '::1'}, LONG_MS)).toBe('six');
  });

  test.each([204, 301, 404, 500])('that answers %d is not read, and its words are not repeated', async (status) => {
    const port = await aPod((_request, response) =>
      response.writeHead(status, {location: 'http://127.0.0.1:1/'}).end('said by the pod'),
    );
    await expect(fetchByIp(port)(target, LONG_MS)).rejects.toThrow(new Error(`the pod answered ${String(status)}`));
  });

  test('that answers otherwise and goes on talking is cut off', async () => {
    const closed = Promise.withResolvers<string>();
    const port = await aPod((_request, response) => {
      response.on('close', () => closed.resolve('closed'));
      response.writeHead(500).write('the first of many');
    });
    await expect(fetchByIp(port)(target, LONG_MS)).rejects.toThrow('the pod answered 500');
    expect(await closed.promise).toBe('closed');
  });

  test('that never stops talking is cut off', async () => {
    const line = Buffer.alloc(100_000, 'x');
    const closed = Promise.withResolvers<string>();
    const port = await aPod((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(line));
      };
      response.on('drain', write).on('close', () => closed.resolve('closed'));
      write();
    });
    await expect(fetchByIp(port)(target, LONG_MS)).rejects.toThrow('too large');
    expect(await closed.promise).toBe('closed');
  });

  test.each([
    ['before its headers', (): void => undefined],
    [
      'in the middle of its body',
      (_request, response) => {
        response.write('http_requests_total');
      },
    ],
  ] satisfies [string, RequestListener][])('that hangs %s is given up', async (_when, listener) => {
    const port = await aPod(listener);
    await expect(fetchByIp(port)(target, 100)).rejects.toThrow();
  });

  test('that is not there is not read', async () => {
    const port = await aPod(() => undefined);
    await new Promise<void>((resolve) => server?.close(() => resolve()));
    server = undefined;
    await expect(fetchByIp(port)(target, LONG_MS)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('a pod read through the API server', () => {
  const asked: unknown[] = [];
  const client = (status: number) => ({
    podProxyGet: async (...args: unknown[]) => {
      asked.push(args);
      return {status, contentType: 'text/plain', body: 'metrics'};
    },
  });

  test('is asked for its metrics, with a bound in time and size', async () => {
    expect(await fetchByProxy(client(200), 9090)(target, 2_000)).toBe('metrics');
    expect(asked).toEqual([['ns', 'api-1', 9090, 'metrics', {timeoutMs: 2_000, maxBytes: 1_000_000}]]);
  });

  test('that answers otherwise is not read', async () => {
    await expect(fetchByProxy(client(503), 9090)(target, 2_000)).rejects.toThrow('the pod answered 503');
  });
});
