import type {ConfigMap} from 'kubernetes-types/core/v1.js';
import {managedDatabase} from '../api/v1alpha1/index.ts';
import {childMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';
import {templatesOf} from './render-version.ts';

/**
 * my.cnf and the init script, of the generation that the database's pod is of: they are read when it starts.
 *
 * @throws UnknownRenderVersion when a newer operator rendered the database
 */
export function mysqlConfig({api, databaseVersion}: DesiredInput): KubeObject | undefined {
  const database = managedDatabase(api.spec);
  if (database === undefined) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: childMetadata(api, childNames(api.metadata.name).databaseConfig, 'database'),
    data: templatesOf(databaseVersion).databaseFiles(api.spec, database),
  } satisfies ConfigMap;
}
