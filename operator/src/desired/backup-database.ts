import {serverOf, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {childNames, ports} from './names.ts';

/** How a backup reaches the database. */
export interface BackupDatabase {
  /** An image with mysqldump: client and server must be of one version. */
  readonly image: string;
  readonly host: string;
  readonly port: number;
  /** Secret with the account's name and password. */
  readonly credentials: string;
  /** Secret with the authority's certificate. */
  readonly authority: string;
}

/** The database that the operator runs, by its own account for backups, or somebody else's by the one that is named. */
export function backupDatabase({metadata: {name, namespace}, spec}: MaintenanceApi): BackupDatabase {
  const names = childNames(name);
  const server = serverOf(spec);
  switch (server.kind) {
    case 'Managed':
      return {
        image: server.managed.image,
        host: `${names.database}.${namespace}.svc`,
        port: ports.mysql,
        credentials: names.databaseRole.backup,
        authority: names.databaseTls,
      };
    case 'External': {
      const {clientImage, host, port, credentialsSecretRef, backupCredentialsSecretRef, tlsSecretRef} = server.external;
      const credentials = (backupCredentialsSecretRef ?? credentialsSecretRef).name;
      return {image: clientImage, host, port, credentials, authority: tlsSecretRef.name};
    }
  }
}
