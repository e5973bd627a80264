import * as z from 'zod';
import {rules} from './cel.ts';
import {imageReference, objectName, quantityFrom, resourceRequirements} from './kubernetes.ts';

/** A MySQL server that the operator runs. */

/** Size of the volume where the spec names none. */
export const DEFAULT_STORAGE_SIZE = '1Gi';

/** 256 MiB: a smaller volume has no room for the redo and binary logs. */
const LEAST_BYTES = 268435456;

const storage = z
  .object({
    size: quantityFrom(LEAST_BYTES)
      .default(DEFAULT_STORAGE_SIZE)
      .describe('Size of the volume.')
      .meta(
        rules({
          rule: '!quantity(string(self)).isLessThan(quantity("256Mi"))',
          message: 'storage.size must be at least 256Mi',
        }),
      ),
    className: objectName.optional().describe("StorageClass of the volume; the cluster's default where unset."),
  })
  .prefault({})
  .describe('The volume that holds the data; it is kept when the MaintenanceApi is deleted.');

export const managed = z
  .object({
    image: imageReference
      .default('mysql:8.4')
      .describe('Image with mysqld, mysql, mysqladmin, and a POSIX shell with the mv and sync of GNU or BusyBox.'),
    runAsUser: z.int().min(1).max(2147483647).default(999).describe('User id that mysqld runs as.'),
    storage,
    resources: resourceRequirements
      .default({requests: {cpu: '100m', memory: '512Mi'}, limits: {memory: '512Mi'}})
      .describe("Resources of mysqld's container, replaced as a whole; buffers are computed from limits.memory."),
  })
  .describe('A MySQL server that the operator runs for this API; what holds where external is unset too.');

export type ManagedDatabase = z.output<typeof managed>;
