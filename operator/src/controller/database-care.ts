import {maxConnections, ports} from '../desired/index.ts';
import type {DatabaseProblem} from '../act/database-keeper.ts';
import type {MaintenanceApi} from '../api/v1alpha1/index.ts';
import {databaseTarget} from './measure.ts';
import type {ResourceState} from './resource-state.ts';
import type {MaintenanceApiControllerOptions, Scope} from './scope.ts';

/** Sees to it that accounts, limits and certificate of a reachable server become what Secrets and spec say. */
export function keepDatabase(
  o: Pick<MaintenanceApiControllerOptions, 'cache' | 'keeper' | 'probes'>,
  key: string,
  api: MaintenanceApi,
  state: ResourceState,
): readonly DatabaseProblem[] {
  const reading = o.probes.server(key);
  const {secrets} = state;
  const admin = databaseTarget(o.cache, api, state, 'admin');
  if (reading?.reachable !== true || secrets?.server === undefined || admin === undefined || api.spec.paused) {
    o.keeper.forget(key);
    return [];
  }
  const {server, version} = secrets;
  const uuid = server.serverUuids['0'];
  if (uuid !== undefined && reading.serverUuid !== undefined && uuid !== reading.serverUuid) {
    const message = `The database's volume holds server ${reading.serverUuid}, but this resource's data is of server ${uuid}: attach the right volume`;
    return [{message, lasting: true}];
  }
  const connections = maxConnections(api.spec);
  const fingerprint = `${admin.host}/${String(reading.startedAt ?? 0)}/${version}/${String(connections)}`;
  const problem = o.keeper.keep(key, fingerprint, () => ({
    admin,
    port: ports.mysql,
    accounts: Object.entries(server.accounts).map(([role, account]) => ({role, ...account})),
    maxConnections: connections,
    certificate: server.serverCertificate,
  }));
  return problem === undefined ? [] : [problem];
}

/** Once the server of a new volume answers its identity is remembered, so that it is never initialised again. */
export async function rememberServer(
  o: Pick<MaintenanceApiControllerOptions, 'probes' | 'secrets'>,
  {key, api, state}: Scope,
): Promise<void> {
  const uuid = o.probes.server(key)?.serverUuid;
  const {secrets} = state;
  const server = secrets?.server;
  if (api.spec.paused || uuid === undefined || secrets === undefined || server === undefined) return;
  if (server.serverUuids['0'] !== undefined) return;
  await o.secrets.rememberServerUuid(api, {0: uuid});
  state.secrets = {...secrets, server: {...server, serverUuids: {...server.serverUuids, 0: uuid}}};
}
