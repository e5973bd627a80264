import * as z from 'zod';
import {mapList, rules, type CelRule} from './cel.ts';

/**
 * The slices of Kubernetes' own types that a MaintenanceApi's spec takes over, with bounds, so that a wrong one is
 * refused when it is applied. `affinity` is passed on as it is: the API server judges it when the Deployment is applied.
 */

/** A qualified name: a prefix of 253 characters, a slash, and a name of 63. */
const MAX_KEY = 317;

const QUALIFIED_NAME = '^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$';
const labelKey = z.string().regex(new RegExp(QUALIFIED_NAME)).max(MAX_KEY);
const labelValue = z
  .string()
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/)
  .max(63);

/** Name of an object: a DNS subdomain. */
export const objectName = z
  .string()
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/)
  .max(253);

/** Key in the data of a Secret or ConfigMap. */
export const dataKey = z
  .string()
  .regex(/^[-._a-zA-Z0-9]+$/)
  .max(253);

/** An image with its tag or digest, so that what is running can be named later. */
export const imageReference = z
  .string()
  .regex(
    /^[a-zA-Z0-9][\w.-]*(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]{0,127}|(:\w[\w.-]{0,127})?@sha256:[a-f0-9]{64})$/,
  )
  .max(512)
  .meta(
    rules({
      rule: '!self.endsWith(":latest")',
      message: 'the image must have a digest, or a tag other than latest: a moving tag can not be rolled back to',
    }),
  );

/** An amount as Kubernetes writes it ("100m", "128Mi"), never negative; `least` holds for one given as an integer. */
export const quantityFrom = (least: number) =>
  z
    .union([
      z.int().min(least),
      z
        .string()
        .regex(/^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]{1,2})?$/)
        .max(20),
    ])
    .meta({'x-kubernetes-int-or-string': true});

const quantity = quantityFrom(0);

const atMost = (resource: 'cpu' | 'memory') => ({
  rule: `!has(self.requests) || !has(self.limits) || !has(self.requests.${resource}) || !has(self.limits.${resource}) || !quantity(string(self.requests.${resource})).isGreaterThan(quantity(string(self.limits.${resource})))`,
  message: `requests.${resource} must be less than or equal to limits.${resource}`,
});

export const resourceRequirements = z
  .object({
    requests: z
      .object({
        cpu: quantity.optional().describe('CPU that the scheduler sets aside; utilization is counted against it.'),
        memory: quantity.optional().describe('Memory that the scheduler sets aside.'),
      })
      .optional()
      .describe('What the container is promised.'),
    limits: z
      .object({
        cpu: quantity.optional().describe('CPU above which the container is throttled.'),
        memory: quantity.optional().describe('Memory above which the container is killed.'),
      })
      .optional()
      .describe('What the container may not exceed.'),
  })
  .meta(rules(atMost('cpu'), atMost('memory')));

const keySelector = (kind: 'Secret' | 'ConfigMap') =>
  z.object({
    name: objectName.describe(`Name of the ${kind} in the same namespace.`),
    key: dataKey.describe(`Key in the ${kind}.`),
  });

export const environmentVariable = z
  .object({
    name: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
      .max(128)
      .describe('Name of the variable.'),
    value: z.string().max(8192).optional().describe('Its value.'),
    valueFrom: z
      .object({
        secretKeyRef: keySelector('Secret').optional().describe('A key of a Secret.'),
        configMapKeyRef: keySelector('ConfigMap').optional().describe('A key of a ConfigMap.'),
      })
      .optional()
      .describe('Where its value comes from; a change there makes a new revision.')
      .meta(
        rules({
          rule: 'has(self.secretKeyRef) != has(self.configMapKeyRef)',
          message: 'exactly one of secretKeyRef and configMapKeyRef must be set',
        }),
      ),
  })
  .meta(
    rules({
      rule: '!(has(self.value) && has(self.valueFrom))',
      message: 'at most one of value and valueFrom may be set',
    }),
  );

export const imagePullSecret = z.object({name: objectName.describe('Name of the Secret in the same namespace.')});

const toleration = z
  .object({
    key: labelKey.optional().describe("The taint's key; unset with operator Exists: every key."),
    operator: z.enum(['Exists', 'Equal']).optional().describe('How key and value are compared; Equal where unset.'),
    value: labelValue.optional().describe("The taint's value, with operator Equal."),
    effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional().describe('Unset: every effect.'),
    tolerationSeconds: z
      .int()
      .min(0)
      .max(2147483647)
      .optional()
      .describe('For how long a NoExecute taint is tolerated, in seconds; for ever where unset.'),
  })
  .meta(
    rules(
      {
        rule: 'has(self.key) || (has(self.operator) && self.operator == "Exists")',
        message: 'a toleration without key must have operator Exists',
      },
      {
        rule: '!has(self.value) || self.value == "" || !has(self.operator) || self.operator == "Equal"',
        message: 'a toleration with operator Exists must have no value',
      },
      {
        rule: '!has(self.tolerationSeconds) || (has(self.effect) && self.effect == "NoExecute")',
        message: 'a toleration with tolerationSeconds must have effect NoExecute',
      },
    ),
  );

const keysFit = {
  rule: `self.all(k, k.matches('${QUALIFIED_NAME}'))`,
  message:
    "each key must be a qualified name: optionally a DNS prefix and a slash, then at most 63 letters, digits, '-', '_' and '.'",
};

/** A map of labels. */
export const labelMap = (maxEntries: number): z.ZodType<Record<string, string>> =>
  z.record(labelKey, labelValue).meta({maxProperties: maxEntries, ...rules(keysFit)});

/** A map of annotations. */
export const annotationMap = (maxEntries: number): z.ZodType<Record<string, string>> =>
  z.record(labelKey, z.string().max(4096)).meta({maxProperties: maxEntries, ...rules(keysFit)});

const OWN_PREFIXES = ['app.kubernetes.io/', 'maintenance-api.io/'] as const;

/** A rule for an object whose `field` is added to what the operator sets itself. */
export const noneReserved = (field: 'labels' | 'annotations'): CelRule => ({
  rule: `!has(self.${field}) || self.${field}.all(k, ${OWN_PREFIXES.map((p) => `!k.startsWith("${p}")`).join(' && ')})`,
  message: `${field} must not begin with ${OWN_PREFIXES.join(' or ')}: the operator sets those`,
});

const topologySpreadConstraint = z.object({
  maxSkew: z.int().min(1).max(100).describe('By how many pods two domains may differ.'),
  topologyKey: labelKey.describe('Label of the nodes whose values are the domains.'),
  whenUnsatisfiable: z.enum(['DoNotSchedule', 'ScheduleAnyway']).describe('What happens to a pod that fits nowhere.'),
  labelSelector: z
    .object({matchLabels: labelMap(16).optional().describe('Labels that a pod must have to be counted.')})
    .optional()
    .describe("Which pods are counted; the API's own where unset."),
});

/** Passed on as it is. */
export const affinity = z
  .record(z.string(), z.unknown())
  .meta({'x-kubernetes-preserve-unknown-fields': true, maxProperties: 3});

export const tolerations = z.array(toleration).max(16).meta({'x-kubernetes-list-type': 'atomic'});

export const topologySpreadConstraints = z
  .array(topologySpreadConstraint)
  .max(8)
  .meta(mapList('topologyKey', 'whenUnsatisfiable'));
