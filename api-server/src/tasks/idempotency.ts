import {createHash} from 'node:crypto';
import {Problem} from '../problems.ts';
import type {CreateTask} from './schema.ts';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** One client's wish to create one task exactly once. */
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
export function hashBody(body: CreateTask): Buffer {
  const entries = Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest();
}
