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

/** What makes the plain bytes of it again. */
export function decompression(): ZstdDecompress {
  return createZstdDecompress({chunkSize: PIECE_BYTES});
}
