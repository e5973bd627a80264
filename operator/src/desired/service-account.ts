import type {ServiceAccount} from 'kubernetes-types/core/v1.js';
import {childMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/**
 * The API's ServiceAccount; no pod gets its token. Its annotations are the revision's, because cloud providers read them
 * when a pod starts: an older revision's pods start with the older ones.
 */
export function serviceAccount({api, revision}: DesiredInput): KubeObject {
  const annotations = revision.data.spec.podTemplate?.serviceAccountAnnotations;
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {...childMetadata(api, childNames(api.metadata.name).api, 'api'), ...(annotations && {annotations})},
    automountServiceAccountToken: false,
  } satisfies ServiceAccount;
}
