import dns from 'node:dns';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createServer, type AddressInfo, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, jest, test} from '@jest/globals';
import {causeOf} from './cause.ts';
import {connectorFor} from './connect.ts';
import {classify, DatabaseUnavailableError} from './errors.ts';

type Answer = (...args: unknown[]) => void;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'connect-'));
  await writeFile(join(folder, 'password'), 'secret');
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, {recursive: true});
});

/** What comes of connecting to a host. */
async function failure(host: string, port = 1): Promise<unknown> {
  const passwordFile = join(folder, 'password');
  const config = {host, port, name: 'tasks_db', user: 'app', passwordFile, tlsCaFile: undefined};
  return connectorFor(config, {timeoutMs: 100})().then(
    () => 'it connected',
    (error: unknown) => error,
  );
}

/** Stands in for the resolver of the operating system. */
function resolver(answers: (answer: Answer) => void): void {
  jest.spyOn(dns, 'lookup').mockImplementation(((_host: string, _options: object, answer: Answer) => {
    setImmediate(() => answers(answer));
  }) as unknown as typeof dns.lookup);
}

describe('a server that can not be reached', () => {
  test.each<[string, (answer: Answer) => void]>([
    ['no name server answers', () => undefined],
    ['its name is not known', (answer) => answer(Object.assign(new Error('ENOTFOUND'), {code: 'ENOTFOUND'}))],
  ])('because %s lacks names', async (_, answers) => {
    resolver(answers);
    const error = await failure('db.example');
    expect(causeOf(error)).toBe('dns');
    expect(classify(error)).toBeInstanceOf(DatabaseUnavailableError);
  });

  test('though its address is known lacks the connection', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const {port} = silent.address() as AddressInfo;
    expect(causeOf(await failure('127.0.0.1', port))).toBe('connection');
    resolver((answer) => answer(null, [{address: '127.0.0.1', family: 4}]));
    expect(causeOf(await failure('db.example', port))).toBe('connection');
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});
