import {z} from 'zod';

/**
 * The slices of Kubernetes' own types that a MaintenanceApi's spec takes over, with bounds, so that a wrong one is
 * refused when it is applied. `affinity` is passed on as it is: the API server judges it when the Deployment is applied.
 */

const labelKey = z.string().min(1).max(317);
const labelValue = z.string().max(63);

/** A quantity as Kubernetes writes it ("100m", "128Mi"). */
export const quantity = z
  .union([z.int(), z.string().max(32)])
  .meta({
    'x-kubernetes-int-or-string': true,
    pattern: String.raw`^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`,
  });

export const resourceRequirements = z.object({
  requests: z.object({cpu: quantity.optional(), memory: quantity.optional()}).optional(),
  limits: z.object({cpu: quantity.optional(), memory: quantity.optional()}).optional(),
});

const secretKeySelector = z.object({
  name: z.string().min(1).max(253).describe('Name of the Secret in the same namespace.'),
  key: z.string().min(1).max(253).describe('Key in the Secret.'),
});

const configMapKeySelector = z.object({
  name: z.string().min(1).max(253).describe('Name of the ConfigMap in the same namespace.'),
  key: z.string().min(1).max(253).describe('Key in the ConfigMap.'),
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
        secretKeyRef: secretKeySelector.optional(),
        configMapKeyRef: configMapKeySelector.optional(),
      })
      .optional()
      .describe('Where its value comes from; a change there makes a new revision.')
      .meta({
        'x-kubernetes-validations': [
          {
            rule: 'has(self.secretKeyRef) != has(self.configMapKeyRef)',
            message: 'exactly one of secretKeyRef and configMapKeyRef must be set',
          },
        ],
      }),
  })
  .meta({
    'x-kubernetes-validations': [
      {rule: '!(has(self.value) && has(self.valueFrom))', message: 'at most one of value and valueFrom may be set'},
    ],
  });

export const toleration = z.object({
  key: z.string().max(317).optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: labelValue.optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().optional(),
});

const labelSelector = z.object({
  matchLabels: z.record(labelKey, labelValue).optional().meta({maxProperties: 16}),
});

export const topologySpreadConstraint = z.object({
  maxSkew: z.int().min(1).max(100),
  topologyKey: z.string().min(1).max(317),
  whenUnsatisfiable: z.enum(['DoNotSchedule', 'ScheduleAnyway']),
  labelSelector: labelSelector.optional(),
});

export const stringMap = (maxEntries: number, maxValue: number): z.ZodType<Record<string, string>> =>
  z.record(labelKey, z.string().max(maxValue)).meta({maxProperties: maxEntries});

export const nodeSelector = z.record(labelKey, labelValue).meta({maxProperties: 16});

/** Passed on as it is. */
export const affinity = z.record(z.string(), z.unknown()).meta({'x-kubernetes-preserve-unknown-fields': true});
