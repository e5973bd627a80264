import {ApiError} from './errors.ts';

/** No object is larger: the API server takes at most 3 MiB, JSON of the watch envelope included. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Splits a stream of bytes into lines, without their ends; empty lines are left out.
 * @throws ApiError of kind Network when the stream ends within a line: what came of it is not to be used
 */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  onBytes?: (count: number) => void,
): AsyncGenerator<string, void, undefined> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    onBytes?.(chunk.length);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      start = end + 1;
      if (line !== '') {
        yield line;
      }
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      length += chunk.length - start;
    }
    if (length > MAX_LINE_BYTES) {
      throw new ApiError('A line of the watch is too long', {kind: 'Network', status: 0, reason: 'LineTooLong'});
    }
  }
  if (length > 0) {
    throw new ApiError('The watch ended within a line', {kind: 'Network', status: 0, reason: 'Truncated'});
  }
}
