import type {PodDisruptionBudget} from 'kubernetes-types/policy/v1.js';
import {selectorLabels} from '../api/v1alpha1/index.ts';
import {childMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/**
 * Drains take one API pod at a time, and never wait for one that isn't healthy. Also wanted for a single pod, which it
 * lets go: unlike `minAvailable: 1` it blocks no drain.
 */
export function podDisruptionBudget({api}: DesiredInput): KubeObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: childMetadata(api, childNames(api.metadata.name).api, 'api'),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: {matchLabels: selectorLabels(api.metadata.name, 'api')},
    },
  } satisfies PodDisruptionBudget;
}
