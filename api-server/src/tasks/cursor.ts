import {Problem} from '../problems.ts';
import {isTaskId} from './uuid.ts';

/** The first byte says which kind of cursor it is, so that a later order can have another without ambiguity. */
const AFTER_ID = '1';

/** An opaque cursor that continues after the task with this id. */
export function encodeCursor(lastId: string): string {
  return Buffer.from(AFTER_ID + lastId, 'latin1').toString('base64url');
}

/**
 * The id that a cursor continues after.
 *
 * @throws {Problem} invalid-cursor.
 */
export function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const id = text.slice(1);
  // Encoding again refuses what Buffer decodes leniently: stray characters and other spellings of one cursor.
  if (!text.startsWith(AFTER_ID) || !isTaskId(id) || encodeCursor(id) !== cursor) throw new Problem('invalid-cursor');
  return id;
}
