import * as z from 'zod';
import {rules} from './cel.ts';
import {external, type ExternalDatabase} from './external-database.ts';
import {DEFAULT_STORAGE_SIZE, managed, type ManagedDatabase} from './managed-database.ts';

/** The MySQL server that keeps the tasks: one that the operator runs, or one of somebody else's. */

/** `managed` may be left out, which says the same as its defaults: so what counts is compared, not what is written. */
const size = (self: string) =>
  `quantity(has(${self}.managed) ? string(${self}.managed.storage.size) : "${DEFAULT_STORAGE_SIZE}")`;
const className = (self: string) =>
  `(has(${self}.managed) && has(${self}.managed.storage.className) ? ${self}.managed.storage.className : "")`;

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
    managed: managed.optional(),
    external: external.optional(),
  })
  .describe('Where the tasks are kept.')
  .meta(
    rules(
      {
        rule: '!(has(self.managed) && has(self.external))',
        message: 'at most one of managed and external may be set',
      },
      {
        rule: 'has(self.external) == has(oldSelf.external)',
        message:
          'database must stay managed or stay external, since a switch would leave the tasks behind: make a backup, apply a MaintenanceApi of another name with the other database, and load the backup into that',
      },
      {rule: `${size('self')}.compareTo(${size('oldSelf')}) == 0`, message: 'storage.size is immutable'},
      {rule: `${className('self')} == ${className('oldSelf')}`, message: 'storage.className is immutable'},
    ),
  );

const DEFAULT_MANAGED = managed.parse({});

type Database = z.output<typeof database>;

/** Who runs the server: the operator, with every default filled in, or somebody else. */
export type Server =
  | {readonly kind: 'Managed'; readonly managed: ManagedDatabase}
  | {readonly kind: 'External'; readonly external: ExternalDatabase};

/** Which server keeps the tasks. */
export function serverOf({database: {managed: given, external: other}}: {readonly database: Database}): Server {
  return other === undefined
    ? {kind: 'Managed', managed: given ?? DEFAULT_MANAGED}
    : {kind: 'External', external: other};
}

/** The server that the operator runs; undefined where somebody else runs one. */
export function managedDatabase(spec: {readonly database: Database}): ManagedDatabase | undefined {
  const server = serverOf(spec);
  return server.kind === 'Managed' ? server.managed : undefined;
}
