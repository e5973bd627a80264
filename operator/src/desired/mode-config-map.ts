import type {ConfigMap} from 'kubernetes-types/core/v1.js';
import {childMetadata} from './metadata.ts';
import {childNames, READ_ONLY_KEY} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** What the API's pods follow without a restart: the kubelet brings a change into the file that they read again and again. */
export function modeConfigMap({api}: DesiredInput): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: childMetadata(api, childNames(api.metadata.name).mode, 'api'),
    data: {[READ_ONLY_KEY]: String(api.spec.maintenance.readOnly)},
  } satisfies ConfigMap;
}
