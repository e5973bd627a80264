import {backupSecretKeys} from '../api/v1alpha1/index.ts';

const secrets = '/etc/maintenance-api';

/** Where things are in the containers of a backup's pod. */
export const backupFiles = {
  /** What both containers share: the dump goes through a FIFO there, so it never holds more than a script and messages. */
  handover: '/handover',
  script: '/handover/dump.sh',
  temporary: '/tmp',
  database: `${secrets}/database`,
  databaseAuthority: `${secrets}/database-ca`,
  storage: `${secrets}/storage`,
  storageAuthority: `${secrets}/storage-ca`,
  storageAuthorityFile: `${secrets}/storage-ca/${backupSecretKeys.authority}`,
  keys: `${secrets}/backup-keys`,
} as const;
