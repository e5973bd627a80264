import {Problem} from '../problems.ts';

/** What a client expects of a task's version before it is changed. */
export type VersionCheck = (version: number) => boolean;

const anyVersion: VersionCheck = () => true;

const ENTITY_TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;

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
  if (header === undefined || header.trim() === '*') return anyVersion;
  const wanted = new Set<string>();
  for (const part of header.split(',')) {
    const match = ENTITY_TAG.exec(part.trim());
    if (match === null) {
      throw new Problem('invalid-if-match', {detail: 'If-Match must be * or a list of entity tags such as "3".'});
    }
    if (match[1] === undefined) wanted.add(match[0]);
  }
  return (version) => wanted.has(etagOf(version));
}
