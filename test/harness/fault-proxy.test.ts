import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {once} from 'node:events';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {Agent, request} from 'undici';
import {FaultProxy} from './fault-proxy.ts';

/** Says whether a fault does what it is for: a harness that does nothing would make every test green. */
let upstream: Server;
let proxy: FaultProxy;
let agent: Agent;
/** What reached the server. */
let done: string[];
let sayInWatch: (line: string) => void;

beforeEach(async () => {
  done = [];
  upstream = createServer((incoming, response) => {
    done.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    if (incoming.url?.includes('watch=1') === true) {
      response.writeHead(200).flushHeaders();
      sayInWatch = (line) => response.write(line);
    } else {
      response.end('the whole answer');
    }
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  proxy = await FaultProxy.start({server: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`});
  agent = new Agent({connections: 1, connect: {ca: proxy.caData}});
});

afterEach(async () => {
  await agent.destroy();
  await proxy.close();
  upstream.closeAllConnections();
  upstream.close();
});

async function ask(method: 'GET' | 'PATCH', path = '/x', signal?: AbortSignal) {
  const response = await request(`${proxy.server}${path}`, {method, dispatcher: agent, ...(signal && {signal})});
  return {status: response.statusCode, headers: response.headers, body: await response.body.text()};
}

const any = (): boolean => true;

test('passes on what no rule is for, and counts requests and connections', async () => {
  expect(await ask('GET')).toMatchObject({status: 200, body: 'the whole answer'});
  await ask('PATCH', '/y?a=b');
  expect(done).toEqual(['GET /x', 'PATCH /y?a=b']);
  expect(proxy.requests.map(({path}) => path)).toEqual(['/x', '/y?a=b']);
  expect(proxy.connections).toBe(1);
});

test('answers in place of the server, as often as told', async () => {
  const body = {kind: 'Status'};
  proxy.rule({matches: any, times: 1, fault: {kind: 'answer', status: 429, headers: {'retry-after': '1'}, body}});
  expect(await ask('GET')).toMatchObject({status: 429, headers: {'retry-after': '1'}, body: '{"kind":"Status"}'});
  expect(done).toEqual([]);
  expect((await ask('GET')).status).toBe(200);
});

test('a rule can be ended', async () => {
  const end = proxy.rule({matches: any, fault: {kind: 'answer', status: 500, body: {}}});
  end();
  expect((await ask('GET')).status).toBe(200);
});

describe('a reset', () => {
  test('before: the server has seen nothing', async () => {
    proxy.rule({matches: any, fault: {kind: 'reset', when: 'before'}});
    await expect(ask('PATCH')).rejects.toThrow();
    expect(done).toEqual([]);
  });

  test('after: the server has done it', async () => {
    proxy.rule({matches: any, fault: {kind: 'reset', when: 'after'}});
    await expect(ask('PATCH')).rejects.toThrow();
    expect(done).toEqual(['PATCH /x']);
  });
});

test('a hang after: the server has done it and no answer comes', async () => {
  proxy.rule({matches: any, fault: {kind: 'hang', when: 'after'}});
  await expect(ask('PATCH', '/x', AbortSignal.timeout(300))).rejects.toThrow();
  expect(done).toEqual(['PATCH /x']);
});

test('half an answer breaks off', async () => {
  proxy.rule({matches: any, fault: {kind: 'truncate'}});
  await expect(ask('GET')).rejects.toThrow();
  expect(done).toEqual(['GET /x']);
});

describe('a watch', () => {
  async function watch() {
    const response = await request(`${proxy.server}/pods?watch=1`, {dispatcher: agent});
    const chunks = response.body[Symbol.asyncIterator]();
    return async () => {
      const {value} = (await chunks.next()) as {value: Buffer};
      return value.toString();
    };
  }

  test('is passed on as it comes, with lines of our own', async () => {
    const next = await watch();
    sayInWatch('{"a":1}\n');
    expect(await next()).toBe('{"a":1}\n');
    proxy.watches('pods').inject({type: 'ERROR'});
    expect(await next()).toBe('{"type":"ERROR"}\n');
    expect(proxy.watches('other').count).toBe(0);
  });

  test('is cut within a line', async () => {
    const next = await watch();
    proxy.watches().cutMidLine();
    sayInWatch('{"abcdef":1}\n');
    expect(await next()).toBe('{"abcd');
    await expect(next()).rejects.toThrow();
  });

  test('falls silent without ending', async () => {
    const next = await watch();
    proxy.watches().silence();
    sayInWatch('unheard\n');
    const heard = next();
    const timeout = new Promise((resolve) => setTimeout(resolve, 200, 'silence'));
    expect(await Promise.race([heard, timeout])).toBe('silence');
    proxy.watches().reset();
    await expect(heard).rejects.toThrow();
  });
});

test('a black hole swallows everything until it is healed', async () => {
  await ask('GET');
  proxy.blackhole(true);
  await expect(ask('GET', '/swallowed', AbortSignal.timeout(200))).rejects.toThrow();
  expect(done).toEqual(['GET /x']);
  proxy.rule({matches: any, fault: {kind: 'answer', status: 500, body: {}}});
  proxy.heal();
  expect((await ask('GET', '/again')).status).toBe(200);
});
