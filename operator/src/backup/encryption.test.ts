import {randomBytes} from 'node:crypto';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Duplex} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {readKey} from './encryption.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'));
  for (const id of ['k1', 'k2']) await writeFile(join(folder, id), `${randomBytes(32).toString('base64')}\n`);
  await writeFile(join(folder, 'short'), randomBytes(16).toString('base64'));
});

afterAll(async () => rm(folder, {recursive: true}));

const mine = {backup: 'ns/name/uid/1', content: 'dump'} as const;

async function through(stream: Duplex, content: Buffer): Promise<Buffer> {
  stream.end(content);
  return buffer(stream);
}

describe('a message', () => {
  test('comes back with the key and the identity that it was encrypted with', async () => {
    const key = await readKey(folder, 'k1');
    const content = randomBytes(3 * 1024 * 1024 + 5);
    const message = await through(key.encrypt(mine), content);
    expect(message.includes(content.subarray(0, 64))).toBe(false);
    expect((await through(key.decrypt(mine), message)).equals(content)).toBe(true);
  });

  test.each([
    ['of another backup', {backup: 'ns/name/uid/2', content: 'dump'}],
    ['of other content', {backup: 'ns/name/uid/1', content: 'manifest'}],
  ] as const)('is refused as that %s', async (_what, other) => {
    const key = await readKey(folder, 'k1');
    const message = await through(key.encrypt(mine), Buffer.from('a dump'));
    await expect(through(key.decrypt(other), message)).rejects.toThrow('the identity of another backup');
  });

  test('is refused with another key', async () => {
    const message = await through((await readKey(folder, 'k1')).encrypt(mine), Buffer.from('a dump'));
    await expect(through((await readKey(folder, 'k2')).decrypt(mine), message)).rejects.toThrow();
  });
});

test.each(['absent', 'short'])('a key that is %s is refused by its name', async (id) => {
  await expect(readKey(folder, id)).rejects.toMatchObject({
    reason: 'KeyMissing',
    message: expect.stringContaining(`"${id}"`) as unknown,
  });
});
