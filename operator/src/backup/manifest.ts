import * as z from 'zod';

/** Of the manifest and its stub; a reader refuses a version that it doesn't know. */
const FORMAT_VERSION = 1;

const identity = z.object({
  id: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
});

/** What anyone may read beside the encrypted manifest: enough to find the key that opens it. */
const stub = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  backup: identity,
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  keyId: z.string(),
  /** Keys in the bucket. */
  dumpKey: z.string(),
  manifestKey: z.string(),
  /** Of the encrypted object. */
  bytes: z.int(),
  serverVersion: z.string(),
});

/** Everything about a backup. Encrypted as the dump is, so that whoever lacks the key can neither read nor forge it. */
const manifest = stub.extend({
  etag: z.string(),
  /** CRC32 of the parts' CRC32s, as S3 has it. */
  checksum: z.string(),
  /** Of the dump before it was compressed. */
  dumpBytes: z.int(),
  compressedBytes: z.int(),
  clientVersion: z.string(),
  gtidBefore: z.string(),
  gtidAfter: z.string(),
  schemaVersion: z.int().optional(),
  sections: z.array(
    z.object({
      kind: z.enum(['header', 'table', 'view-columns', 'view', 'events', 'routines', 'end']),
      name: z.string(),
      bytes: z.int(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      rows: z.int(),
    }),
  ),
  objects: z.array(
    z.object({kind: z.enum(['TABLE', 'VIEW', 'TRIGGER', 'PROCEDURE', 'FUNCTION', 'EVENT']), name: z.string()}),
  ),
});

export type Manifest = z.infer<typeof manifest>;
export type BackupIdentity = z.infer<typeof identity>;

/** Where the three objects of a backup are. The uid keeps clusters that share a bucket apart. */
export function backupKeys(
  prefix: string,
  {namespace, name, uid, id}: BackupIdentity,
): {readonly own: string; readonly dump: string; readonly manifest: string; readonly stub: string} {
  const own = [...(prefix === '' ? [] : [prefix]), namespace, name, uid, ''].join('/');
  return {
    own,
    dump: `${own}${id}/dump.sql.zst.encrypted`,
    manifest: `${own}${id}/manifest.json.encrypted`,
    stub: `${own}${id}/stub.json`,
  };
}

/** The identity in the form in which the encryption binds it. */
export function identityText({namespace, name, uid, id}: BackupIdentity): string {
  return [namespace, name, uid, id].join('/');
}

/**
 * The manifest before it is encrypted, and its stub.
 *
 * @throws ZodError when a field is not as the format has it
 */
export function encodeManifest(value: Manifest): {readonly manifest: Buffer; readonly stub: Buffer} {
  return {
    manifest: Buffer.from(JSON.stringify(manifest.parse(value))),
    stub: Buffer.from(`${JSON.stringify(stub.parse(value), undefined, 2)}\n`),
  };
}
