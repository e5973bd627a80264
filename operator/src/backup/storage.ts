import {Agent as HttpAgent} from 'node:http';
import {Agent as HttpsAgent} from 'node:https';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type {FailureReason} from '../api/v1alpha1/backup-run.ts';
import {BackupFailure} from './failure.ts';

export interface Destination {
  readonly bucket: string;
  readonly region: string;
  /** URL; the provider's own for the region when undefined. */
  readonly endpoint: string | undefined;
  readonly forcePathStyle: boolean;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Certificates of the authorities to trust, PEM; the usual ones when undefined. */
  readonly ca: string | undefined;
}

/** The least that S3 takes, since each part is in memory until it is stored; 10 000 of them are 48 GiB compressed. */
const PART_BYTES = 5 * 1024 * 1024;
const MAX_PARTS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** For one part, over a slow line. */
const REQUEST_TIMEOUT_MS = 300_000;

/** What a finished upload came to. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  /** CRC32 of the CRC32s of the parts, as S3 has it. */
  readonly checksum: string;
}

/** One bucket. Every error is a BackupFailure that names the bucket, with the server's code but not its text. */
export class Storage {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(destination: Destination) {
    const agent = {keepAlive: true, maxSockets: 4};
    this.#bucket = destination.bucket;
    this.#client = new S3Client({
      region: destination.region,
      ...(destination.endpoint !== undefined && {endpoint: destination.endpoint}),
      forcePathStyle: destination.forcePathStyle,
      credentials: {accessKeyId: destination.accessKeyId, secretAccessKey: destination.secretAccessKey},
      requestHandler: {
        httpAgent: new HttpAgent(agent),
        httpsAgent: new HttpsAgent({...agent, ...(destination.ca !== undefined && {ca: destination.ca})}),
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        throwOnRequestTimeout: true,
      },
    });
  }

  /**
   * Aborts what killed runs left behind. Nobody else may be writing below the prefix.
   *
   * @param prefix - of the keys
   * @returns how many there were
   */
  async abortUploads(prefix: string): Promise<number> {
    return this.#ask(async () => {
      let aborted = 0;
      for (;;) {
        // From the start each time: what is aborted is no longer listed.
        const {Uploads = [], IsTruncated} = await this.#client.send(
          new ListMultipartUploadsCommand({Bucket: this.#bucket, Prefix: prefix}),
        );
        for (const {Key, UploadId} of Uploads) {
          await this.#client.send(new AbortMultipartUploadCommand({Bucket: this.#bucket, Key, UploadId}));
          aborted++;
        }
        if (IsTruncated !== true || Uploads.length === 0) return aborted;
      }
    });
  }

  async put(key: string, body: Buffer): Promise<void> {
    await this.#ask(() =>
      this.#client.send(new PutObjectCommand({Bucket: this.#bucket, Key: key, Body: body, ChecksumAlgorithm: 'CRC32'})),
    );
  }

  async delete(key: string): Promise<void> {
    await this.#ask(() => this.#client.send(new DeleteObjectCommand({Bucket: this.#bucket, Key: key})));
  }

  async startUpload(key: string): Promise<MultipartUpload> {
    const {UploadId} = await this.#ask(() =>
      this.#client.send(new CreateMultipartUploadCommand({Bucket: this.#bucket, Key: key, ChecksumAlgorithm: 'CRC32'})),
    );
    const target = {Bucket: this.#bucket, Key: key, UploadId};
    return new MultipartUpload(key, {
      part: async (PartNumber, Body, abortSignal) => {
        const command = new UploadPartCommand({...target, PartNumber, Body, ChecksumAlgorithm: 'CRC32'});
        const {ETag, ChecksumCRC32} = await this.#ask(() => this.#client.send(command, {abortSignal}));
        return {PartNumber, ETag, ChecksumCRC32};
      },
      complete: async (Parts) =>
        this.#ask(() => this.#client.send(new CompleteMultipartUploadCommand({...target, MultipartUpload: {Parts}}))),
      abort: async () => {
        await this.#ask(() => this.#client.send(new AbortMultipartUploadCommand(target)));
      },
    });
  }

  close(): void {
    this.#client.destroy();
  }

  async #ask<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      const {reason, code} = classify(error);
      throw new BackupFailure(reason, `Bucket "${this.#bucket}": ${MEANINGS[reason]} (${code})`, error);
    }
  }
}

type StorageReason = Extract<
  FailureReason,
  `${string}Bucket${string}` | `${string}Storage${string}` | 'CredentialsRefused'
>;

const MEANINGS: Readonly<Record<StorageReason, string>> = {
  BucketMissing: 'it does not exist',
  CredentialsRefused: 'the storage refuses the credentials',
  StorageFull: 'the storage has no room left',
  StorageUnreachable: 'the storage does not answer, or breaks the connection',
  StorageRefused: 'the storage refuses a request',
};

const REASONS: Readonly<Record<string, StorageReason>> = {
  NoSuchBucket: 'BucketMissing',
  AccessDenied: 'CredentialsRefused',
  InvalidAccessKeyId: 'CredentialsRefused',
  SignatureDoesNotMatch: 'CredentialsRefused',
  ExpiredToken: 'CredentialsRefused',
  InvalidToken: 'CredentialsRefused',
  QuotaExceeded: 'StorageFull',
  InsufficientStorage: 'StorageFull',
  XMinioStorageFull: 'StorageFull',
};

function classify(error: unknown): {readonly reason: StorageReason; readonly code: string} {
  const {name, code, $metadata} = (error ?? {}) as {
    name?: unknown;
    code?: unknown;
    $metadata?: {httpStatusCode?: unknown};
  };
  const status = $metadata?.httpStatusCode;
  const given = [code, name].find((text) => typeof text === 'string' && /^[A-Za-z0-9_]{1,64}$/.test(text));
  const shown = typeof given === 'string' ? given : 'UnknownError';
  if (typeof status !== 'number') return {reason: 'StorageUnreachable', code: shown};
  const reason = REASONS[shown] ?? (status === 507 ? 'StorageFull' : 'StorageRefused');
  return {reason, code: `${shown}, HTTP ${String(status)}`};
}

interface PartRequests {
  part(number: number, body: Buffer, signal: AbortSignal): Promise<CompletedPart>;
  complete(parts: CompletedPart[]): Promise<{ETag?: string | undefined; ChecksumCRC32?: string | undefined}>;
  abort(): Promise<void>;
}

/** An object that appears when it is completed, or not at all. One part is filled while another is sent. */
export class MultipartUpload {
  readonly #key: string;
  readonly #requests: PartRequests;
  readonly #done: CompletedPart[] = [];
  readonly #givenUp = new AbortController();
  #filling: Buffer = Buffer.allocUnsafeSlow(PART_BYTES);
  #spare: Buffer = Buffer.allocUnsafeSlow(PART_BYTES);
  #length = 0;
  #bytes = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(key: string, requests: PartRequests) {
    this.#key = key;
    this.#requests = requests;
  }

  /** Takes the next bytes; waits while two parts are full. */
  async write(chunk: Buffer): Promise<void> {
    for (let from = 0; from < chunk.length;) {
      const copied = chunk.copy(this.#filling, this.#length, from);
      this.#length += copied;
      from += copied;
      if (this.#length === PART_BYTES) await this.#send();
    }
  }

  /** Sends what is left and waits until every part is stored. The object isn't there yet. */
  async flush(): Promise<void> {
    if (this.#length > 0) await this.#send();
    await this.#sending;
  }

  /** Makes the object appear. */
  async complete(): Promise<StoredObject> {
    const {ETag = '', ChecksumCRC32 = ''} = await this.#requests.complete(this.#done);
    return {key: this.#key, bytes: this.#bytes, etag: ETag, checksum: ChecksumCRC32};
  }

  /** Ends the request that is under way, if any. */
  giveUp(): void {
    this.#givenUp.abort();
  }

  /** Removes the parts: when the one that was under way has ended, since one that ends later would stay. */
  async abort(): Promise<void> {
    this.giveUp();
    await Promise.allSettled([this.#sending]);
    await this.#requests.abort();
  }

  async #send(): Promise<void> {
    await this.#sending;
    if (this.#done.length === MAX_PARTS)
      throw new BackupFailure('StorageRefused', `The dump needs more than ${String(MAX_PARTS)} parts of 5 MiB`);
    const body = this.#filling.subarray(0, this.#length);
    this.#sending = this.#requests.part(this.#done.length + 1, body, this.#givenUp.signal).then((part) => {
      this.#done.push(part);
    });
    // A failure is told to whoever waits next.
    this.#sending.catch(() => undefined);
    this.#bytes += this.#length;
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#length = 0;
  }
}
