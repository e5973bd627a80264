import type {ConfigMap} from 'kubernetes-types/core/v1.js';
import {ruleGroups} from './alerts/index.ts';
import {monitoringMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** The alert rules as a rules file of Prometheus', for whoever mounts or collects it. */
export function rulesConfigMap(input: DesiredInput): KubeObject | undefined {
  const {api, presence} = input;
  const {rulesAs} = api.spec.monitoring;
  if (rulesAs !== 'ConfigMap' && !(rulesAs === 'Auto' && presence.PrometheusRule === 'Absent')) return undefined;
  const {namespace, name} = api.metadata;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: monitoringMetadata(api, childNames(name).rules),
    // JSON is YAML. The namespace is in the file's name because collectors put the files of all into one folder.
    data: {[`${namespace}.${name}.rules.yaml`]: `${JSON.stringify({groups: ruleGroups(input)}, undefined, 2)}\n`},
  } satisfies ConfigMap;
}
