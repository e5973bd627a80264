import * as z from 'zod';
import {dataKey, objectName, resourceRequirements} from './kubernetes.ts';
import {cronSchedule, timeZone} from './schedule.ts';

/** Where the database is backed up to, when, and for how long backups are kept. */

const secretRef = (what: string) =>
  z.object({name: objectName.describe('Name of the Secret in the same namespace.')}).describe(what);

const s3 = z
  .object({
    bucket: z
      .string()
      .regex(/^[a-z0-9][-.a-z0-9]*[a-z0-9]$/)
      .max(63)
      .describe('The bucket; it must exist.'),
    prefix: z
      .string()
      .regex(/^([-\w.]+(\/[-\w.]+)*)?$/)
      .max(256)
      .default('')
      .describe('What every key begins with, without a slash at either end.'),
    region: z
      .string()
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
      .max(63)
      .default('us-east-1')
      .describe("The bucket's region."),
    endpoint: z
      .string()
      .regex(/^https?:\/\/[a-z0-9]([-.a-z0-9]*[a-z0-9])?(:[0-9]{1,5})?$/)
      .max(253)
      .optional()
      .describe("URL of the storage; the region's at AWS where unset."),
    forcePathStyle: z.boolean().default(false).describe("Whether the bucket is in the URL's path instead of its host."),
    credentialsSecretRef: secretRef('Secret with accessKeyId and secretAccessKey.'),
    caSecretRef: secretRef(
      "Secret with ca.crt: the authorities that the storage's certificate is checked by.",
    ).optional(),
  })
  .describe('A bucket of S3, or of any storage that speaks its protocol.');

export const backup = z
  .object({
    schedule: cronSchedule
      .default('0 2 * * *')
      .describe('When a backup is made: minute, hour, day of the month, month, day of the week.'),
    timeZone,
    suspend: z.boolean().default(false).describe('Nothing is backed up by the schedule; a backup now is.'),
    retention: z
      .object({
        days: z.int().min(1).max(3650).default(30).describe('For how many days a backup is wanted.'),
        keepAtLeast: z
          .int()
          .min(1)
          .max(1000)
          .default(3)
          .describe('How many of the newest backups are wanted, however old they are.'),
      })
      .prefault({})
      .describe(
        'Which backups are wanted. The others are listed in status.backup.expired; nothing is deleted before backups are proven.',
      ),
    destination: z.object({s3}).describe('Where backups are stored.'),
    encryption: z
      .object({
        keysSecretRef: secretRef('Secret with the keys: an entry each, 32 bytes in base64.'),
        activeKey: dataKey.describe('The entry that new backups are encrypted with.'),
      })
      .optional()
      .describe('Keys of your own. Where unset the operator makes one, of which you must keep a copy.'),
    resources: resourceRequirements
      .default({requests: {cpu: '100m', memory: '128Mi'}, limits: {memory: '256Mi'}})
      .describe('Resources of the container that compresses, encrypts and stores, replaced as a whole.'),
  })
  .describe('Encrypted backups of the database. Where unset nothing is backed up.');

/** Entries of the Secrets that spec.backup names, which are also the names of the files that they are mounted as. */
export const backupSecretKeys = {
  accessKeyId: 'accessKeyId',
  secretAccessKey: 'secretAccessKey',
  authority: 'ca.crt',
} as const;
