import {createHash} from 'node:crypto';
import {Problem} from '../problems.ts';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** One client's wish to do one thing exactly once. */
export interface IdempotentRequest {
  /** The token's name: two clients never share a key. */
  readonly principal: string;
  readonly key: string;
  /** SHA-256 of the body, whatever order its fields came in. */
  readonly bodyHash: Buffer;
}

/**
 * Reads an `Idempotency-Key` header.
 *
 * @returns undefined when the client sent none.
 * @throws {Problem} invalid-idempotency-key.
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !KEY.test(header)) {
    throw new Problem('invalid-idempotency-key', {detail: 'It must be 1 to 255 visible ASCII characters.'});
  }
  return header;
}

/** The hash by which a repeated request is told from another one under the same key. */
export function hashBody(body: object): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(canonical(body)))
    .digest();
}

/** Objects as lists of their fields in order, since the order in which a client wrote them says nothing. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => [name, canonical(field)]);
}
