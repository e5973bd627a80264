import {RESERVED_ENVIRONMENT} from '../../../operator/src/api/v1alpha1/index.ts';

/** A value at the rule's path; with `from`, an object that has that one first is updated to it. */
export interface Try {
  readonly value: unknown;
  readonly from?: unknown;
}

/** Values on both sides of a rule. */
export interface RuleCases {
  readonly path: string;
  readonly message: string;
  readonly accepted: readonly Try[];
  readonly refused: readonly Try[];
}

const values = (...all: readonly unknown[]): readonly Try[] => all.map((value) => ({value}));
const at = (paths: readonly string[], rest: Omit<RuleCases, 'path'>): readonly RuleCases[] =>
  paths.map((path) => ({path, ...rest}));

const named = (name: string) => ({metadata: {name}});
const image = 'example/api:1.0.0';
const cpu = {requests: {cpu: '100m'}};

const digest = `sha256:${'0'.repeat(64)}`;
const secretKeyRef = {name: 'a', key: 'b'};

const PEERS = [
  'spec.networkPolicy.ingressFrom[]',
  'spec.networkPolicy.metricsFrom[]',
  'spec.networkPolicy.egressTo[].to[]',
];
const ipBlock = {cidr: '10.0.0.0/8'};
const gateway = {parentRef: {name: 'public'}};

const external = {
  ...{host: 'db.example.com', maxConnections: 280},
  ...{credentialsSecretRef: {name: 'a'}, tlsSecretRef: {name: 'b'}},
};
const EXTERNAL_FITS =
  'database.external.maxConnections must be at least 30 more than database.connectionsPerReplica times the most replicas and a quarter of them, which a rollout adds';
const SWITCHED =
  'database must stay managed or stay external, since a switch would leave the tasks behind: make a backup, apply a MaintenanceApi of another name with the other database, and load the backup into that';

const sized = (size: unknown) => ({managed: {storage: {size}}});
const classed = (className: string) => ({managed: {storage: {className}}});

/** Every rule of the CRD, by path and message. */
export const ruleCases: readonly RuleCases[] = [
  {
    path: '',
    message:
      'metadata.name must begin with a letter, have at most 40 lower-case letters, digits and hyphens, and not end with a hyphen: the names of what is made for it are longer',
    accepted: values(named('a'), named('a-1'), named('a'.repeat(40))),
    refused: values(named('1a'), named('a.b'), named('a'.repeat(41))),
  },
  {
    path: '',
    message:
      'metadata.name must not end with -mysql or -mysql-pods: the database of another MaintenanceApi may have that name',
    accepted: values(named('mysql'), named('a-mysql-1'), named('a-pods')),
    refused: values(named('a-mysql'), named('a-mysql-pods')),
  },
  {
    path: 'spec',
    message: 'at most one of replicas and autoscaling may be set',
    accepted: values({image, replicas: 2}, {image, autoscaling: {}}, {image}),
    refused: values({image, replicas: 2, autoscaling: {}}),
  },
  {
    path: 'spec',
    message: 'resources.requests.cpu must be set unless replicas is: the autoscaler counts utilization against it',
    accepted: values({image, resources: cpu}, {image, resources: {}, replicas: 1}),
    refused: values({image, resources: {}}, {image, resources: {limits: {cpu: 1}}, autoscaling: {}}),
  },
  {
    path: 'spec',
    message: 'the most replicas times database.connectionsPerReplica must be at most 50000',
    accepted: values(
      {image, replicas: 500, database: {connectionsPerReplica: 100}},
      {image, autoscaling: {maxReplicas: 500}, database: {connectionsPerReplica: 100}},
      {image, database: {connectionsPerReplica: 100}},
    ),
    refused: values(
      {image, replicas: 501, database: {connectionsPerReplica: 100}},
      {image, autoscaling: {maxReplicas: 501}, database: {connectionsPerReplica: 100}},
    ),
  },
  {
    path: 'spec',
    message: EXTERNAL_FITS,
    accepted: values(
      {image, database: {external}},
      {image, database: {external: {...external, maxConnections: 50}, connectionsPerReplica: 5}, replicas: 3},
      {image, database: {external: {...external, maxConnections: 90}}, autoscaling: {maxReplicas: 4}},
      {image},
    ),
    refused: values(
      {image, database: {external: {...external, maxConnections: 279}}},
      {image, database: {external: {...external, maxConnections: 49}, connectionsPerReplica: 5}, replicas: 3},
      {image, database: {external: {...external, maxConnections: 89}}, autoscaling: {maxReplicas: 5}},
    ),
  },
  {
    path: 'spec',
    message: 'deletionPolicy must be Retain with database.external, which is never deleted',
    accepted: values(
      {image, database: {external}, deletionPolicy: 'Retain'},
      {image, database: {external}},
      {image, deletionPolicy: 'Delete'},
    ),
    refused: values({image, database: {external}, deletionPolicy: 'Delete'}),
  },
  {
    path: 'spec.database',
    message: 'at most one of managed and external may be set',
    accepted: values({}, {managed: {}}, {external}),
    refused: values({managed: {}, external}),
  },
  {
    path: 'spec.database',
    message: SWITCHED,
    accepted: [
      {from: {external}, value: {external: {...external, host: 'db2.example.com'}}},
      {from: {managed: {}}, value: {}},
      {from: {}, value: {managed: {}}},
    ],
    refused: [
      {from: {managed: {}}, value: {external}},
      {from: {external}, value: {managed: {}}},
      {from: {external}, value: {}},
      {from: {}, value: {external}},
    ],
  },
  ...at(['spec.image', 'spec.database.managed.image', 'spec.database.external.clientImage'], {
    message: 'the image must have a digest, or a tag other than latest: a moving tag can not be rolled back to',
    accepted: values('a:latest-1', 'a/latest:1', `a:latest@${digest}`),
    refused: values('a:latest', 'example.com:5000/a:latest'),
  }),
  {
    path: 'spec.env',
    message: `env must not set ${RESERVED_ENVIRONMENT.join(', ')}: the operator sets those`,
    accepted: values([], [{name: 'A'}, {name: 'PORTS'}]),
    refused: values(...RESERVED_ENVIRONMENT.map((name) => [{name: 'A'}, {name}])),
  },
  {
    path: 'spec.env[]',
    message: 'at most one of value and valueFrom may be set',
    accepted: values({name: 'A'}, {name: 'A', value: ''}, {name: 'A', valueFrom: {secretKeyRef}}),
    refused: values({name: 'A', value: '', valueFrom: {secretKeyRef}}),
  },
  {
    path: 'spec.env[].valueFrom',
    message: 'exactly one of secretKeyRef and configMapKeyRef must be set',
    accepted: values({secretKeyRef}, {configMapKeyRef: secretKeyRef}),
    refused: values({}, {secretKeyRef, configMapKeyRef: secretKeyRef}),
  },
  ...(['cpu', 'memory'] as const).flatMap((resource) =>
    at(['spec.resources', 'spec.database.managed.resources', 'spec.backup.resources'], {
      message: `requests.${resource} must be less than or equal to limits.${resource}`,
      accepted: values(
        {requests: {[resource]: '1000m'}, limits: {[resource]: 1}},
        {requests: {[resource]: '1Gi'}, limits: {[resource]: '1024Mi'}},
        {requests: {[resource]: '1Gi'}},
        {requests: {[resource]: '1Gi'}, limits: {}},
        {limits: {[resource]: '1Gi'}},
      ),
      refused: values(
        {requests: {[resource]: '1001m'}, limits: {[resource]: 1}},
        {requests: {[resource]: '1025Mi'}, limits: {[resource]: '1Gi'}},
      ),
    }),
  ),
  ...(['labels', 'annotations'] as const).map((field) => ({
    path: 'spec.podTemplate.metadata',
    message: `${field} must not begin with app.kubernetes.io/ or maintenance-api.io/: the operator sets those`,
    accepted: values({}, {[field]: {'example.com/a': 'b', 'app.kubernetes.io.example.com/a': 'b'}}),
    refused: values(
      {[field]: {'example.com/a': 'b', 'app.kubernetes.io/name': 'b'}},
      {[field]: {'maintenance-api.io/owner': 'b'}},
    ),
  })),
  {
    path: 'spec.slo.source',
    message: 'at most one of scrape and prometheusRef may be set',
    accepted: values({}, {scrape: {}}, {prometheusRef: {name: 'main'}}),
    refused: values({scrape: {}, prometheusRef: {name: 'main'}}),
  },
  ...at(PEERS, {
    message: 'one of podSelector, namespaceSelector and ipBlock must be set',
    accepted: values({podSelector: {}}, {namespaceSelector: {}}, {podSelector: {}, namespaceSelector: {}}, {ipBlock}),
    refused: values({}),
  }),
  ...at(PEERS, {
    message: 'ipBlock must not be set beside podSelector or namespaceSelector',
    accepted: values({ipBlock}, {podSelector: {}, namespaceSelector: {}}),
    refused: values({ipBlock, podSelector: {}}, {ipBlock, namespaceSelector: {}}),
  }),
  {
    path: 'spec.exposure',
    message: 'at most one of ingress and gateway may be set',
    accepted: values({host: 'a.b'}, {host: 'a.b', ingress: {}}, {host: 'a.b', gateway}),
    refused: values({host: 'a.b', ingress: {}, gateway}),
  },
  {
    path: 'spec.exposure',
    message: "tls must be unset with gateway: the listener of the Gateway has the host's certificate",
    accepted: values({host: 'a.b', tls: {secretName: 'c'}}, {host: 'a.b', gateway}),
    refused: values({host: 'a.b', tls: {secretName: 'c'}, gateway}),
  },
  {
    path: 'spec.exposure.ingress',
    message: 'annotations must not begin with app.kubernetes.io/ or maintenance-api.io/: the operator sets those',
    accepted: values({}, {annotations: {'cert-manager.io/cluster-issuer': 'public'}}),
    refused: values({annotations: {'app.kubernetes.io/name': 'b'}}, {annotations: {'maintenance-api.io/owner': 'b'}}),
  },
  {
    path: 'spec.monitoring',
    message: 'labels must not begin with app.kubernetes.io/ or maintenance-api.io/: the operator sets those',
    accepted: values({}, {labels: {release: 'prometheus'}}),
    refused: values({labels: {'app.kubernetes.io/name': 'b'}}, {labels: {'maintenance-api.io/owner': 'b'}}),
  },
  ...at(
    [
      'spec.exposure.ingress.annotations',
      'spec.monitoring.labels',
      ...PEERS.flatMap((peer) =>
        ['podSelector', 'namespaceSelector'].map((selector) => `${peer}.${selector}.matchLabels`),
      ),
      'spec.podTemplate.metadata.labels',
      'spec.podTemplate.metadata.annotations',
      'spec.podTemplate.serviceAccountAnnotations',
      'spec.podTemplate.nodeSelector',
      'spec.podTemplate.topologySpreadConstraints[].labelSelector.matchLabels',
    ],
    {
      message:
        "each key must be a qualified name: optionally a DNS prefix and a slash, then at most 63 letters, digits, '-', '_' and '.'",
      accepted: values({}, {a: 'b', 'example.com/A_b.c': 'd'}, {[`${'a'.repeat(253)}/${'b'.repeat(63)}`]: 'c'}),
      refused: values(
        {a: 'b', 'a b': 'c'},
        {'': 'a'},
        {['b'.repeat(64)]: 'c'},
        {[`${'a'.repeat(254)}/b`]: 'c'},
        {'a/b/c': 'd'},
      ),
    },
  ),
  {
    path: 'spec.podTemplate.tolerations[]',
    message: 'a toleration without key must have operator Exists',
    accepted: values({operator: 'Exists'}, {key: 'a'}),
    refused: values({}, {operator: 'Equal'}),
  },
  {
    path: 'spec.podTemplate.tolerations[]',
    message: 'a toleration with operator Exists must have no value',
    accepted: values(
      {key: 'a', operator: 'Exists'},
      {key: 'a', operator: 'Exists', value: ''},
      {key: 'a', operator: 'Equal', value: 'b'},
      {key: 'a', value: 'b'},
    ),
    refused: values({key: 'a', operator: 'Exists', value: 'b'}),
  },
  {
    path: 'spec.podTemplate.tolerations[]',
    message: 'a toleration with tolerationSeconds must have effect NoExecute',
    accepted: values({key: 'a', effect: 'NoExecute', tolerationSeconds: 1}, {key: 'a', effect: 'NoSchedule'}),
    refused: values({key: 'a', tolerationSeconds: 1}, {key: 'a', effect: 'NoSchedule', tolerationSeconds: 1}),
  },
  {
    path: 'spec.autoscaling',
    message: 'minReplicas must be less than or equal to maxReplicas',
    accepted: values({minReplicas: 3, maxReplicas: 3}, {maxReplicas: 2}, {minReplicas: 20}),
    refused: values({minReplicas: 4, maxReplicas: 3}, {maxReplicas: 1}, {minReplicas: 21}),
  },
  {
    path: 'spec.autoscaling',
    message: 'scaleDown.cpuPercent must be less than scaleUp.cpuPercent',
    accepted: values({scaleDown: {cpuPercent: 49}, scaleUp: {cpuPercent: 50}}, {scaleDown: {cpuPercent: 69}}),
    refused: values({scaleDown: {cpuPercent: 50}, scaleUp: {cpuPercent: 50}}, {scaleDown: {cpuPercent: 70}}),
  },
  {
    path: 'spec.database.name',
    message: 'database.name is immutable',
    accepted: [{from: 'a', value: 'a'}],
    refused: [{from: 'a', value: 'b'}],
  },
  {
    path: 'spec.database.managed.storage.size',
    message: 'storage.size must be at least 256Mi',
    accepted: values('256Mi', '268435456', '0.25Gi'),
    refused: values('255Mi', '268435455', '0', '1m'),
  },
  {
    path: 'spec.database',
    message: 'storage.size is immutable',
    accepted: [
      {from: sized('1Gi'), value: sized('1024Mi')},
      {from: sized('1Gi'), value: sized(1073741824)},
      {from: sized('1Gi'), value: {}},
      {from: {}, value: sized('1Gi')},
    ],
    refused: [
      {from: sized('1Gi'), value: sized('1025Mi')},
      {from: sized('2Gi'), value: sized('1Gi')},
      {from: sized(1073741824), value: sized('2Gi')},
      {from: sized('2Gi'), value: {}},
      {from: {}, value: sized('2Gi')},
    ],
  },
  {
    path: 'spec.database',
    message: 'storage.className is immutable',
    accepted: [
      {from: classed('a'), value: classed('a')},
      {from: {managed: {}}, value: {}},
    ],
    refused: [
      {from: classed('a'), value: classed('b')},
      {from: classed('a'), value: {}},
      {from: {}, value: classed('a')},
    ],
  },
];

/** Every rule of the CRD of MaintenanceApiBackup. */
export const backupRuleCases: readonly RuleCases[] = [
  {
    path: 'spec.maintenanceApi',
    message: 'maintenanceApi is immutable',
    accepted: [{from: 'a', value: 'a'}],
    refused: [{from: 'a', value: 'b'}],
  },
];
