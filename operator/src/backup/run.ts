import type {Logger} from 'pino';
import type {BackupConfig} from './config.ts';
import {DumpSource} from './dump-source.ts';
import type {ScanResult} from './dump-scanner.ts';
import {readKey, type BackupKey} from './encryption.ts';
import {BackupFailure} from './failure.ts';
import {backupKeys, encodeManifest, identityText, type Manifest} from './manifest.ts';
import {pump} from './pump.ts';
import {SchemaSession, type Catalogue} from './schema.ts';
import {Storage, type MultipartUpload} from './storage.ts';

/**
 * Makes one backup: dump, stub and manifest in the bucket, the manifest last. What has no manifest is no backup.
 *
 * @param signal - ends the run with its reason
 * @returns the manifest
 * @throws BackupFailure when there is no backup; then nothing of it is left in the bucket, as far as that can be reached
 */
export async function runBackup(config: BackupConfig, logger: Logger, signal: AbortSignal): Promise<Manifest> {
  const source = new DumpSource(config.handoverFolder);
  const storage = new Storage(config.destination);
  try {
    const key = await readKey(config.keysFolder, config.keyId);
    const session = await SchemaSession.open(config.database);
    try {
      return await backUp({config, source, storage, key, session, logger, signal});
    } finally {
      session.close();
    }
  } catch (error) {
    await source.stop();
    throw error;
  } finally {
    storage.close();
  }
}

interface Run {
  readonly config: BackupConfig;
  readonly source: DumpSource;
  readonly storage: Storage;
  readonly key: BackupKey;
  readonly session: SchemaSession;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

async function backUp(run: Run): Promise<Manifest> {
  const {config, storage, key, session, logger, signal} = run;
  const startedAt = new Date().toISOString();
  await session.lock(config.lockSeconds, signal);
  await session.requireGrants();
  const before = await session.catalogue();
  const keys = backupKeys(config.prefix, config.backup);
  // Whoever holds the lock is the only one who writes below this prefix.
  const left = await storage.abortUploads(keys.own);
  if (left > 0) logger.warn({left}, 'Aborted uploads that an earlier run had left behind');

  const upload = await storage.startUpload(keys.dump);
  const stored = await attempt(run, upload, async () => {
    const dump = await run.source.start(config.startSeconds, signal);
    const pumped = await pump(dump, key, identityText(config.backup), upload, signal);
    await run.source.requireSuccess(signal);
    const after = await session.catalogue();
    requireWhole(pumped.scan, before, after);
    if (!(await session.holdsLock()))
      throw new BackupFailure('SchemaChanged', 'The schema lock was lost during the dump');
    // Migrations needn't wait for the rest.
    session.close();
    signal.throwIfAborted();
    return {...pumped, after, object: await upload.complete()};
  });

  const {object, scan, after, compressedBytes} = stored;
  const manifest: Manifest = {
    formatVersion: 1,
    backup: config.backup,
    startedAt,
    finishedAt: new Date().toISOString(),
    keyId: key.id,
    dumpKey: object.key,
    manifestKey: keys.manifest,
    bytes: object.bytes,
    serverVersion: before.serverVersion,
    etag: object.etag,
    checksum: object.checksum,
    dumpBytes: scan.bytes,
    compressedBytes,
    clientVersion: scan.clientVersion,
    gtidBefore: before.gtidExecuted,
    gtidAfter: after.gtidExecuted,
    ...(before.schemaVersion !== undefined && {schemaVersion: before.schemaVersion}),
    sections: [...scan.sections],
    objects: [...scan.objects],
  };
  const encoded = encodeManifest(manifest);
  try {
    await storage.put(keys.stub, encoded.stub);
    await storage.put(keys.manifest, await encrypted(run, encoded.manifest));
  } catch (error) {
    for (const made of [keys.manifest, keys.stub, keys.dump]) await tidied(logger, async () => storage.delete(made));
    throw error;
  }
  return manifest;
}

/**
 * Runs what ends in a completed upload; whatever fails in it aborts the upload.
 *
 * A storage that refuses a part before it has read it may close the connection, and its answer is lost (RFC 9112, section
 * 9.6). It says the same of the request that aborts, which has no body.
 */
async function attempt<T>({logger, source}: Run, upload: MultipartUpload, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // First the writer, which would wait for a reader for ever.
    await source.stop();
    const refused = await tidied(logger, async () => upload.abort());
    const lost = error instanceof BackupFailure && error.reason === 'StorageUnreachable';
    throw lost && refused instanceof BackupFailure ? refused : error;
  }
}

/**
 * Tidies up after a failure, which is what has to be told, not that tidying failed too: the next run does it again.
 *
 * @returns why tidying failed
 */
async function tidied(logger: Logger, tidy: () => Promise<void>): Promise<unknown> {
  try {
    await tidy();
    return undefined;
  } catch (error) {
    logger.error({err: error}, 'What this run had stored could not be removed');
    return error;
  }
}

async function encrypted({key, config}: Run, content: Buffer): Promise<Buffer> {
  const cipher = key.encrypt({backup: identityText(config.backup), content: 'manifest'});
  cipher.end(content);
  const chunks: Buffer[] = [];
  for await (const chunk of cipher as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Invariant 10, but for mysqldump's own word. */
function requireWhole(scan: ScanResult, before: Catalogue, after: Catalogue): void {
  if (!scan.complete) throw new BackupFailure('DumpIncomplete', 'The stream ended before the end of the dump');
  const [client, server] = [scan.clientVersion, before.serverVersion].map((version) => version.split('.')[0]);
  if (client !== server)
    throw new BackupFailure(
      'ClientMismatch',
      `mysqldump is of version ${scan.clientVersion}, but the server of ${before.serverVersion}`,
    );
  const named = ({objects}: Pick<Catalogue, 'objects'>): string[] => objects.map(({kind, name}) => `${kind} ${name}`);
  const [listed, now] = [named(before), named(after)];
  const changed = [...new Set(listed).symmetricDifference(new Set(now))];
  if (changed.length > 0)
    throw new BackupFailure('SchemaChanged', `Created or dropped while the dump ran: ${some(changed)}`);
  const dumped = new Set(named(scan));
  const missing = listed.filter((object) => !dumped.has(object));
  if (missing.length > 0) throw new BackupFailure('DumpIncomplete', `The dump lacks ${some(missing)}`);
}

function some(names: readonly string[]): string {
  const sorted = names.toSorted();
  return sorted.length <= 3
    ? sorted.join(', ')
    : `${sorted.slice(0, 3).join(', ')} and ${String(sorted.length - 3)} more`;
}
