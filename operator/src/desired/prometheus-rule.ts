import {resources} from '../api/v1alpha1/index.ts';
import {ruleGroups} from './alerts/index.ts';
import {monitoringMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** The alert rules for the prometheus-operator, where the cluster has its kind. */
export function prometheusRule(input: DesiredInput): KubeObject | undefined {
  const {api, presence} = input;
  const {rulesAs} = api.spec.monitoring;
  const wanted = rulesAs === 'Auto' || rulesAs === 'PrometheusRule';
  if (!wanted || presence.PrometheusRule !== 'Served') return undefined;
  const {apiVersion, kind} = resources.prometheusRule;
  return {
    apiVersion,
    kind,
    metadata: monitoringMetadata(api, childNames(api.metadata.name).api),
    spec: {groups: ruleGroups(input)},
  };
}
