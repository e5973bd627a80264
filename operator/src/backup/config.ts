import {readFile} from 'node:fs/promises';
import * as z from 'zod';
import {BackupFailure} from './failure.ts';
import type {BackupIdentity} from './manifest.ts';
import type {DatabaseSettings} from './schema.ts';
import type {Destination} from './storage.ts';

/** What one run is to do. */
export interface BackupConfig {
  readonly backup: BackupIdentity;
  readonly database: DatabaseSettings;
  readonly destination: Destination;
  /** Of every key in the bucket; no slash at either end. */
  readonly prefix: string;
  /** Folder with a file for each encryption key. */
  readonly keysFolder: string;
  readonly keyId: string;
  /** Folder that is shared with mysqldump's container. */
  readonly handoverFolder: string;
  /** How long the container with mysqldump may take to come up, and the dump to begin. */
  readonly startSeconds: number;
  /** How long another backup or a migration is waited for. */
  readonly lockSeconds: number;
}

const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a name of Kubernetes');
const folder = z.string().startsWith('/', 'must be an absolute path');
const seconds = (fallback: number) =>
  z.coerce.number('must be a whole number').int('must be a whole number').min(1).max(86_400).default(fallback);

const uid = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'must be letters, digits and dashes');

/** The program's settings, each a variable of the environment; what is secret is in files. */
export const environment = z.object({
  BACKUP_ID: uid.describe('Unique among the backups of the same service; the last folder of its keys'),
  BACKUP_NAMESPACE: name.describe("The service's namespace"),
  BACKUP_NAME: name.describe("The service's name"),
  BACKUP_UID: uid.describe('What tells it from another service of that name, so that two clusters can share a bucket'),
  DB_HOST: z.string().min(1).describe('Host of the database'),
  DB_PORT: z.coerce.number('must be a port').int().min(1).max(65_535).default(3306).describe('Its port'),
  DB_NAME: z.string().min(1).max(64).describe('The schema'),
  SSL_MODE: z
    .enum(['VERIFY_CA', 'VERIFY_IDENTITY'])
    .default('VERIFY_IDENTITY')
    .describe("Whether the server's certificate must be its host's, besides being signed by the authority"),
  CREDENTIALS: folder.describe('Folder with `username` and `password` of the account'),
  CA_FILE: folder.describe("The certificate of the authority that signed the server's, PEM"),
  S3_BUCKET: z.string().min(1).max(63).describe('The bucket'),
  S3_REGION: z.string().min(1).default('us-east-1').describe('Its region'),
  S3_ENDPOINT: z
    .url({protocol: /^https?$/, error: 'must be a URL'})
    .optional()
    .describe("URL of the storage; the region's at AWS where unset"),
  S3_PREFIX: z
    .string()
    .regex(/^([^/]+(\/[^/]+)*)?$/, 'must not begin or end with a slash')
    .default('')
    .describe('What every key begins with'),
  S3_FORCE_PATH_STYLE: z
    .enum(['true', 'false'])
    .default('false')
    .describe("Whether the bucket is in the URL's path instead of its host"),
  S3_CREDENTIALS: folder.describe('Folder with `accessKeyId` and `secretAccessKey`'),
  S3_CA_FILE: folder.optional().describe("Certificates of the authorities to trust, PEM; Node.js' own where unset"),
  KEYS: folder.describe('Folder with the encryption keys: files of 32 bytes in base64'),
  KEY_ID: z
    .string()
    .regex(/^[-._a-zA-Z0-9]{1,253}$/, 'must be a key of a Secret')
    .describe('Name of the file with the key to use'),
  HANDOVER: folder.describe("Folder that is shared with mysqldump's container"),
  START_SECONDS: seconds(1800).describe('How long mysqldump may take to begin'),
  LOCK_SECONDS: seconds(600).describe('How long a migration or another backup is waited for'),
});

/**
 * Reads the settings and the files that they name.
 *
 * @throws BackupFailure ConfigurationInvalid naming the variable or file
 */
export async function readBackupConfig(env: Readonly<Record<string, string | undefined>>): Promise<BackupConfig> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({path, message}) => `${path.join('.')}: ${message}`).join('; ');
    throw new BackupFailure('ConfigurationInvalid', wrong);
  }
  const e = parsed.data;
  return {
    backup: {id: e.BACKUP_ID, namespace: e.BACKUP_NAMESPACE, name: e.BACKUP_NAME, uid: e.BACKUP_UID},
    database: {
      host: e.DB_HOST,
      port: e.DB_PORT,
      database: e.DB_NAME,
      user: await text(`${e.CREDENTIALS}/username`),
      password: await text(`${e.CREDENTIALS}/password`),
      ca: await text(e.CA_FILE),
      verifyIdentity: e.SSL_MODE === 'VERIFY_IDENTITY',
    },
    destination: {
      bucket: e.S3_BUCKET,
      region: e.S3_REGION,
      endpoint: e.S3_ENDPOINT,
      forcePathStyle: e.S3_FORCE_PATH_STYLE === 'true',
      accessKeyId: await text(`${e.S3_CREDENTIALS}/accessKeyId`),
      secretAccessKey: await text(`${e.S3_CREDENTIALS}/secretAccessKey`),
      ca: e.S3_CA_FILE === undefined ? undefined : await text(e.S3_CA_FILE),
    },
    prefix: e.S3_PREFIX,
    keysFolder: e.KEYS,
    keyId: e.KEY_ID,
    handoverFolder: e.HANDOVER,
    startSeconds: e.START_SECONDS,
    lockSeconds: e.LOCK_SECONDS,
  };
}

async function text(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new BackupFailure('ConfigurationInvalid', `${path} can not be read`, error);
  }
}
