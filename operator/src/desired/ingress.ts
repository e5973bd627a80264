import type {Ingress} from 'kubernetes-types/networking/v1.js';
import {childMetadata} from './metadata.ts';
import {unlessEmpty} from './canonical.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** What clients may ask for: health, of the same port, is for the kubelet (docs/reference/image-contract.md). */
export const PATH = '/api';

/** The way in from outside of the cluster. */
export function ingress({api}: DesiredInput): KubeObject | undefined {
  const {exposure} = api.spec;
  if (exposure === undefined || exposure.gateway !== undefined) return undefined;
  const {host, tls} = exposure;
  const {className, annotations} = exposure.ingress ?? {};
  const wanted = unlessEmpty(annotations);
  const service = {name: childNames(api.metadata.name).api, port: {name: 'http'}};
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      ...childMetadata(api, childNames(api.metadata.name).api, 'api'),
      ...(wanted && {annotations: wanted}),
    },
    spec: {
      ...(className !== undefined && {ingressClassName: className}),
      rules: [{host, http: {paths: [{path: PATH, pathType: 'Prefix', backend: {service}}]}}],
      ...(tls && {tls: [{hosts: [host], secretName: tls.secretName}]}),
    },
  } satisfies Ingress;
}
