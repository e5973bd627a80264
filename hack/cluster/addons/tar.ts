/** A file of an archive. */
export interface TarFile {
  readonly path: string;
  readonly content: Buffer;
  /** Permission bits, for example 0o755. */
  readonly mode: number;
}

const BLOCK = 512;

/**
 * Writes a ustar archive (POSIX.1-1988) with plain files, owned by root and dated to the epoch, so that equal content
 * gives equal bytes.
 * @throws RangeError for a path longer than the 100 bytes of a header
 */
export function tar(files: readonly TarFile[]): Buffer {
  const blocks = files.flatMap(({path, content, mode}) => [
    header(path, content.length, mode),
    content,
    Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(path: string, size: number, mode: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new RangeError(`path too long for a tar header: ${path}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  block.write(path, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  // The checksum is the sum of the header's bytes, itself counted as blanks.
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
