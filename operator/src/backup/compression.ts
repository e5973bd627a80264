import {Transform, type TransformCallback} from 'node:stream';
import {constants, createZstdCompress, createZstdDecompress, type ZstdCompress, type ZstdDecompress} from 'node:zlib';

const LEVEL = 3;
/** What comes out is in pieces of this size. */
const PIECE_BYTES = 256 * 1024;

/**
 * A zstd stream in which each write becomes a frame of its own: frames in a row are valid zstd, and what fits a core's
 * cache is compressed faster than what refers to megabytes before it. One worker, because with more of them Node 24's
 * streams end without an error and truncated.
 */
export function compression(): ZstdCompress {
  return createZstdCompress({
    chunkSize: PIECE_BYTES,
    flush: constants.ZSTD_e_end,
    params: {[constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1},
  });
}

/** What makes the plain bytes of it again, whatever pieces it comes in. */
export function decompression(): Transform {
  return new Decompression();
}

/**
 * Frames in a row, decoded. Node 24's own decoder takes what follows a frame in the same write for rubbish, and ends without
 * an error (nodejs/node#64741): from there another one goes on.
 */
class Decompression extends Transform {
  #decoder = this.#open();

  override _transform(chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void {
    const decoder = this.#decoder;
    const before = decoder.bytesWritten;
    const another = (): void => {
      this.#decoder = this.#open();
      this._transform(chunk.subarray(decoder.bytesWritten - before), encoding, done);
    };
    decoder.once('end', another);
    decoder.write(chunk, (error) => {
      // One that has ended calls back too; an error is told by its event.
      if (decoder !== this.#decoder || error) return;
      decoder.off('end', another);
      done();
    });
  }

  override _flush(done: TransformCallback): void {
    this.#decoder.once('end', done).end();
  }

  override _read(size: number): void {
    this.#decoder.resume();
    super._read(size);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#decoder.destroy();
    super._destroy(error, done);
  }

  #open(): ZstdDecompress {
    const decoder = createZstdDecompress({chunkSize: PIECE_BYTES});
    decoder.on('data', (plain) => {
      if (!this.push(plain)) decoder.pause();
    });
    decoder.on('error', (error) => this.destroy(error));
    return decoder;
  }
}
