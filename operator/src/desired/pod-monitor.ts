import {resources, selectorLabels} from '../api/v1alpha1/index.ts';
import {monitoringMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** Two samples in the shortest window of the rules, with room for a late one. */
const INTERVAL = '15s';
/** A second, as the image contract says, and something for the way. */
const TIMEOUT = '5s';

/**
 * How the prometheus-operator finds the API's pods, where the cluster has its kind. It goes by pods, not by the
 * Service, because metrics are no part of what clients may reach, and a pod that isn't ready is measured too.
 */
export function podMonitor({api, presence}: DesiredInput): KubeObject | undefined {
  if (presence.PodMonitor !== 'Served') return undefined;
  const {apiVersion, kind} = resources.podMonitor;
  const {name} = api.metadata;
  return {
    apiVersion,
    kind,
    metadata: monitoringMetadata(api, childNames(name).api),
    spec: {
      selector: {matchLabels: selectorLabels(name, 'api')},
      podMetricsEndpoints: [
        {
          port: 'metrics',
          path: '/metrics',
          interval: INTERVAL,
          scrapeTimeout: TIMEOUT,
          // The label by which every rule selects.
          relabelings: [{action: 'replace', targetLabel: 'maintenanceapi', replacement: name}],
        },
      ],
    },
  };
}
