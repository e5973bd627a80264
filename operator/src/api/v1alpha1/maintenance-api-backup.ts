import * as z from 'zod';
import {runFailureReasons, type RunFailureReason} from './backup-run.ts';
import {rules} from './cel.ts';

/** `spec` and `status` of a MaintenanceApiBackup: one backup, or the wish for one. */

const time = z.string().max(35).meta({format: 'date-time'});
const size = z.int().min(0);

export const maintenanceApiBackupSpec = z
  .object({
    maintenanceApi: z
      .string()
      .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/)
      .max(40)
      .describe('Name of the MaintenanceApi in the same namespace whose database is backed up.')
      .meta(rules({rule: 'self == oldSelf', message: 'maintenanceApi is immutable'})),
  })
  .describe('What is backed up.');

const backupPhases = ['Pending', 'Running', 'Succeeded', 'Failed'] as const;

/** Why there is no backup: what became of its run. */
export const runFailureReason = z.enum(Object.keys(runFailureReasons) as [RunFailureReason, ...RunFailureReason[]]);

export const maintenanceApiBackupStatus = z
  .object({
    phase: z
      .enum(backupPhases)
      .optional()
      .describe(
        'Pending: waits to be run. Running: its Job runs. Succeeded: it is whole and in the bucket. Failed: there is no backup.',
      ),
    job: z.string().max(253).optional().describe('The Job that makes it.'),
    id: z.string().max(64).optional().describe('What tells it from the other backups of the same service.'),
    bucket: z.string().max(63).optional().describe('Where it is.'),
    manifestKey: z.string().max(1024).optional().describe('Key of its manifest in the bucket.'),
    keyId: z.string().max(253).optional().describe('Which encryption key opens it.'),
    bytes: size.optional().describe('Size of the stored object.'),
    dumpBytes: size.optional().describe('Size of the dump before it was compressed and encrypted.'),
    tables: size.optional().describe('Number of its tables.'),
    rows: size.optional().describe('Number of rows in all its tables.'),
    startedAt: time.optional().describe('When it was begun; what was written later may be missing.'),
    completedAt: time.optional().describe('When it was complete, or given up.'),
    reason: runFailureReason
      .optional()
      .describe('Why there is no backup, in one word (docs/reference/backup-failures.md).'),
    message: z.string().max(1024).optional().describe('Why, in a sentence that names the object at fault.'),
  })
  .describe('What became of it. Only the operator writes it.');

export type MaintenanceApiBackupStatus = z.output<typeof maintenanceApiBackupStatus>;
