import {randomBytes} from 'node:crypto';
import {buffer} from 'node:stream/consumers';
import type {Duplex} from 'node:stream';
import {setTimeout} from 'node:timers/promises';
import {promisify} from 'node:util';
import {zstdDecompress} from 'node:zlib';
import {describe, expect, test} from '@jest/globals';
import {compression, decompression} from './compression.ts';

const BLOCK_BYTES = 1024 * 1024;
/** RFC 8878, 3.1.1: what a frame begins with. */
const MAGIC = Buffer.from('28b52ffd', 'hex');

/** Compressible, and of another content everywhere. */
function sample(bytes: number): Buffer {
  return Buffer.from(
    randomBytes(Math.ceil(bytes / 2))
      .toString('hex')
      .slice(0, bytes),
  );
}

/** Where one frame ends and the next begins. */
function frameStarts(compressed: Buffer): number[] {
  const starts: number[] = [];
  for (let at = compressed.indexOf(MAGIC, 1); at !== -1; at = compressed.indexOf(MAGIC, at + 1)) starts.push(at);
  return starts;
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

test.each([-5, -4, -3, -2, -1, 0, 1, 5])(
  'what is split %i bytes from where a frame begins is decoded whole',
  async (offset) => {
    const content = sample(3 * BLOCK_BYTES);
    const compressed = await through(compression(), content, BLOCK_BYTES);
    const [first, second] = frameStarts(compressed);
    const expander = decompression();
    const whole = buffer(expander);
    const cuts = [0, (first ?? 0) + offset, (second ?? 0) + offset, compressed.length];
    for (const [index, cut] of cuts.slice(1).entries()) expander.write(compressed.subarray(cuts[index], cut));
    expander.end();
    expect((await whole).equals(content)).toBe(true);
  },
);

test('many frames in one write are decoded at the pace of who reads them', async () => {
  const frames = 64;
  const compressed = await through(compression(), Buffer.alloc(frames * BLOCK_BYTES), BLOCK_BYTES);
  const expander = decompression();
  let bytes = 0;
  let held = 0;
  expander.end(compressed);
  for await (const plain of expander) {
    // Time for it to decode more than is read.
    if (bytes === 0) await setTimeout(100);
    held = Math.max(held, expander.readableLength, (plain as Buffer).length);
    bytes += (plain as Buffer).length;
  }
  expect(bytes).toBe(frames * BLOCK_BYTES);
  expect(held).toBeLessThan(2 * BLOCK_BYTES);
});

test('what follows the last frame and is none is refused', async () => {
  const compressed = await through(compression(), sample(BLOCK_BYTES), BLOCK_BYTES);
  const followed = Buffer.concat([compressed, Buffer.from('no frame')]);
  await expect(through(decompression(), followed, followed.length)).rejects.toThrow();
});

test('a frame in which a byte is another is refused', async () => {
  const compressed = await through(compression(), sample(BLOCK_BYTES), BLOCK_BYTES);
  compressed.writeUInt8(compressed.readUInt8(5000) ^ 1, 5000);
  await expect(through(decompression(), compressed, BLOCK_BYTES)).rejects.toThrow();
});
