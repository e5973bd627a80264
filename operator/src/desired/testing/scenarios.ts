import {
  maintenanceApiSpec,
  type MaintenanceApi,
  type MaintenanceApiSpecInput,
  type Presence,
} from '../../api/v1alpha1/index.ts';
import type {DesiredInput} from '../objects.ts';
import {RENDER_VERSION} from '../render-version.ts';
import {revisionData, revisionHash} from '../revision.ts';

/** A MaintenanceApi as the API server stores it: the given spec with every default filled in. */
export function aMaintenanceApi(spec: Partial<MaintenanceApiSpecInput> = {}, name = 'shop'): MaintenanceApi {
  return {
    apiVersion: 'maintenance-api.io/v1alpha1',
    kind: 'MaintenanceApi',
    metadata: {
      name,
      namespace: 'apis',
      uid: '6f0c3d0e-5f2a-4c53-9d5b-2f6f3f0f8a11',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: maintenanceApiSpec.parse({image: 'registry.example.com/maintenance-api:1.4.2', ...spec}),
  };
}

/** What the builders get for a resource that serves the revision that its spec asks for, or else the one of `serving`. */
export function desiredInput(
  api: MaintenanceApi,
  {
    serving = api,
    references = {},
    has = 'Absent',
  }: {serving?: MaintenanceApi; references?: Record<string, string>; has?: Presence} = {},
): DesiredInput {
  const data = revisionData(serving, references);
  return {
    api,
    revision: {hash: revisionHash(data), data},
    databaseVersion: RENDER_VERSION,
    presence: {PrometheusRule: has, PodMonitor: has, HTTPRoute: has},
    operatorNamespace: 'maintenance-api-system',
    backupImage: 'registry.example.com/maintenance-api-operator:0.1.0',
    backupKey: 'generated-1a2b3c4d5e6f',
  };
}

/** Every member of the spec, and none at its default. */
export const fullSpec = {
  image: `registry.example.com:5000/team/maintenance-api@sha256:${'0123456789abcdef'.repeat(4)}`,
  imagePullSecrets: [{name: 'registry'}, {name: 'mirror'}],
  env: [
    {name: 'LOG_LEVEL', value: 'debug'},
    {name: 'EMPTY', value: ''},
    {name: 'LICENCE', valueFrom: {secretKeyRef: {name: 'licence', key: 'text'}}},
    {name: 'GREETING', valueFrom: {configMapKeyRef: {name: 'texts', key: 'greeting'}}},
  ],
  resources: {requests: {cpu: '0.25', memory: '0.25Gi'}, limits: {cpu: 1, memory: 268435456}},
  podTemplate: {
    metadata: {labels: {team: 'plumbing', blank: ''}, annotations: {'example.com/note': 'a note'}},
    serviceAccountAnnotations: {'example.com/role': 'reader'},
    nodeSelector: {'kubernetes.io/os': 'linux'},
    tolerations: [
      {key: 'dedicated', operator: 'Equal', value: 'apis', effect: 'NoSchedule'},
      {key: 'node.example.com/slow', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30, value: ''},
    ],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{matchExpressions: [{key: 'disk', operator: 'In', values: ['fast']}], matchFields: []}],
        },
      },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 10,
            podAffinityTerm: {
              topologyKey: 'kubernetes.io/hostname',
              labelSelector: {matchLabels: {blank: ''}},
              namespaceSelector: {},
            },
          },
        ],
      },
    },
    topologySpreadConstraints: [
      {maxSkew: 2, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule'},
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: {matchLabels: {team: 'plumbing'}},
      },
    ],
    priorityClassName: 'important',
  },
  autoscaling: {
    minReplicas: 3,
    maxReplicas: 9,
    scaleUp: {cpuPercent: 80, windowSeconds: 60},
    scaleDown: {cpuPercent: 40, windowSeconds: 600},
  },
  release: {bakeSeconds: 30, minRequests: 50, progressDeadlineSeconds: 120, historyLimit: 5, schemaGate: 'Off'},
  database: {
    name: 'repairs_2026',
    connectionsPerReplica: 7,
    managed: {
      image: 'registry.example.com/mysql:9.7',
      runAsUser: 1001,
      storage: {size: '2048Mi', className: 'fast'},
      resources: {requests: {cpu: '0.5', memory: '2048Mi'}, limits: {cpu: 2, memory: '2Gi'}},
    },
  },
  backup: {
    schedule: '30 1 * * 1-5',
    timeZone: 'Europe/Berlin',
    suspend: true,
    retention: {days: 90, keepAtLeast: 7},
    destination: {
      s3: {
        bucket: 'repairs-backups',
        prefix: 'cluster-1/apis',
        region: 'eu-central-1',
        endpoint: 'https://storage.example.com:9000',
        forcePathStyle: true,
        credentialsSecretRef: {name: 'storage'},
        caSecretRef: {name: 'storage-ca'},
      },
    },
    encryption: {keysSecretRef: {name: 'backup-keys'}, activeKey: 'k2'},
    resources: {requests: {cpu: '0.2', memory: '0.25Gi'}, limits: {cpu: 1, memory: '512Mi'}},
  },
  slo: {
    windowDays: 28,
    availability: {objective: '99.5'},
    latency: {percentile: 99, thresholdMilliseconds: 250},
    errorRate: {maxPercent: '0.5'},
    source: {scrape: {}},
  },
  remediation: {
    mode: 'Observe',
    actions: {rollback: 'Observe', restart: 'Observe', scaleUp: 'Observe'},
    limits: {cooldownSeconds: 60, maxActionsPerHour: 2},
  },
  exposure: {
    host: 'repairs.example.com',
    ingress: {className: 'nginx', annotations: {'cert-manager.io/cluster-issuer': 'public', 'example.com/blank': ''}},
    tls: {secretName: 'repairs-tls'},
  },
  networkPolicy: {
    mode: 'Enforce',
    ingressFrom: [
      {namespaceSelector: {matchLabels: {'kubernetes.io/metadata.name': 'ingress-nginx'}}, podSelector: {}},
      {ipBlock: {cidr: '10.0.0.0/8', except: ['10.1.0.0/16']}},
    ],
    metricsFrom: [{namespaceSelector: {matchLabels: {team: 'watching', blank: ''}}}],
    egressTo: [
      {to: [{podSelector: {matchLabels: {app: 'mail'}}}], ports: [{port: 25}, {protocol: 'UDP', port: 4318}]},
      {ports: [{port: 443}]},
    ],
  },
  monitoring: {
    labels: {release: 'prometheus', 'example.com/team': 'plumbing'},
    runbookBaseUrl: 'https://runbooks.example.com/maintenance-api',
    rulesAs: 'PrometheusRule',
  },
  maintenanceWindows: [{schedule: '0 3 * * 0', timeZone: 'Europe/Berlin', durationSeconds: 3600}],
  maintenance: {readOnly: true},
  paused: true,
} as const satisfies DeepReadonly<MaintenanceApiSpecInput>;

type DeepReadonly<T> = {readonly [K in keyof T]: DeepReadonly<T[K]>};

/** A mutable copy, as JSON from a server is. */
export function copyOf<T>(value: DeepReadonly<T> | T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const references = {'Secret/licence': 'a'.repeat(32), 'ConfigMap/texts': 'b'.repeat(32)};
const full = aMaintenanceApi(copyOf<MaintenanceApiSpecInput>(fullSpec));

/** Backups with nothing but where they go. */
export const minimalBackup = {
  destination: {s3: {bucket: 'backups', credentialsSecretRef: {name: 'storage'}}},
} as const;

/** A database that somebody else runs, in another namespace. */
export const externalDatabase = {
  name: 'repairs',
  external: {
    host: 'primary.databases.svc.cluster.local',
    port: 3307,
    maxConnections: 500,
    credentialsSecretRef: {name: 'repairs-app'},
    migrateCredentialsSecretRef: {name: 'repairs-migrate'},
    backupCredentialsSecretRef: {name: 'repairs-backup'},
    tlsSecretRef: {name: 'databases-ca'},
    clientImage: 'registry.example.com/mysql:9.7',
  },
} as const;

/** Inputs of the builders by what is special about them; each has a golden file. */
export const scenarios: Readonly<Record<string, DesiredInput>> = {
  defaults: desiredInput(aMaintenanceApi()),
  full: desiredInput(full, {references, has: 'Served'}),
  'fixed-replicas': desiredInput(
    aMaintenanceApi({
      replicas: 3,
      networkPolicy: {ingressFrom: [], metricsFrom: []},
      exposure: {host: 'shop.example.com'},
      monitoring: {rulesAs: 'None'},
    }),
    {has: 'Served'},
  ),
  'one-replica': desiredInput(
    aMaintenanceApi({replicas: 1, resources: {}, networkPolicy: {mode: 'Off'}, monitoring: {rulesAs: 'None'}}),
  ),
  'rolled-back': desiredInput(full, {
    serving: aMaintenanceApi({image: 'registry.example.com/maintenance-api:1.4.1'}),
    has: 'Served',
  }),
  'external-database': desiredInput(aMaintenanceApi({database: externalDatabase, backup: minimalBackup}), {
    references: {'Secret/repairs-app': 'c'.repeat(32)},
  }),
  gateway: desiredInput(
    aMaintenanceApi({
      monitoring: {rulesAs: 'None'},
      exposure: {
        host: 'shop.example.com',
        gateway: {parentRef: {name: 'public', namespace: 'gateways', sectionName: 'https'}},
      },
    }),
    {has: 'Served'},
  ),
  'longest-name': desiredInput(aMaintenanceApi({backup: minimalBackup}, 'a'.repeat(40)), {has: 'Served'}),
};
