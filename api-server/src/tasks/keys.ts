import type {Database, Session, Statement} from '../database/database.ts';
import {errnoOf} from '../database/errors.ts';
import type {IdempotentRequest} from './idempotency.ts';

const CLAIM_KEY: Statement = {
  name: 'idempotency_claim',
  sql: 'INSERT INTO idempotency_keys (principal, idempotency_key, body_hash, response, created_at) VALUES (?, ?, ?, ?, ?)',
};
const FIND_KEY: Statement = {
  name: 'idempotency_find',
  sql: 'SELECT body_hash, response FROM idempotency_keys WHERE principal = ? AND idempotency_key = ? FOR SHARE',
};
const PURGE_KEYS: Statement = {
  name: 'idempotency_purge',
  sql: 'DELETE FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?',
};

const ER_DUP_ENTRY = 1062;
/** Rows a purge takes at once: few enough that no request waits long behind its locks. */
const PURGE_BATCH = 500;

/** What became of a wish to use a key. */
export type Claim =
  | {readonly kind: 'claimed'}
  /** The same request used it before, and this was kept for its answer. */
  | {readonly kind: 'repeated'; readonly response: string}
  | {readonly kind: 'key-reused'};

/**
 * Claims a request's key inside the transaction that does what the request asks for: whoever finds the key finds the work
 * done, whatever crashed in between. A second request with the key waits for the first one's transaction.
 *
 * @param response what a repetition needs to be answered as the first was, at most 64 KiB.
 */
export async function claim(session: Session, once: IdempotentRequest, response: string, now: Date): Promise<Claim> {
  try {
    await session.change(CLAIM_KEY, [once.principal, once.key, once.bodyHash, response, now]);
    return {kind: 'claimed'};
  } catch (error) {
    if (errnoOf(error) !== ER_DUP_ENTRY) throw error;
  }
  // A locking read sees what was committed after this transaction's snapshot; the failed INSERT holds the row already.
  const [row] = await session.rows(FIND_KEY, [once.principal, once.key]);
  const bodyHash: unknown = row?.body_hash;
  if (!(bodyHash instanceof Buffer)) throw new Error('An idempotency key vanished while it was locked');
  if (!bodyHash.equals(once.bodyHash)) return {kind: 'key-reused'};
  return {kind: 'repeated', response: String(row?.response)};
}

/**
 * Forgets idempotency keys from before a time, in small steps.
 *
 * @returns how many were forgotten.
 */
export async function purgeKeys(database: Database, before: Date): Promise<number> {
  for (let purged = 0; ;) {
    const step = await database.run((session) => session.change(PURGE_KEYS, [before, String(PURGE_BATCH)]));
    purged += step;
    if (step < PURGE_BATCH) return purged;
  }
}
