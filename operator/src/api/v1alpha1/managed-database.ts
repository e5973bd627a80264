import * as z from 'zod';
import {rules} from './cel.ts';
import {imageReference, objectName, quantityFrom, resourceRequirements} from './kubernetes.ts';

/** The MySQL server that keeps the tasks. */

/** 256 MiB: a smaller volume has no room for the redo and binary logs. */
const LEAST_BYTES = 268435456;

const storage = z
  .object({
    size: quantityFrom(LEAST_BYTES)
      .default('1Gi')
      .describe('Size of the volume.')
      .meta(
        rules(
          {
            rule: 'quantity(string(self)).compareTo(quantity(string(oldSelf))) == 0',
            message: 'storage.size is immutable',
          },
          {
            rule: '!quantity(string(self)).isLessThan(quantity("256Mi"))',
            message: 'storage.size must be at least 256Mi',
          },
        ),
      ),
    className: objectName.optional().describe("StorageClass of the volume; the cluster's default where unset."),
  })
  .prefault({})
  .describe('The volume that holds the data; it is kept when the MaintenanceApi is deleted.')
  .meta(
    rules({
      rule: 'has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)',
      message: 'storage.className is immutable',
    }),
  );

export const database = z
  .object({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]*$/)
      .max(48)
      .default('tasks_db')
      .describe('Name of the schema.')
      .meta(rules({rule: 'self == oldSelf', message: 'database.name is immutable'})),
    connectionsPerReplica: z
      .int()
      .min(2)
      .max(100)
      .default(10)
      .describe('How many connections one API pod may open; one of them asks whether the database answers.'),
    managed: z
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
      .prefault({})
      .describe('A MySQL server that the operator runs for this API.'),
  })
  .describe('Where the tasks are kept.');
