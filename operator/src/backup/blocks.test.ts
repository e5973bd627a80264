import {randomBytes} from 'node:crypto';
import {promisify} from 'node:util';
import {zstdDecompress} from 'node:zlib';
import {describe, expect, test} from '@jest/globals';
import {BLOCK_BYTES, compressBlocks, verifyBlocks, type Block, type ExpectedBlock} from './blocks.ts';

/** Compressible, and of another content everywhere. */
function sample(bytes: number): Buffer {
  return Buffer.from(
    randomBytes(Math.ceil(bytes / 2))
      .toString('hex')
      .slice(0, bytes),
  );
}

async function* pieces(content: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < content.length; from += size)
    yield await Promise.resolve(content.subarray(from, from + size));
}

async function all(blocks: AsyncIterable<Block>): Promise<Block[]> {
  const list: Block[] = [];
  for await (const block of blocks) list.push(block);
  return list;
}

async function compressed(content: Buffer): Promise<Block[]> {
  return all(compressBlocks(pieces(content, 64 * 1024)));
}

function expectations(blocks: readonly Block[]): ExpectedBlock[] {
  return blocks.map(({compressed, bytes, sha256}) => ({compressedBytes: compressed.length, bytes, sha256}));
}

describe('blocks', () => {
  test.each([0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 77])(
    'of %i bytes are one zstd stream of the same bytes',
    async (length) => {
      const content = sample(length);
      const blocks = await compressed(content);
      expect(blocks).toHaveLength(Math.ceil(length / BLOCK_BYTES));
      const plain = await Promise.all(blocks.map(async (block) => promisify(zstdDecompress)(block.compressed)));
      expect(Buffer.concat(plain).equals(content)).toBe(true);
      const stream = Buffer.concat(blocks.map((block) => block.compressed));
      await expect(verifyBlocks(pieces(stream, 1000), expectations(blocks))).resolves.toBeUndefined();
    },
    60_000,
  );

  test('end with the error of their source', async () => {
    const source = async function* (): AsyncGenerator<Buffer> {
      yield await Promise.resolve(sample(BLOCK_BYTES * 2));
      throw new Error('the pipe broke');
    };
    await expect(all(compressBlocks(source()))).rejects.toThrow('the pipe broke');
  });
});

describe('what is decoded', () => {
  const content = sample(BLOCK_BYTES + 1000);

  test.each([
    [
      'a byte is another',
      (stream: Buffer) => Buffer.concat([stream.subarray(0, 5000), Buffer.from([0]), stream.subarray(5001)]),
    ],
    ['the end is missing', (stream: Buffer) => stream.subarray(0, -1)],
    ['a block is missing', (stream: Buffer, first: number) => stream.subarray(first)],
    ['there is more', (stream: Buffer) => Buffer.concat([stream, Buffer.from('more')])],
    ['there is nothing', () => Buffer.alloc(0)],
  ])('is refused when %s', async (_how, harm) => {
    const blocks = await compressed(content);
    const stream = Buffer.concat(blocks.map((block) => block.compressed));
    const harmed = harm(stream, blocks[0]?.compressed.length ?? 0);
    await expect(verifyBlocks(pieces(harmed, 4096), expectations(blocks))).rejects.toMatchObject({
      reason: 'VerificationFailed',
    });
  });

  test('is refused when it is valid but not what went in', async () => {
    const [mine, other] = [await compressed(content), await compressed(sample(content.length))];
    const expected = expectations(other).map((block, index) => ({...block, sha256: mine[index]?.sha256 ?? ''}));
    const stream = Buffer.concat(other.map((block) => block.compressed));
    await expect(verifyBlocks(pieces(stream, 4096), expected)).rejects.toThrow('a block differs');
  });
});
