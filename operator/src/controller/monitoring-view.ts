import type {ChildResult} from '../act/children.ts';
import {resources, type MaintenanceApi, type OptionalKind, type Presence, type Reason} from '../api/v1alpha1/index.ts';
import {childNames} from '../desired/index.ts';

/** What MonitoringReady says. */
export interface MonitoringAnswer {
  readonly status: 'True' | 'False';
  readonly reason: Reason;
  readonly message: string;
}

/** Which child holds the alert rules. */
function rulesChild(
  {metadata: {name}, spec}: MaintenanceApi,
  presence: Presence,
): Pick<ChildResult, 'kind' | 'name'> | undefined {
  const {rulesAs} = spec.monitoring;
  const asConfigMap = {kind: resources.configMap.kind, name: childNames(name).rules};
  const asRule = {kind: resources.prometheusRule.kind, name: childNames(name).api};
  switch (rulesAs) {
    case 'None':
      return undefined;
    case 'ConfigMap':
      return asConfigMap;
    case 'PrometheusRule':
      return asRule;
    case 'Auto':
      return presence === 'Absent' ? asConfigMap : asRule;
  }
}

/**
 * Whether the alert rules are where the spec wants them.
 *
 * @param presence - which optional kinds the cluster has
 * @param children - what became of the children; none while nothing is applied
 * @returns undefined while that isn't known: then what was said before holds
 */
export function monitoringReady(
  api: MaintenanceApi,
  presence: Readonly<Record<OptionalKind, Presence>>,
  children: readonly ChildResult[],
): MonitoringAnswer | undefined {
  const wanted = rulesChild(api, presence.PrometheusRule);
  if (wanted === undefined) {
    return {status: 'True', reason: 'NoRules', message: 'spec.monitoring.rulesAs is None: there are no alert rules'};
  }
  const {kind, name} = wanted;
  if (kind === resources.prometheusRule.kind && presence.PrometheusRule === 'Absent') {
    const {apiVersion} = resources.prometheusRule;
    const message = `This cluster has no ${kind} (${apiVersion}): install the Prometheus operator, or change spec.monitoring.rulesAs`;
    return {status: 'False', reason: 'KindMissing', message};
  }
  const result = children.find((child) => child.kind === kind && child.name === name);
  if (result === undefined) return undefined;
  if (result.refused !== undefined) {
    return {status: 'False', reason: 'ApplyRefused', message: `${kind} "${name}" was refused: ${result.refused}`};
  }
  const pods =
    presence.PodMonitor === 'Served'
      ? `PodMonitor "${childNames(api.metadata.name).api}" tells Prometheus of the pods`
      : 'this cluster has no PodMonitor, so Prometheus has to be told of the pods otherwise';
  return {status: 'True', reason: 'RulesApplied', message: `The alert rules are in ${kind} "${name}"; ${pods}`};
}
