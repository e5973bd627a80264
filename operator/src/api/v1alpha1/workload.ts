import * as z from 'zod';
import {rules} from './cel.ts';
import {
  affinity,
  annotationMap,
  labelMap,
  noneReserved,
  objectName,
  tolerations,
  topologySpreadConstraints,
} from './kubernetes.ts';

/** What the API's pods are, how many there are, and how a change of them becomes trusted. */

export const podTemplate = z
  .object({
    metadata: z
      .object({
        labels: labelMap(16).optional().describe("Labels added to the API's pods."),
        annotations: annotationMap(16).optional().describe("Annotations added to the API's pods."),
      })
      .optional()
      .describe("Metadata added to the API's pods.")
      .meta(rules(noneReserved('labels'), noneReserved('annotations'))),
    serviceAccountAnnotations: annotationMap(16).optional().describe("Annotations of the API's ServiceAccount."),
    nodeSelector: labelMap(16).optional().describe("Labels that a node must have to run the API's pods."),
    tolerations: tolerations.optional().describe("Taints of nodes that the API's pods tolerate."),
    affinity: affinity
      .optional()
      .describe('nodeAffinity, podAffinity and podAntiAffinity as in a pod; judged when the Deployment is applied.'),
    topologySpreadConstraints: topologySpreadConstraints
      .optional()
      .describe("How the API's pods are spread over zones and nodes."),
    priorityClassName: objectName.optional().describe("PriorityClass of the API's pods."),
  })
  .describe("What is added to the API's pods.");

const cpuPercent = z.int();
const windowSeconds = z.int().min(0).max(3600);

export const autoscaling = z
  .object({
    minReplicas: z.int().min(1).max(1000).default(2).describe('Fewest pods.'),
    maxReplicas: z.int().min(1).max(1000).default(20).describe('Most pods.'),
    scaleUp: z
      .object({
        cpuPercent: cpuPercent
          .min(2)
          .max(100)
          .default(70)
          .describe('Share of the CPU request, in percent, above which pods are added.'),
        windowSeconds: windowSeconds.default(120).describe('For how long it must hold, in seconds.'),
      })
      .prefault({})
      .describe('When pods are added.'),
    scaleDown: z
      .object({
        cpuPercent: cpuPercent
          .min(1)
          .max(99)
          .default(30)
          .describe('Share of the CPU request, in percent, below which pods are removed.'),
        windowSeconds: windowSeconds.default(300).describe('For how long it must hold, in seconds.'),
      })
      .prefault({})
      .describe('When pods are removed.'),
  })
  .describe('How the number of pods follows the load. It belongs to the HorizontalPodAutoscaler.')
  .meta(
    rules(
      {
        rule: 'self.minReplicas <= self.maxReplicas',
        message: 'minReplicas must be less than or equal to maxReplicas',
      },
      {
        rule: 'self.scaleDown.cpuPercent < self.scaleUp.cpuPercent',
        message: 'scaleDown.cpuPercent must be less than scaleUp.cpuPercent',
      },
    ),
  );

export const release = z
  .object({
    bakeSeconds: z
      .int()
      .min(10)
      .max(86400)
      .default(600)
      .describe('For how long a completed rollout must stay inside its objectives to become the last known good.'),
    minRequests: z
      .int()
      .min(1)
      .max(1000000)
      .default(200)
      .describe("How many requests of the revision's own pods a bake needs."),
    progressDeadlineSeconds: z
      .int()
      .min(60)
      .max(86400)
      .default(600)
      .describe('Seconds after which a blocked rollout is Stalled.'),
    historyLimit: z.int().min(2).max(50).default(10).describe('How many revisions are kept beside those in use.'),
    schemaGate: z
      .enum(['On', 'Off'])
      .default('On')
      .describe('On: no rollback behind a migration that the target can not read, or where that is not known.'),
  })
  .describe('How a new revision becomes trusted.');
