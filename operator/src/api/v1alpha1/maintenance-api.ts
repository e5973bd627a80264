import {z} from 'zod';
import {
  affinity,
  environmentVariable,
  nodeSelector,
  quantity,
  resourceRequirements,
  stringMap,
  toleration,
  topologySpreadConstraint,
} from './kubernetes.ts';
import type {MaintenanceApiStatus} from './status.ts';

/** Variables that the operator itself sets in the API's container (docs/reference/image-contract.md). */
export const RESERVED_ENVIRONMENT = [
  'PORT',
  'METRICS_PORT',
  'DRAIN_SECONDS',
  'API_TOKENS_FILE',
  'DB_HOST',
  'DB_PORT',
  'DB_NAME',
  'DB_USER',
  'DB_PASSWORD_FILE',
  'DB_TLS_CA_FILE',
  'DB_POOL_SIZE',
  'MIGRATE_DB_USER',
  'MIGRATE_DB_PASSWORD_FILE',
] as const;

/** The upper bounds of the latency histogram that the image contract asks for, in milliseconds. */
export const LATENCY_THRESHOLDS_MS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000] as const;

/** Connections to MySQL that no API pod may use: people, migrations, monitoring. */
export const RESERVED_CONNECTIONS = 30;

const rule = (cel: string, message: string, more: {fieldPath?: string} = {}) => ({rule: cel, message, ...more});

const podTemplate = z
  .object({
    metadata: z
      .object({
        labels: stringMap(16, 63).optional().describe("Labels added to the API's pods."),
        annotations: stringMap(16, 4096).optional().describe("Annotations added to the API's pods."),
      })
      .optional()
      .meta({
        'x-kubernetes-validations': [
          rule(
            '!has(self.labels) || self.labels.all(k, !k.startsWith("app.kubernetes.io/") && !k.startsWith("maintenance-api.io/"))',
            'labels must not begin with app.kubernetes.io/ or maintenance-api.io/: the operator sets those',
          ),
        ],
      }),
    serviceAccountAnnotations: stringMap(16, 4096).optional().describe("Annotations of the API's ServiceAccount."),
    nodeSelector: nodeSelector.optional(),
    tolerations: z.array(toleration).max(16).optional().meta({'x-kubernetes-list-type': 'atomic'}),
    affinity: affinity.optional(),
    topologySpreadConstraints: z
      .array(topologySpreadConstraint)
      .max(8)
      .optional()
      .meta({'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['topologyKey', 'whenUnsatisfiable']}),
    priorityClassName: z.string().max(253).optional(),
  })
  .describe("What is added to the API's pods.");

const autoscaling = z
  .object({
    minReplicas: z.int().min(1).max(1000).default(2).describe('Fewest pods.'),
    maxReplicas: z.int().min(1).max(1000).default(20).describe('Most pods.'),
    scaleUp: z
      .object({
        cpuPercent: z.int().min(2).max(100).default(70).describe('Scale up above this share of the CPU request.'),
        windowSeconds: z.int().min(0).max(3600).default(120).describe('For how long it must hold.'),
      })
      .default({cpuPercent: 70, windowSeconds: 120}),
    scaleDown: z
      .object({
        cpuPercent: z.int().min(1).max(99).default(30).describe('Scale down below this share of the CPU request.'),
        windowSeconds: z.int().min(0).max(3600).default(300).describe('For how long it must hold.'),
      })
      .default({cpuPercent: 30, windowSeconds: 300}),
  })
  .describe('How the number of pods follows the load. It belongs to the HorizontalPodAutoscaler.')
  .meta({
    'x-kubernetes-validations': [
      rule('self.minReplicas <= self.maxReplicas', 'minReplicas must be less than or equal to maxReplicas'),
      rule(
        'self.scaleDown.cpuPercent < self.scaleUp.cpuPercent',
        'scaleDown.cpuPercent must be less than scaleUp.cpuPercent',
      ),
    ],
  });

const release = z
  .object({
    bakeSeconds: z
      .int()
      .min(10)
      .max(86400)
      .default(600)
      .describe('How long a completed rollout must stay inside its objectives to become the last known good.'),
    minRequests: z.int().min(1).max(1000000).default(200).describe("Requests of the revision's own pods that a bake needs."),
    progressDeadlineSeconds: z.int().min(60).max(86400).default(600).describe('After this a blocked rollout is Stalled.'),
    historyLimit: z.int().min(2).max(50).default(10).describe('Revisions kept beside those in use.'),
    schemaGate: z
      .enum(['On', 'Off'])
      .default('On')
      .describe('On: no rollback behind a migration that the target can not read, or where that is not known.'),
  })
  .describe('How a new revision becomes trusted.');

const database = z
  .object({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]*$/)
      .min(1)
      .max(48)
      .default('tasks_db')
      .describe('Name of the schema.')
      .meta({'x-kubernetes-validations': [rule('self == oldSelf', 'database.name is immutable')]}),
    connectionsPerReplica: z.int().min(1).max(100).default(10).describe('Connections that one API pod may open.'),
    managed: z
      .object({
        image: z.string().min(1).max(512).default('mysql:8.4').describe('Image with mysqld, mysql and a POSIX shell.'),
        runAsUser: z.int().min(1).max(2147483647).default(999).describe('User id that mysqld runs as.'),
        storage: z
          .object({
            size: quantity
              .default('1Gi')
              .describe('Size of the volume.')
              .meta({
                'x-kubernetes-validations': [
                  rule('quantity(string(self)).compareTo(quantity(string(oldSelf))) == 0', 'storage.size is immutable'),
                  rule('quantity(string(self)).isGreaterThan(quantity("255Mi"))', 'storage.size must be at least 256Mi'),
                ],
              }),
            className: z
              .string()
              .min(1)
              .max(253)
              .optional()
              .describe("StorageClass of the volume; the cluster's default where unset."),
          })
          .default({size: '1Gi'})
          .meta({
            'x-kubernetes-validations': [
              rule(
                'has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)',
                'storage.className is immutable',
              ),
            ],
          }),
        resources: resourceRequirements.default({
          requests: {cpu: '100m', memory: '512Mi'},
          limits: {memory: '512Mi'},
        }),
      })
      .default({
        image: 'mysql:8.4',
        runAsUser: 999,
        storage: {size: '1Gi'},
        resources: {requests: {cpu: '100m', memory: '512Mi'}, limits: {memory: '512Mi'}},
      })
      .describe('A MySQL server that the operator runs for this API.'),
  })
  .describe('Where the tasks are kept.');

/** A share in percent with at most three decimals, as a string: the API has no floats. */
const percent = (pattern: RegExp) => z.string().regex(pattern).max(8);

const slo = z
  .object({
    windowDays: z
      .int()
      .default(30)
      .describe('Days over which the error budget is counted.')
      .meta({enum: [28, 30]}),
    availability: z
      .object({
        objective: percent(/^(9[0-9])(\.[0-9]{1,3})?$/)
          .default('99.9')
          .describe('Share of valid requests that must succeed, in percent.'),
      })
      .default({objective: '99.9'}),
    latency: z
      .object({
        percentile: z.int().min(50).max(99).default(95).describe('Share of requests that must be fast, in percent.'),
        thresholdMilliseconds: z
          .int()
          .default(500)
          .describe("What counts as fast. One of the histogram's bounds.")
          .meta({enum: [...LATENCY_THRESHOLDS_MS]}),
      })
      .default({percentile: 95, thresholdMilliseconds: 500}),
    errorRate: z
      .object({
        maxPercent: percent(/^(0\.(0*[1-9][0-9]*)|[1-9](\.[0-9]{1,3})?)$/)
          .default('1')
          .describe('Most server errors among all responses, in percent.'),
      })
      .default({maxPercent: '1'}),
    source: z
      .object({scrape: z.object({}).default({}).describe("The operator reads the API's pods itself.")})
      .default({scrape: {}})
      .describe('Where the measurements come from.'),
  })
  .describe('The promises that the operator measures and keeps.');

const mode = z.enum(['Observe', 'Auto']);

const remediation = z
  .object({
    mode: mode.default('Auto').describe('Observe: decide and explain, never act.'),
    actions: z
      .object({rollback: mode.default('Auto').describe('The stricter of this and mode holds.')})
      .default({rollback: 'Auto'}),
    limits: z
      .object({
        cooldownSeconds: z.int().min(0).max(86400).default(300).describe('Least time between two actions.'),
        maxActionsPerHour: z.int().min(1).max(60).default(4).describe('Most actions in any hour.'),
      })
      .default({cooldownSeconds: 300, maxActionsPerHour: 4}),
  })
  .describe('What the operator may do when a promise is broken.');

/** `spec` of a MaintenanceApi. Unset members of a group take that member's default. */
export const maintenanceApiSpec = z
  .object({
    image: z
      .string()
      .min(1)
      .max(512)
      .regex(/^[^\s@:]+(:[0-9]+)?(\/[^\s@:]+)*((:[\w][\w.-]{0,127})?@sha256:[a-f0-9]{64}|:[\w][\w.-]{0,127})$/)
      .describe('Image of the API, with a tag or a digest. It must keep the contract in docs/reference/image-contract.md.')
      .meta({
        'x-kubernetes-validations': [
          rule('!self.endsWith(":latest")', 'image must name a tag other than latest, or a digest: a moving tag can not be rolled back to'),
        ],
      }),
    imagePullSecrets: z
      .array(z.object({name: z.string().min(1).max(253)}))
      .max(8)
      .optional()
      .meta({'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name']}),
    env: z
      .array(environmentVariable)
      .max(64)
      .optional()
      .describe("Variables added to the API's container.")
      .meta({
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-validations': [
          rule(
            `self.all(e, !(e.name in [${RESERVED_ENVIRONMENT.map((n) => `"${n}"`).join(', ')}]))`,
            `env must not set ${RESERVED_ENVIRONMENT.join(', ')}: the operator sets those`,
          ),
        ],
      }),
    resources: resourceRequirements
      .default({requests: {cpu: '100m', memory: '128Mi'}, limits: {memory: '128Mi'}})
      .describe("Resources of the API's container."),
    podTemplate: podTemplate.optional(),
    replicas: z.int().min(1).max(1000).optional().describe('A fixed number of pods. With autoscaling it must be unset.'),
    autoscaling: autoscaling.optional(),
    release: release.default({
      bakeSeconds: 600,
      minRequests: 200,
      progressDeadlineSeconds: 600,
      historyLimit: 10,
      schemaGate: 'On',
    }),
    database: database.default({
      name: 'tasks_db',
      connectionsPerReplica: 10,
      managed: {
        image: 'mysql:8.4',
        runAsUser: 999,
        storage: {size: '1Gi'},
        resources: {requests: {cpu: '100m', memory: '512Mi'}, limits: {memory: '512Mi'}},
      },
    }),
    slo: slo.default({
      windowDays: 30,
      availability: {objective: '99.9'},
      latency: {percentile: 95, thresholdMilliseconds: 500},
      errorRate: {maxPercent: '1'},
      source: {scrape: {}},
    }),
    remediation: remediation.default({
      mode: 'Auto',
      actions: {rollback: 'Auto'},
      limits: {cooldownSeconds: 300, maxActionsPerHour: 4},
    }),
    paused: z.boolean().default(false).describe('Children are left alone; service levels are still measured.'),
  })
  .meta({
    'x-kubernetes-validations': [
      rule('!(has(self.replicas) && has(self.autoscaling))', 'at most one of replicas and autoscaling may be set'),
    ],
  });

export type MaintenanceApiSpec = z.output<typeof maintenanceApiSpec>;
export type MaintenanceApiSpecInput = z.input<typeof maintenanceApiSpec>;
export type Autoscaling = z.output<typeof autoscaling>;
export type ResourceRequirements = z.output<typeof resourceRequirements>;
export type EnvironmentVariable = z.output<typeof environmentVariable>;

/** What the builder assumes where neither replicas nor autoscaling is set. */
export const DEFAULT_AUTOSCALING: Autoscaling = autoscaling.parse({});

/** A MaintenanceApi as the API server stores it, its spec with every default filled in. */
export interface MaintenanceApi {
  readonly apiVersion: string;
  readonly kind: 'MaintenanceApi';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: MaintenanceApiSpec;
  readonly status?: MaintenanceApiStatus;
}

/** Names that leave room for every child's suffix (63 characters for a label). */
export const NAME_PATTERN = '^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$';

/**
 * The spec fields that change the API's pods, and so make a new revision: a closed list. Anything else (scaling,
 * limits, objectives) never does.
 */
export const REVISION_FIELDS = ['image', 'imagePullSecrets', 'env', 'resources', 'podTemplate'] as const;

/** What a ControllerRevision's `data` holds. */
export interface RevisionData {
  /** Which generation of pod template the operator renders from these fields. */
  readonly renderVersion: number;
  readonly spec: Pick<MaintenanceApiSpec, 'image' | 'resources'> &
    Partial<Pick<MaintenanceApiSpec, 'imagePullSecrets' | 'env' | 'podTemplate'>>;
  /** database.name and database.connectionsPerReplica, which the pods get as variables. */
  readonly database: {readonly name: string; readonly connectionsPerReplica: number};
  /** Hash of each Secret and ConfigMap that env refers to, by `Kind/name`; never a value. */
  readonly references: Readonly<Record<string, string>>;
}
