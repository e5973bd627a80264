import {createHash} from 'node:crypto';
import {promisify} from 'node:util';
import {constants, createZstdDecompress, zstdCompress} from 'node:zlib';
import {BackupFailure} from './failure.ts';

const compressOnce = promisify(zstdCompress);

/** Each block is a zstd frame of its own: frames in a row are valid zstd, and two can be made at a time. */
export const BLOCK_BYTES = 8 * 1024 * 1024;
const LEVEL = 3;
/** What zstd gives is taken in pieces of this size. */
const PIECE_BYTES = 256 * 1024;

export interface Block {
  readonly compressed: Buffer;
  /** Of what was compressed. */
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Compresses a stream block by block, in order: one is filled while another is compressed, and no third is in memory.
 * One-shot calls, because Node 24's zstd streams with more workers than one end without an error and truncated.
 *
 * @param source - the plain bytes; each chunk is copied before the next is asked for
 */
export async function* compressBlocks(source: AsyncIterable<Buffer>): AsyncGenerator<Block, void, undefined> {
  let [filling, spare]: [Buffer, Buffer] = [Buffer.allocUnsafeSlow(BLOCK_BYTES), Buffer.allocUnsafeSlow(BLOCK_BYTES)];
  let length = 0;
  let compressing: Promise<Block> | undefined;
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length;) {
      const copied = chunk.copy(filling, length, from);
      length += copied;
      from += copied;
      if (length < BLOCK_BYTES) continue;
      const before = compressing;
      compressing = begun(filling);
      [filling, spare] = [spare, filling];
      length = 0;
      // Its buffer is the one that is filled next.
      if (before !== undefined) yield await before;
    }
  }
  if (compressing !== undefined) yield await compressing;
  if (length > 0) yield await compressBlock(filling.subarray(0, length));
}

/** Its error is thrown when it is waited for; until then nobody waits for it. */
function begun(plain: Buffer): Promise<Block> {
  const block = compressBlock(plain);
  block.catch(() => undefined);
  return block;
}

async function compressBlock(plain: Buffer): Promise<Block> {
  const compressed = await compressOnce(plain, {
    chunkSize: PIECE_BYTES,
    params: {[constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1},
  });
  return {compressed, bytes: plain.length, sha256: createHash('sha256').update(plain).digest('hex')};
}

/** What must come back when a block is decoded. */
export type ExpectedBlock = Omit<Block, 'compressed'> & {readonly compressedBytes: number};

/**
 * Decodes what was encrypted and decrypted again, and compares it with what was dumped.
 *
 * @param decrypted - the frames as they come back, cut anywhere
 * @param expected - the blocks in their order; each is there before its bytes come back
 * @throws BackupFailure VerificationFailed at the first difference
 */
export async function verifyBlocks(decrypted: AsyncIterable<Buffer>, expected: ExpectedBlock[]): Promise<void> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of decrypted) {
    for (let rest = chunk; rest.length > 0;) {
      const block = expected[0];
      if (block === undefined) throw different('more comes back than went in');
      const part = rest.subarray(0, block.compressedBytes - length);
      rest = rest.subarray(part.length);
      parts.push(part);
      length += part.length;
      if (length < block.compressedBytes) continue;
      await verifyBlock(Buffer.concat(parts), block);
      expected.shift();
      parts = [];
      length = 0;
    }
  }
  if (expected.length > 0) throw different('less comes back than went in');
}

async function verifyBlock(compressed: Buffer, {bytes, sha256}: ExpectedBlock): Promise<void> {
  const decompress = createZstdDecompress({chunkSize: PIECE_BYTES});
  decompress.end(compressed);
  const hash = createHash('sha256');
  let length = 0;
  try {
    for await (const plain of decompress as AsyncIterable<Buffer>) {
      hash.update(plain);
      length += plain.length;
    }
  } catch (error) {
    throw different('a block can not be decompressed', error);
  }
  if (length !== bytes || hash.digest('hex') !== sha256) throw different('a block differs');
}

function different(how: string, cause?: unknown): BackupFailure {
  return new BackupFailure(
    'VerificationFailed',
    `What was encrypted does not decode to what was dumped: ${how}`,
    cause,
  );
}
