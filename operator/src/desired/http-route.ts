import {resources} from '../api/v1alpha1/index.ts';
import {PATH} from './ingress.ts';
import {childMetadata} from './metadata.ts';
import {childNames, ports} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/**
 * The way in from outside of the cluster by the Gateway API, where the cluster has it. Every default that the API server
 * adds is there: it compares such lists as a whole.
 */
export function httpRoute({api, presence}: DesiredInput): KubeObject | undefined {
  const {host, gateway} = api.spec.exposure ?? {};
  if (gateway === undefined || host === undefined || presence.HTTPRoute !== 'Served') return undefined;
  const {apiVersion, kind} = resources.httpRoute;
  const names = childNames(api.metadata.name);
  return {
    apiVersion,
    kind,
    metadata: childMetadata(api, names.api, 'api'),
    spec: {
      parentRefs: [{group: 'gateway.networking.k8s.io', kind: 'Gateway', ...gateway.parentRef}],
      hostnames: [host],
      rules: [
        {
          matches: [{path: {type: 'PathPrefix', value: PATH}}],
          backendRefs: [{group: '', kind: 'Service', name: names.api, port: ports.apiService, weight: 1}],
        },
      ],
    },
  };
}
