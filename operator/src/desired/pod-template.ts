import type {Container, EnvVar, PodTemplateSpec, Volume} from 'kubernetes-types/core/v1.js';
import {childLabels, externalSecretKeys, labels, selectorLabels, type RevisionData} from '../api/v1alpha1/index.ts';
import {childNames, ports, READ_ONLY_KEY} from './names.ts';
import type {ServedRevision} from './objects.ts';
import {containerSecurity, podSecurity, SECRET_MODE} from './pod-security.ts';
import {secretKeys} from './secret-keys.ts';

/** Seconds that a pod goes on serving after SIGTERM, until no load balancer sends it anything new. */
const DRAIN_SECONDS = 10;
/** Seconds that the requests under way may take after that, and a margin before the pod is killed. */
const SHUTDOWN_SECONDS = 20;
/** User of the API's pods. Given by number, so that "not root" holds for any image that keeps the contract. */
const API_USER = 65532;

const FILES = '/etc/maintenance-api';
const MODE = `${FILES}/mode`;

interface MountedFile {
  readonly volume: string;
  readonly secret: string;
  readonly key: string;
  readonly directory: string;
}

/** Path of a mounted file in the container. */
function pathOf({directory, key}: MountedFile): string {
  return `${directory}/${key}`;
}

function filesOf(
  name: string,
  {database: {external}}: RevisionData,
): Record<'app' | 'migrate' | 'authority' | 'tokens', MountedFile> {
  const names = childNames(name);
  const file = (volume: string, secret: string, key: string): MountedFile => ({
    volume,
    secret,
    key,
    directory: `${FILES}/${volume}`,
  });
  return {
    app: file('database-app', external?.app ?? names.databaseRole.app, secretKeys.password),
    migrate: file('database-migrate', external?.migrate ?? names.databaseRole.migrate, secretKeys.password),
    // By its key alone: the same Secret holds the server's private key.
    authority: file('database-ca', external?.authority ?? names.databaseTls, secretKeys.authority),
    tokens: file('tokens', names.apiTokens, secretKeys.tokens),
  };
}

/**
 * The first generation of the API's pod template. It depends on nothing but the resource's name and the revision, so that
 * going back to a revision gives the bytes of its old ReplicaSet (invariant 8).
 */
export function apiPod(name: string, {hash, data}: Pick<ServedRevision, 'hash' | 'data'>): PodTemplateSpec {
  const {imagePullSecrets, podTemplate} = data.spec;
  const files = filesOf(name, data);
  const annotations = podTemplate?.metadata?.annotations;
  return {
    metadata: {
      labels: {...podTemplate?.metadata?.labels, ...childLabels(name, 'api'), [labels.revision]: hash},
      ...(annotations && {annotations}),
    },
    spec: {
      serviceAccountName: childNames(name).api,
      automountServiceAccountToken: false,
      // Otherwise every Service of the namespace becomes variables, which may be taken for the contract's own.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: DRAIN_SECONDS + SHUTDOWN_SECONDS,
      securityContext: podSecurity(API_USER),
      ...(imagePullSecrets && {imagePullSecrets}),
      initContainers: [migrateContainer(name, data)],
      containers: [apiContainer(name, data)],
      volumes: [
        ...Object.values(files).map(secretVolume),
        modeVolume(name),
        {name: 'tmp', emptyDir: {sizeLimit: '64Mi'}},
      ],
      ...placement(name, podTemplate),
    },
  };
}

/** Names are the contract's (docs/reference/image-contract.md), which also reserves them in the spec's env. */
function databaseVariables(name: string, data: RevisionData): EnvVar[] {
  const {external, name: schema} = data.database;
  return [
    {name: 'DB_HOST', value: external?.host ?? childNames(name).database},
    {name: 'DB_PORT', value: String(external?.port ?? ports.mysql)},
    {name: 'DB_NAME', value: schema},
    {name: 'DB_TLS_CA_FILE', value: pathOf(filesOf(name, data).authority)},
  ];
}

/** The account of a role: its name is the role's own, or else in the Secret of somebody else's account. */
function accountVariable(name: string, role: 'app' | 'migrate', {database: {external}}: RevisionData): EnvVar {
  return external === undefined
    ? {name, value: role}
    : {name, valueFrom: {secretKeyRef: {name: external[role], key: externalSecretKeys.username}}};
}

function apiContainer(name: string, data: RevisionData): Container {
  const files = filesOf(name, data);
  return {
    ...commonContainer('api', data),
    ports: [
      {name: 'http', containerPort: ports.api, protocol: 'TCP'},
      {name: 'metrics', containerPort: ports.apiMetrics, protocol: 'TCP'},
    ],
    env: [
      {name: 'PORT', value: String(ports.api)},
      {name: 'METRICS_PORT', value: String(ports.apiMetrics)},
      {name: 'DRAIN_SECONDS', value: String(DRAIN_SECONDS)},
      {name: 'API_TOKENS_FILE', value: pathOf(files.tokens)},
      {name: 'READ_ONLY_FILE', value: `${MODE}/${READ_ONLY_KEY}`},
      ...databaseVariables(name, data),
      accountVariable('DB_USER', 'app', data),
      {name: 'DB_PASSWORD_FILE', value: pathOf(files.app)},
      {name: 'DB_POOL_SIZE', value: String(data.database.connectionsPerReplica)},
      ...userVariables(data),
    ],
    // Liveness and startup look at the process alone. A database that is away must not restart pods, which would turn
    // its outage into crash loops that look like a bad revision.
    startupProbe: {
      httpGet: {path: '/health/live', port: 'http'},
      periodSeconds: 1,
      timeoutSeconds: 1,
      failureThreshold: 60,
    },
    livenessProbe: {
      httpGet: {path: '/health/live', port: 'http'},
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
    // The process itself counts three misses of its database; the second failure here is for a probe that got lost.
    readinessProbe: {
      httpGet: {path: '/health/ready', port: 'http'},
      periodSeconds: 3,
      timeoutSeconds: 3,
      failureThreshold: 2,
    },
    volumeMounts: [
      ...[mount(files.tokens), mount(files.app), mount(files.authority)],
      {name: 'mode', mountPath: MODE, readOnly: true},
      temporary,
    ],
  };
}

function migrateContainer(name: string, data: RevisionData): Container {
  const files = filesOf(name, data);
  return {
    ...commonContainer('migrate', data),
    args: ['migrate'],
    env: [
      ...databaseVariables(name, data),
      accountVariable('MIGRATE_DB_USER', 'migrate', data),
      {name: 'MIGRATE_DB_PASSWORD_FILE', value: pathOf(files.migrate)},
      // Nobody else can say what is wrong with a database that the operator doesn't connect to.
      ...(data.database.external === undefined ? [] : [{name: 'TERMINATION_LOG', value: '/dev/termination-log'}]),
      ...userVariables(data),
    ],
    volumeMounts: [mount(files.migrate), mount(files.authority), temporary],
  };
}

function commonContainer(name: string, {spec}: RevisionData): Container {
  return {
    name,
    image: spec.image,
    imagePullPolicy: 'IfNotPresent',
    resources: spec.resources as NonNullable<Container['resources']>,
    securityContext: containerSecurity,
  };
}

function userVariables({spec}: RevisionData): EnvVar[] {
  return (spec.env ?? []) as EnvVar[];
}

const temporary = {name: 'tmp', mountPath: '/tmp'};

function mount({volume, directory}: MountedFile): {name: string; mountPath: string; readOnly: true} {
  return {name: volume, mountPath: directory, readOnly: true};
}

function secretVolume({volume, secret, key}: MountedFile): Volume {
  return {name: volume, secret: {secretName: secret, defaultMode: SECRET_MODE, items: [{key, path: key}]}};
}

/** Optional: a ConfigMap that is gone must keep no pod from starting. */
function modeVolume(name: string): Volume {
  const items = [{key: READ_ONLY_KEY, path: READ_ONLY_KEY}];
  return {name: 'mode', configMap: {name: childNames(name).mode, items, optional: true}};
}

type PodTemplateSettings = RevisionData['spec']['podTemplate'];

/** Where pods may run: the spec's wishes; without any on spreading, over hosts where there are enough. */
function placement(name: string, settings: PodTemplateSettings): Partial<NonNullable<PodTemplateSpec['spec']>> {
  const {nodeSelector, tolerations, affinity, priorityClassName} = settings ?? {};
  const labelSelector = {matchLabels: selectorLabels(name, 'api')};
  const spread = settings?.topologySpreadConstraints?.map((constraint) => ({labelSelector, ...constraint})) ?? [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway' as const,
      labelSelector,
      // Each revision is spread by itself: pods of the one being left don't count.
      matchLabelKeys: ['pod-template-hash'],
    },
  ];
  return {
    ...(nodeSelector && {nodeSelector}),
    ...(tolerations && {tolerations: tolerations as NonNullable<PodTemplateSpec['spec']>['tolerations'] & object}),
    ...(affinity && {affinity: affinity}),
    ...(priorityClassName && {priorityClassName}),
    topologySpreadConstraints: spread as NonNullable<NonNullable<PodTemplateSpec['spec']>['topologySpreadConstraints']>,
  };
}
