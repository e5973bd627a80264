import type {Deployment} from 'kubernetes-types/apps/v1.js';
import type {PodTemplateSpec} from 'kubernetes-types/core/v1.js';
import {revisionAnnotations, selectorLabels, templateAnnotations, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {childMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject, ServedRevision} from './objects.ts';
import {templatesOf} from './render-version.ts';
import {SURGE_PERCENT} from './scaling.ts';

/** Seconds that a new pod must stay ready before the rollout goes on: a few act windows' worth of its own requests. */
const MIN_READY_SECONDS = 15;

/**
 * The API's Deployment, with the pod template of the revision to serve.
 *
 * No pod is taken away before its replacement is available. The surge is a share: a rollout, and what matters more a
 * rollback of a complete one, takes four or five steps at any size, and at the default two pods it is one pod at a time.
 * `replicas` is left out where they belong to the autoscaler (invariant 4).
 *
 * @throws UnknownRenderVersion when a newer operator stored the revision
 */
export function deployment({api, revision}: DesiredInput): KubeObject {
  const {replicas, release} = api.spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...childMetadata(api, childNames(api.metadata.name).api, 'api'),
      annotations: {[templateAnnotations.renderVersion]: String(revision.data.renderVersion)},
    },
    spec: {
      ...(replicas !== undefined && {replicas}),
      minReadySeconds: MIN_READY_SECONDS,
      progressDeadlineSeconds: release.progressDeadlineSeconds,
      revisionHistoryLimit: release.historyLimit,
      selector: {matchLabels: selectorLabels(api.metadata.name, 'api')},
      strategy: {type: 'RollingUpdate', rollingUpdate: {maxUnavailable: 0, maxSurge: `${SURGE_PERCENT}%`}},
      template: podTemplate(api.metadata.name, revision),
    },
  } satisfies Deployment;
}

/** Restarted pods are of the same revision: all but the annotation is as it was. */
function podTemplate(name: string, {hash, data, restarted}: ServedRevision): PodTemplateSpec {
  const template = templatesOf(data.renderVersion).apiPod(name, {hash, data});
  if (restarted === undefined) return template;
  const annotations = {...template.metadata?.annotations, [revisionAnnotations.restarted]: restarted};
  return {...template, metadata: {...template.metadata, annotations}};
}

/**
 * What holds the Deployment's replicas while the autoscaler is switched on or off: applied under
 * REPLICAS_HANDOVER_MANAGER before the Deployment itself, because a field that its last owner drops goes back to 1.
 *
 * @param replicas - what the Deployment has now
 */
export function replicasHandover(
  api: MaintenanceApi,
  replicas: number,
): KubeObject & {readonly spec: {replicas: number}} {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {name: childNames(api.metadata.name).api, namespace: api.metadata.namespace},
    spec: {replicas},
  };
}
