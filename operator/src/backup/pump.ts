import {compression, decompression} from './compression.ts';
import type {DumpReader} from './dump-reader.ts';
import {DumpScanner, type ScanResult} from './dump-scanner.ts';
import type {BackupKey} from './encryption.ts';
import {BackupFailure} from './failure.ts';
import {chunksOf, consumed, write} from './flow.ts';
import {different, SectionCheck} from './section-check.ts';
import type {MultipartUpload} from './storage.ts';

/** What went through. */
export interface Pumped {
  readonly scan: ScanResult;
  readonly compressedBytes: number;
}

/**
 * Brings a dump from its source into the upload: scanned, compressed, encrypted, and decoded and compared on the way. Every
 * part of the way has little room, so that what is in memory doesn't grow with the dump.
 *
 * @param backup - the identity that the encryption binds
 * @param signal - ends it with the signal's reason
 * @returns when every part is stored; the upload isn't completed
 * @throws what failed first; nothing is under way any more then, but parts of the upload
 */
export async function pump(
  source: DumpReader,
  key: BackupKey,
  backup: string,
  upload: MultipartUpload,
  signal: AbortSignal,
): Promise<Pumped> {
  const scanner = new DumpScanner();
  const compressor = compression();
  const cipher = key.encrypt({backup, content: 'dump'});
  const decipher = key.decrypt({backup, content: 'dump'});
  const expander = decompression();
  let compressedBytes = 0;

  /** The first error is the one that counts: it ends the other ways, whose errors only follow from it. */
  const broken = new AbortController();
  const ended = AbortSignal.any([signal, broken.signal]);
  for (const out of [compressor, cipher]) out.on('error', (error) => broken.abort(error));
  for (const back of [decipher, expander]) back.on('error', (error) => broken.abort(undecodable(error)));

  ended.addEventListener('abort', () => upload.giveUp(), {once: true});

  const dump = async (): Promise<ScanResult> => {
    let before: Promise<void> | undefined;
    for await (const block of source.blocks(ended)) {
      // While the one before it is compressed.
      scanner.push(block);
      await before;
      before = consumed(compressor, block, ended);
      // Its error is thrown when it is waited for; until then nobody waits for it.
      before.catch(() => undefined);
    }
    await before;
    // Before the last of it can come back.
    const scan = scanner.end();
    compressor.end();
    return scan;
  };
  const encrypt = async (): Promise<void> => {
    for await (const chunk of chunksOf(compressor, ended)) {
      compressedBytes += chunk.length;
      await write(cipher, chunk, ended);
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
  const expand = async (): Promise<void> => {
    for await (const chunk of chunksOf(decipher, ended)) await write(expander, chunk, ended);
    expander.end();
  };
  const compare = async (): Promise<void> => {
    const check = new SectionCheck(scanner.sections);
    for await (const plain of chunksOf(expander, ended)) check.push(plain);
    check.end();
  };
  const ways = [dump(), encrypt(), carry(), expand(), compare()] as const;
  for (const way of ways) way.catch((error: unknown) => broken.abort(error));
  await Promise.allSettled(ways);
  for (const done of [source, compressor, expander]) done.destroy();
  signal.throwIfAborted();
  broken.signal.throwIfAborted();
  return {scan: await ways[0], compressedBytes};
}

function undecodable(error: unknown): BackupFailure {
  if (error instanceof BackupFailure) return error;
  return different('it can not be decrypted or decompressed', error);
}
