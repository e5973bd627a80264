import {Problem} from '../problems.ts';

/** What a client expects of a task's version before it is changed. */
export type VersionCheck = (version: number) => boolean;

const anyVersion: VersionCheck = () => true;

/** A list of entity tags (RFC 9110, section 8.8.3), in which a tag may have a comma. */
const TAG = String.raw`(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"`;
const TAGS = new RegExp(String.raw`^${TAG}(?:[ \t]*,[ \t]*${TAG})*$`);
const EACH_TAG = new RegExp(TAG, 'g');

/** The strong entity tag of a task's version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/**
 * Reads an `If-Match` header (RFC 9110, section 13.1.1). Absent or `*`: every version will do. Weak tags never match.
 *
 * @throws {Problem} invalid-if-match.
 */
export function parseIfMatch(header: string | undefined): VersionCheck {
  const value = header?.trim();
  if (value === undefined || value === '*') return anyVersion;
  if (!TAGS.test(value)) {
    throw new Problem('invalid-if-match', {detail: 'If-Match must be * or a list of entity tags such as "3".'});
  }
  const wanted = new Set(value.match(EACH_TAG));
  return (version) => wanted.has(etagOf(version));
}
