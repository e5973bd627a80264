import {mkdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import {temporaryFolder} from '../../hack/images/temporary.ts';
import {silentProgress} from '../../hack/lib/progress.ts';
import {versitygw} from '../../hack/versitygw/versitygw.ts';
import {freePort, spawnServer, type ServerProcess} from './mysqld-process.ts';
import {waitFor} from './wait.ts';

export interface S3Options {
  /** The server's disk has so many bytes; the machine's own when left out. Takes root, or user namespaces. */
  readonly diskBytes?: number;
}

/** A running S3 server on the loopback interface, which ends with this process. */
export interface S3Server extends Buckets {
  readonly port: number;
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

export const ROOT_USER = {accessKeyId: 'root-of-a-test', secretAccessKey: 'secret-of-a-test'} as const;

/**
 * Starts versitygw on a free port and waits until it answers. The first call on a machine builds it, which takes minutes.
 *
 * @throws WaitTimeout when it doesn't answer
 */
export async function startS3({diskBytes}: S3Options = {}): Promise<S3Server> {
  const program = await versitygw(silentProgress);
  const folder = await temporaryFolder('versitygw');
  const disk = join(folder, 'disk');
  await mkdir(disk);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${String(port)}`;
  const serve = [
    ...['mkdir', '-p', `${disk}/objects`, `${disk}/metadata`, '&&', 'exec', program, '--quiet'],
    ...['--access', ROOT_USER.accessKeyId, '--secret', ROOT_USER.secretAccessKey],
    ...['--port', `127.0.0.1:${String(port)}`, '--iam-dir', folder],
    // Not every file system has extended attributes.
    ...['posix', '--sidecar', `${disk}/metadata`, `${disk}/objects`],
  ].join(' ');
  const server = spawnServer(diskBytes === undefined ? ['sh', '-c', serve] : onDisk(disk, diskBytes, serve));
  return waitUntilAnswers(new VersityServer(port, endpoint, folder, server));
}

/** A mount of the server's own, which ends with it. */
function onDisk(folder: string, bytes: number, command: string): [string, ...string[]] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const mount = `mount -t tmpfs -o size=${String(bytes)} tmpfs ${folder}`;
  return ['unshare', '--mount', ...user, 'sh', '-c', `${mount} && ${command}`];
}

async function waitUntilAnswers(server: VersityServer): Promise<S3Server> {
  try {
    await waitFor('the S3 server answers', async () => server.answers(), 60_000, 100);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** What a test asks of an S3 server itself. */
export class Buckets {
  readonly #client: S3Client;

  /** @param credentials - of the server's root user unless told */
  constructor(endpoint: string, credentials: {accessKeyId: string; secretAccessKey: string} = ROOT_USER) {
    this.#client = new S3Client({endpoint, region: 'us-east-1', forcePathStyle: true, credentials});
  }

  async createBucket(name: string): Promise<void> {
    await this.#client.send(new CreateBucketCommand({Bucket: name}));
  }

  /** The keys of a bucket, sorted. */
  async keys(bucket: string): Promise<string[]> {
    const {Contents = []} = await this.#client.send(new ListObjectsV2Command({Bucket: bucket}));
    return Contents.map(({Key = ''}) => Key).sort();
  }

  async get(bucket: string, key: string): Promise<Buffer> {
    const {Body} = await this.#client.send(new GetObjectCommand({Bucket: bucket, Key: key}));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  /** Keys of the uploads that are neither completed nor aborted. */
  async openUploads(bucket: string): Promise<string[]> {
    const {Uploads = []} = await this.#client.send(new ListMultipartUploadsCommand({Bucket: bucket}));
    return Uploads.map(({Key = ''}) => Key);
  }

  close(): void {
    this.#client.destroy();
  }
}

class VersityServer extends Buckets implements S3Server {
  readonly accessKeyId = ROOT_USER.accessKeyId;
  readonly secretAccessKey = ROOT_USER.secretAccessKey;
  readonly port: number;
  readonly endpoint: string;
  readonly #folder: string;
  readonly #server: ServerProcess;

  constructor(port: number, endpoint: string, folder: string, server: ServerProcess) {
    super(endpoint);
    this.port = port;
    this.endpoint = endpoint;
    this.#folder = folder;
    this.#server = server;
  }

  async answers(): Promise<true | undefined> {
    if (this.#server.hasExited()) throw new Error('versitygw ended while starting');
    const response = await fetch(this.endpoint);
    await response.arrayBuffer();
    return response.status === 403 ? true : undefined;
  }

  async stop(): Promise<void> {
    this.close();
    await this.#server.end('SIGKILL');
    await rm(this.#folder, {recursive: true, force: true});
  }
}
