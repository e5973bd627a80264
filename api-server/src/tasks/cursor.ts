import {hash as hashOnce} from 'node:crypto';
import {Problem} from '../problems.ts';

/** Bytes of each hash in a cursor. They tell mistakes apart, they keep no secret: a cursor names a place, not a right. */
const HASH_BYTES = 6;

/** Numbers, times and ids have no spaces. */
const SEPARATOR = ' ';

/** Where a page ends: what the order compares, the id last. */
export type Position = readonly string[];

/**
 * An opaque cursor that continues after a position of one list.
 *
 * @param list what makes the list this one: its filters and its order. The cursor is no good for any other.
 */
export function encodeCursor(list: string, position: Position): string {
  const payload = Buffer.from(position.join(SEPARATOR), 'latin1');
  const listHash = hashOfList(list);
  return Buffer.concat([listHash, hash(Buffer.concat([listHash, payload])), payload]).toString('base64url');
}

/**
 * The position that a cursor continues after. Its parts are what some client sent: the list must check them.
 *
 * @throws {Problem} invalid-cursor when no service made it; cursor-mismatch when it belongs to another list.
 */
export function decodeCursor(list: string, cursor: string): Position {
  const bytes = Buffer.from(cursor, 'base64url');
  const listHash = bytes.subarray(0, HASH_BYTES);
  const payload = bytes.subarray(2 * HASH_BYTES);
  const sealed = Buffer.concat([listHash, hash(Buffer.concat([listHash, payload])), payload]);
  // Compared as text, which refuses what Buffer decodes leniently: stray characters and other spellings of one cursor.
  if (sealed.toString('base64url') !== cursor || payload.length === 0) throw new Problem('invalid-cursor');
  if (!listHash.equals(hashOfList(list))) throw new Problem('cursor-mismatch');
  return payload.toString('latin1').split(SEPARATOR);
}

let known = {list: '', hash: hash('')};

/** The last one is kept: most pages are of the list that the page before was of. */
function hashOfList(list: string): Buffer {
  if (list !== known.list) known = {list, hash: hash(list)};
  return known.hash;
}

function hash(content: string | Buffer): Buffer {
  return hashOnce('sha256', content, 'buffer').subarray(0, HASH_BYTES);
}
