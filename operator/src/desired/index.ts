import {backupCronJob} from './backup-cron-job.ts';
import {deployment} from './deployment.ts';
import {horizontalPodAutoscaler} from './horizontal-pod-autoscaler.ts';
import {httpRoute} from './http-route.ts';
import {ingress} from './ingress.ts';
import {modeConfigMap} from './mode-config-map.ts';
import {mysqlConfig} from './mysql-config-map.ts';
import {mysqlPodsService, mysqlService, mysqlServiceAccount} from './mysql-service.ts';
import type {DesiredInput, KubeObject} from './objects.ts';
import {apiNetworkPolicy, backupNetworkPolicy, databaseNetworkPolicy} from './network-policy.ts';
import {podDisruptionBudget} from './pod-disruption-budget.ts';
import {podMonitor} from './pod-monitor.ts';
import {prometheusRule} from './prometheus-rule.ts';
import {rulesConfigMap} from './rules-config-map.ts';
import {serviceAccount} from './service-account.ts';
import {service} from './service.ts';
import {statefulSet} from './statefulset.ts';

export {backupInputOf} from './backup-input.ts';
export {backupJob} from './backup-job.ts';
export {retainedLabels} from './metadata.ts';
export {replicasHandover} from './deployment.ts';
export {retainedOwners} from './metadata.ts';
export {DATA_MISSING_PREFIX} from './mysql-init.ts';
export {
  backupJobName,
  childNames,
  databaseHosts,
  databasePodHost,
  databasePodName,
  databaseRoles,
  ports,
  requestedBackupName,
  volumeClaimName,
} from './names.ts';
export type {DatabaseRole} from './names.ts';
export type {DesiredInput, KubeObject} from './objects.ts';
export {milliValue, quantityValue} from './quantity.ts';
export {databaseVersion, RENDER_VERSION, UnknownRenderVersion} from './render-version.ts';
export {controllerRevision, revisionData, revisionHash, servedImage} from './revision.ts';
export {maxConnections} from './scaling.ts';
export {
  apiTokensSecret,
  authoritySecret,
  backupKeysSecret,
  databaseStateSecret,
  roleSecret,
  serverTlsSecret,
} from './secrets.ts';
export type {SecretObject} from './secrets.ts';

/** A pure builder of one child; undefined = not wanted. */
export type Builder = (input: DesiredInput) => KubeObject | undefined;

/** Every builder, in order of application: what a pod refers to comes before it. */
export const builders: Readonly<Record<string, Builder>> = {
  serviceAccount,
  mysqlServiceAccount,
  mysqlConfig,
  modeConfigMap,
  databaseNetworkPolicy,
  apiNetworkPolicy,
  backupNetworkPolicy,
  mysqlPodsService,
  mysqlService,
  service,
  ingress,
  httpRoute,
  statefulSet,
  backupCronJob,
  podDisruptionBudget,
  deployment,
  horizontalPodAutoscaler,
  podMonitor,
  prometheusRule,
  rulesConfigMap,
};

/**
 * Every child but Secrets and ControllerRevisions, in order of application, in the form in which the API server stores it.
 *
 * @throws UnknownRenderVersion when a newer operator stored the revision to serve
 */
export function desiredObjects(input: DesiredInput): readonly KubeObject[] {
  return Object.values(builders).flatMap((build) => build(input) ?? []);
}
