/** Rows that one statement reads at most: a mebibyte when all have the longest description. */
const PIECE = 26;
/** What the long texts of one page may take in JSON. */
const MAX_BYTES = 256 * 1024;
/** A text with so few characters counts as if each took the most there is: a page of these is no page that is too large. */
const SHORT = 400;
const MOST_BYTES = '\\u0000'.length;

/** Part of a list, and whether more of it was found. */
export interface Piece<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

/**
 * Reads a page piece by piece and ends it early when its texts are long: how many items a client asks for then says nothing of
 * the memory that an answer takes, and two hundred such answers at once fit into a pod. There is always one item, so that
 * a client who goes on comes to the end.
 *
 * @param limit - items at most
 * @param bytesOf - bytes that an item takes, but for what is small in any
 * @param read - reads so many items after one, or from the begin
 */
export async function readPage<T>(
  limit: number,
  bytesOf: (item: T) => number,
  read: (after: T | undefined, count: number) => Promise<readonly T[]>,
): Promise<Piece<T>> {
  const items: T[] = [];
  for (let bytes = 0; ;) {
    // One more than asked for tells whether there is a next page without another query.
    const count = Math.min(limit + 1 - items.length, PIECE);
    const found = await read(items.at(-1), count);
    for (const item of found) {
      bytes += bytesOf(item);
      const isFull = items.length === limit || (bytes > MAX_BYTES && items.length > 0);
      if (isFull) return {items, hasMore: true};
      items.push(item);
    }
    if (found.length < count) return {items, hasMore: false};
  }
}

/** What of a task may be long: everything else is small. */
export function bytesOfTask({description: text}: {readonly description: string}): number {
  return text.length <= SHORT ? text.length * MOST_BYTES : Buffer.byteLength(JSON.stringify(text));
}
