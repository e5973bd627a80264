import {randomBytes} from 'node:crypto';
import {buffer} from 'node:stream/consumers';
import type {Duplex} from 'node:stream';
import {promisify} from 'node:util';
import {zstdDecompress} from 'node:zlib';
import {describe, expect, test} from '@jest/globals';
import {compression, decompression} from './compression.ts';

const BLOCK_BYTES = 1024 * 1024;

/** Compressible, and of another content everywhere. */
function sample(bytes: number): Buffer {
  return Buffer.from(
    randomBytes(Math.ceil(bytes / 2))
      .toString('hex')
      .slice(0, bytes),
  );
}

async function through(stream: Duplex, content: Buffer, size: number): Promise<Buffer> {
  const whole = buffer(stream);
  for (let from = 0; from < content.length; from += size) stream.write(content.subarray(from, from + size));
  stream.end();
  return whole;
}

describe('blocks', () => {
  test.each([0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 77])(
    'of %i bytes are one zstd stream of the same bytes',
    async (length) => {
      const content = sample(length);
      const compressed = await through(compression(), content, BLOCK_BYTES);
      expect((await promisify(zstdDecompress)(compressed)).equals(content)).toBe(true);
      expect((await through(decompression(), compressed, 1000)).equals(content)).toBe(true);
    },
    60_000,
  );

  test('are frames of their own', async () => {
    const content = sample(2 * BLOCK_BYTES);
    const [whole, second] = await Promise.all(
      [content, content.subarray(BLOCK_BYTES)].map(async (bytes) => through(compression(), bytes, BLOCK_BYTES)),
    );
    expect(whole?.subarray(-(second?.length ?? 0)).equals(second ?? content)).toBe(true);
  });
});

test('a frame in which a byte is another is refused', async () => {
  const compressed = await through(compression(), sample(BLOCK_BYTES), BLOCK_BYTES);
  compressed.writeUInt8(compressed.readUInt8(5000) ^ 1, 5000);
  await expect(through(decompression(), compressed, BLOCK_BYTES)).rejects.toThrow();
});
