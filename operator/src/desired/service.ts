import type {Service} from 'kubernetes-types/core/v1.js';
import {selectorLabels} from '../api/v1alpha1/index.ts';
import {childMetadata} from './metadata.ts';
import {childNames, ports} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** The Service that clients of the API use. Metrics are no part of it: they are read from each pod. */
export function service({api}: DesiredInput): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMetadata(api, childNames(api.metadata.name).api, 'api'),
    spec: {
      type: 'ClusterIP',
      selector: selectorLabels(api.metadata.name, 'api'),
      ports: [{name: 'http', port: ports.apiService, protocol: 'TCP', targetPort: 'http'}],
    },
  } satisfies Service;
}
