import type {Readable} from 'node:stream';
import {compressBlocks, verifyBlocks, type ExpectedBlock} from './blocks.ts';
import {DumpScanner, type ScanResult} from './dump-scanner.ts';
import type {BackupKey} from './encryption.ts';
import {BackupFailure} from './failure.ts';
import {chunksOf, write} from './flow.ts';
import type {MultipartUpload} from './storage.ts';

/** What went through. */
export interface Pumped {
  readonly scan: ScanResult;
  readonly compressedBytes: number;
}

/**
 * Brings a dump from its source into the upload: scanned, compressed, encrypted, and decoded again on the way. Every
 * part of the way has little room, so that what is in memory doesn't grow with the dump.
 *
 * @param backup - the identity that the encryption binds
 * @param signal - ends it with the signal's reason
 * @returns when every part is stored; the upload isn't completed
 * @throws what failed first; nothing is under way any more then, but parts of the upload
 */
export async function pump(
  source: Readable,
  key: BackupKey,
  backup: string,
  upload: MultipartUpload,
  signal: AbortSignal,
): Promise<Pumped> {
  const scanner = new DumpScanner();
  const cipher = key.encrypt({backup, content: 'dump'});
  const decipher = key.decrypt({backup, content: 'dump'});
  const expected: ExpectedBlock[] = [];
  let compressedBytes = 0;

  /** The first error is the one that counts: it ends the other ways, whose errors only follow from it. */
  const broken = new AbortController();
  const ended = AbortSignal.any([signal, broken.signal]);
  source.on('error', (error) => broken.abort(error));
  cipher.on('error', (error) => broken.abort(error));
  decipher.on('error', (error) => broken.abort(undecodable(error)));

  ended.addEventListener('abort', () => upload.giveUp(), {once: true});

  const dump = async (): Promise<void> => {
    for await (const {compressed, bytes, sha256} of compressBlocks(scanned(chunksOf(source, ended), scanner))) {
      expected.push({compressedBytes: compressed.length, bytes, sha256});
      compressedBytes += compressed.length;
      await write(cipher, compressed, ended);
      // What a block leaves behind is outside of V8's heap, which alone says when to collect: 30 MiB less at the peak.
      globalThis.gc?.({type: 'minor', execution: 'sync'});
    }
    cipher.end();
  };
  const carry = async (): Promise<void> => {
    for await (const chunk of chunksOf(cipher, ended)) {
      await upload.write(chunk);
      await write(decipher, chunk, ended);
    }
    decipher.end();
    await upload.flush();
  };
  const ways = [dump(), carry(), verifyBlocks(chunksOf(decipher, ended), expected)];
  await Promise.all(ways.map(async (way) => way.catch((error: unknown) => broken.abort(error))));
  source.destroy();
  signal.throwIfAborted();
  broken.signal.throwIfAborted();
  return {scan: scanner.end(), compressedBytes};
}

function undecodable(error: unknown): BackupFailure {
  if (error instanceof BackupFailure) return error;
  return new BackupFailure('VerificationFailed', 'What was encrypted can not be decrypted', error);
}

async function* scanned(source: AsyncIterable<Buffer>, scanner: DumpScanner): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of source) {
    scanner.push(chunk);
    yield chunk;
  }
}
