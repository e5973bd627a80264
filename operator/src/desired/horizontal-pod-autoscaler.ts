import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerSpec,
  HPAScalingRules,
} from 'kubernetes-types/autoscaling/v2.js';
import {autoscalingOf, type Autoscaling} from '../api/v1alpha1/index.ts';
import {canonicalQuantity} from './quantity.ts';
import {childMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** `tolerance` is newer than the types: on by default from Kubernetes 1.35, left out by the applier before. */
type TolerantRules = HPAScalingRules & {tolerance: string};
type TolerantAutoscaler = HorizontalPodAutoscaler & {
  spec: HorizontalPodAutoscalerSpec & {
    behavior: HorizontalPodAutoscalerBehavior & {scaleUp: TolerantRules; scaleDown: TolerantRules};
  };
};

/**
 * How far below its target the utilization may be before pods are taken away. The autoscaler compares a utilization that
 * is truncated to whole percents; half a percent below `scaleDown.cpuPercent` therefore acts at one percent less than it,
 * whatever way the tolerance is rounded.
 */
function scaleDownTolerance({scaleUp, scaleDown}: Autoscaling): string {
  const milli = Math.round(1000 * (1 - (scaleDown.cpuPercent - 0.5) / scaleUp.cpuPercent));
  return canonicalQuantity(`${milli}m`);
}

/**
 * The autoscaler, or undefined where the spec gives a number of pods. It scales up above `scaleUp.cpuPercent` without
 * tolerance (the default one would wait for 78 % at a target of 70 %), and down below `scaleDown.cpuPercent` by at most
 * half of the pods a minute.
 */
export function horizontalPodAutoscaler({api, floor = 0}: DesiredInput): KubeObject | undefined {
  const autoscaling = autoscalingOf(api.spec);
  if (autoscaling === undefined) return undefined;
  const {minReplicas, maxReplicas, scaleUp, scaleDown} = autoscaling;
  const name = childNames(api.metadata.name).api;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: childMetadata(api, name, 'api'),
    spec: {
      scaleTargetRef: {apiVersion: 'apps/v1', kind: 'Deployment', name},
      minReplicas: Math.min(Math.max(minReplicas, floor), maxReplicas),
      maxReplicas,
      metrics: [
        {
          type: 'ContainerResource',
          // The API's container alone: one that a service mesh adds would otherwise need a CPU request too.
          containerResource: {
            name: 'cpu',
            container: 'api',
            target: {type: 'Utilization', averageUtilization: scaleUp.cpuPercent},
          },
        },
      ],
      behavior: {
        scaleUp: {stabilizationWindowSeconds: scaleUp.windowSeconds, tolerance: '0'},
        scaleDown: {
          stabilizationWindowSeconds: scaleDown.windowSeconds,
          tolerance: scaleDownTolerance(autoscaling),
          policies: [{type: 'Percent', value: 50, periodSeconds: 60}],
        },
      },
    },
  } satisfies TolerantAutoscaler;
}
