import * as z from 'zod';
import {imageReference, objectName} from './kubernetes.ts';

/** A MySQL server that somebody else runs: the operator makes, changes and restarts nothing of it, and asks it nothing. */

const secretRef = (what: string) =>
  z.object({name: objectName.describe('Name of the Secret in the same namespace.')}).describe(what);

export const external = z
  .object({
    // The certificate must have it: a client that verifies can't go by an address (docs/reference/image-contract.md).
    host: z
      .string()
      .regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/)
      .max(253)
      .describe("Host name of the server, which its certificate must have. An address can't be verified."),
    port: z.int().min(1).max(65535).default(3306).describe('Port of the server.'),
    maxConnections: z
      .int()
      .min(34)
      .max(100000)
      .describe('How many connections of the server this API may use; the most pods must fit.'),
    credentialsSecretRef: secretRef(
      "Secret with username and password of the API's account, which needs SELECT, INSERT, UPDATE and DELETE on the schema.",
    ),
    migrateCredentialsSecretRef: secretRef(
      'Secret with username and password of the account that migrates, which also needs CREATE, ALTER, DROP, INDEX and REFERENCES; that of the API where unset.',
    ).optional(),
    backupCredentialsSecretRef: secretRef(
      'Secret with username and password of the account that backs up, which needs SELECT, SHOW VIEW, TRIGGER and EVENT on the schema and SHOW_ROUTINE; that of the API where unset.',
    ).optional(),
    tlsSecretRef: secretRef("Secret with ca.crt: the authorities that the server's certificate is verified by."),
    clientImage: imageReference
      .default('mysql:8.4')
      .describe("Image with mysqldump of the server's major version, and a POSIX shell with mkfifo: for backups."),
  })
  .describe(
    'A MySQL server that somebody else runs. The schema must exist; connections are always encrypted and verified. Its pods tell how it is: the operator does not connect to it.',
  );

export type ExternalDatabase = z.output<typeof external>;

/** Entries of the Secrets that spec.database.external names, which are also the names of the files that they are mounted as. */
export const externalSecretKeys = {username: 'username', password: 'password', authority: 'ca.crt'} as const;
