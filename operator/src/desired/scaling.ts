import {DEFAULT_AUTOSCALING, RESERVED_CONNECTIONS, type MaintenanceApiSpec} from '../api/v1alpha1/index.ts';

/** Share of the pods that a rollout may start beside the wanted ones, in percent. */
export const SURGE_PERCENT = 25;

/** Most API pods that there can be outside of a rollout. */
function maxReplicas(spec: MaintenanceApiSpec): number {
  return spec.replicas ?? (spec.autoscaling ?? DEFAULT_AUTOSCALING).maxReplicas;
}

/** Connections that the database must admit, so that a rollout at the largest scale never waits for one. */
export function maxConnections(spec: MaintenanceApiSpec): number {
  const wanted = maxReplicas(spec);
  const surge = Math.ceil((wanted * SURGE_PERCENT) / 100);
  return (wanted + surge) * spec.database.connectionsPerReplica + RESERVED_CONNECTIONS;
}
