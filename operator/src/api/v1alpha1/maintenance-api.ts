import * as z from 'zod';
import {backup} from './backup.ts';
import {atomicList, mapList, rules} from './cel.ts';
import {database} from './database.ts';
import {exposure} from './exposure.ts';
import {environmentVariable, imagePullSecret, imageReference, resourceRequirements} from './kubernetes.ts';
import {monitoring} from './monitoring.ts';
import {networkPolicy} from './network-policy.ts';
import {remediation, slo} from './objectives.ts';
import {maintenanceWindow} from './schedule.ts';
import type {MaintenanceApiStatus} from './status.ts';
import {autoscaling, podTemplate, release} from './workload.ts';

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
  'TERMINATION_LOG',
  'READ_ONLY_FILE',
] as const;

/** Connections to MySQL that no API pod may use: people, migrations, monitoring. */
export const RESERVED_CONNECTIONS = 30;

/** What the builder assumes where neither replicas nor autoscaling is set. */
export const DEFAULT_AUTOSCALING = autoscaling.parse({});

/** MySQL admits 100000 connections; half of them leave room for the pods that a rollout adds. */
const MAX_POOLED_CONNECTIONS = 50000;

/** The most pods outside of a rollout, in the Common Expression Language. */
const MOST_PODS = `(has(self.replicas) ? self.replicas : has(self.autoscaling) ? self.autoscaling.maxReplicas : ${DEFAULT_AUTOSCALING.maxReplicas})`;

/** `spec` of a MaintenanceApi. Unset members of a group take that member's default. */
export const maintenanceApiSpec = z
  .object({
    image: imageReference.describe(
      'Image of the API, with a tag or a digest. It must keep the contract in docs/reference/image-contract.md.',
    ),
    imagePullSecrets: z
      .array(imagePullSecret)
      .max(8)
      .optional()
      .describe("Secrets with which the API's image is pulled, and the images of backups.")
      .meta(mapList('name')),
    env: z
      .array(environmentVariable)
      .max(64)
      .optional()
      .describe("Variables added to the API's container.")
      .meta({
        ...mapList('name'),
        ...rules({
          rule: `self.all(e, !(e.name in [${RESERVED_ENVIRONMENT.map((n) => `"${n}"`).join(', ')}]))`,
          message: `env must not set ${RESERVED_ENVIRONMENT.join(', ')}: the operator sets those`,
        }),
      }),
    resources: resourceRequirements
      .default({requests: {cpu: '100m', memory: '128Mi'}, limits: {memory: '128Mi'}})
      .describe("Resources of the API's container, replaced as a whole."),
    podTemplate: podTemplate.optional(),
    replicas: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe('A fixed number of pods. With autoscaling it must be unset.'),
    autoscaling: autoscaling.optional(),
    exposure: exposure.optional(),
    networkPolicy: networkPolicy.prefault({}),
    release: release.prefault({}),
    database: database.prefault({}),
    backup: backup.optional(),
    slo: slo.prefault({}),
    remediation: remediation.prefault({}),
    monitoring: monitoring.prefault({}),
    maintenanceWindows: z
      .array(maintenanceWindow)
      .max(8)
      .optional()
      .describe(
        'When pods that an older operator rendered may be replaced by ones of its current templates. Remediation does not wait for them.',
      )
      .meta(atomicList),
    maintenance: z
      .object({
        readOnly: z
          .boolean()
          .default(false)
          .describe('Writes are refused, with 503 and Retry-After; reads go on. Pods follow it without a restart.'),
      })
      .prefault({})
      .describe('What the service does without for a while, because somebody works on it.'),
    deletionPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe(
        "What becomes of the database's volume, and of the Secrets needed to read it, when the resource is deleted: kept for a new one of the same name, or deleted with it.",
      ),
    paused: z.boolean().default(false).describe('Children are left alone; service levels are still measured.'),
  })
  .describe('What the service must be. Only the image has no default.')
  .meta(
    rules(
      {
        rule: '!(has(self.replicas) && has(self.autoscaling))',
        message: 'at most one of replicas and autoscaling may be set',
      },
      {
        rule: 'has(self.replicas) || (has(self.resources.requests) && has(self.resources.requests.cpu))',
        message: 'resources.requests.cpu must be set unless replicas is: the autoscaler counts utilization against it',
      },
      {
        rule: `${MOST_PODS} * self.database.connectionsPerReplica <= ${MAX_POOLED_CONNECTIONS}`,
        message: `the most replicas times database.connectionsPerReplica must be at most ${MAX_POOLED_CONNECTIONS}`,
      },
      {
        // As maxConnections() of the builders counts them.
        rule: `!has(self.database.external) || (${MOST_PODS} + (${MOST_PODS} + 3) / 4) * self.database.connectionsPerReplica + ${RESERVED_CONNECTIONS} <= self.database.external.maxConnections`,
        message: `database.external.maxConnections must be at least ${RESERVED_CONNECTIONS} more than database.connectionsPerReplica times the most replicas and a quarter of them, which a rollout adds`,
      },
      {
        rule: '!has(self.database.external) || self.deletionPolicy == "Retain"',
        message: 'deletionPolicy must be Retain with database.external, which is never deleted',
      },
    ),
  );

export type MaintenanceApiSpec = z.output<typeof maintenanceApiSpec>;
export type MaintenanceApiSpecInput = z.input<typeof maintenanceApiSpec>;
/** `spec.backup`, with every default filled in. */
export type BackupSpec = NonNullable<MaintenanceApiSpec['backup']>;
/** One of `spec.maintenanceWindows`, with every default filled in. */
export type MaintenanceWindow = z.output<typeof maintenanceWindow>;
export type Autoscaling = z.output<typeof autoscaling>;
export type ResourceRequirements = z.output<typeof resourceRequirements>;

/** How the number of pods is decided: by the spec's number, or else by an autoscaler, which is also the default. */
export function autoscalingOf(spec: MaintenanceApiSpec): Autoscaling | undefined {
  return spec.replicas === undefined ? (spec.autoscaling ?? DEFAULT_AUTOSCALING) : undefined;
}

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

/** Endings of the names of children that have a namesake of the same kind: `a-mysql` would meet the Service of `a`. */
export const RESERVED_NAME_ENDINGS = ['-mysql', '-mysql-pods'] as const;

/**
 * The spec fields that change the API's pods, and so make a new revision: a closed list. Anything else (scaling,
 * limits, objectives) never does.
 */
export const REVISION_FIELDS = ['image', 'imagePullSecrets', 'env', 'resources', 'podTemplate'] as const;

/** An external database as pods of a revision use it; `app`, `migrate` and `authority` name Secrets. */
export interface RevisionEndpoint {
  readonly host: string;
  readonly port: number;
  readonly app: string;
  readonly migrate: string;
  readonly authority: string;
}

/** What a ControllerRevision's `data` holds. */
export interface RevisionData {
  /** Which generation of pod template the operator renders from these fields. */
  readonly renderVersion: number;
  readonly spec: Pick<MaintenanceApiSpec, 'image' | 'resources'> &
    Partial<Pick<MaintenanceApiSpec, 'imagePullSecrets' | 'env' | 'podTemplate'>>;
  /** What of spec.database the pods get as variables and files. */
  readonly database: {
    readonly name: string;
    readonly connectionsPerReplica: number;
    /** Where it is, and as whom it is used; undefined: it is the one that the operator runs. */
    readonly external?: RevisionEndpoint;
  };
  /** Hash of each Secret and ConfigMap that env refers to, by `Kind/name`; never a value. */
  readonly references: Readonly<Record<string, string>>;
}
