import {configMaps, secrets} from './real-api.ts';
import type {ResourceRef, WritableObject} from '../../../operator/src/runtime/index.ts';

const ref = (apiVersion: string, kind: string, plural: string): ResourceRef => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});

/** The kinds of {@link objectsOf}. */
export const RESOURCES: readonly ResourceRef[] = [
  configMaps,
  secrets,
  ref('v1', 'Service', 'services'),
  ref('v1', 'ServiceAccount', 'serviceaccounts'),
  ref('v1', 'ResourceQuota', 'resourcequotas'),
  ref('apps/v1', 'Deployment', 'deployments'),
  ref('apps/v1', 'StatefulSet', 'statefulsets'),
  ref('apps/v1', 'ControllerRevision', 'controllerrevisions'),
  ref('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  ref('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  ref('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  ref('networking.k8s.io/v1', 'Ingress', 'ingresses'),
];

export function resourceOf(object: WritableObject): ResourceRef {
  const found = RESOURCES.find(({apiVersion, kind}) => apiVersion === object.apiVersion && kind === object.kind);
  if (found === undefined) {
    throw new Error(`No resource for ${object.apiVersion} ${object.kind}`);
  }
  return found;
}

const labels = {'app.kubernetes.io/name': 'sample', 'app.kubernetes.io/instance': 'a'};

const podSpec = {
  serviceAccountName: 'a',
  automountServiceAccountToken: false,
  terminationGracePeriodSeconds: 60,
  securityContext: {runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000, seccompProfile: {type: 'RuntimeDefault'}},
  tolerations: [{key: 'a', operator: 'Exists', effect: 'NoSchedule'}],
  nodeSelector: {'kubernetes.io/os': 'linux'},
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: {matchLabels: labels},
    },
  ],
  initContainers: [{name: 'migrate', image: 'example.io/a:1', args: ['migrate']}],
  containers: [
    {
      name: 'api',
      image: 'example.io/a:1',
      command: ['node', 'server.mjs'],
      env: [
        {name: 'PORT', value: '8080'},
        {name: 'POD_IP', valueFrom: {fieldRef: {apiVersion: 'v1', fieldPath: 'status.podIP'}}},
        {name: 'PASSWORD', valueFrom: {secretKeyRef: {name: 'a', key: 'password'}}},
      ],
      envFrom: [{configMapRef: {name: 'a'}}],
      ports: [
        {name: 'http', containerPort: 8080, protocol: 'TCP'},
        {name: 'metrics', containerPort: 9090, protocol: 'TCP'},
        {name: 'dns', containerPort: 9090, protocol: 'UDP'},
      ],
      resources: {requests: {cpu: '100m', memory: '128Mi'}, limits: {memory: '128Mi'}},
      readinessProbe: {httpGet: {path: '/health/ready', port: 'http'}, periodSeconds: 5, failureThreshold: 3},
      livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 10},
      lifecycle: {preStop: {sleep: {seconds: 5}}},
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: {drop: ['ALL']},
      },
      volumeMounts: [
        {name: 'tmp', mountPath: '/tmp'},
        {name: 'config', mountPath: '/etc/config', readOnly: true},
      ],
    },
  ],
  volumes: [
    {name: 'tmp', emptyDir: {}},
    {name: 'config', projected: {sources: [{configMap: {name: 'a', items: [{key: 'k', path: 'p'}]}}]}},
    {name: 'secret', secret: {secretName: 'a', defaultMode: 288}},
  ],
};

/** One object of each kind, in the server's canonical form, with the shapes of lists and maps that there are. */
export function objectsOf(namespace: string): WritableObject[] {
  const owner = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: 'owner',
    uid: '00000000-0000-4000-8000-000000000000',
    controller: true,
    blockOwnerDeletion: true,
  };
  const metadata = {name: 'a', namespace, labels, annotations: {'example.io/hash': 'x'}, ownerReferences: [owner]};
  const object = (apiVersion: string, kind: string, content: object): WritableObject => ({
    apiVersion,
    kind,
    metadata,
    ...content,
  });
  const template = {metadata: {labels, annotations: {'example.io/hash': 'x'}}, spec: podSpec};
  const selector = {matchLabels: labels};
  return [
    object('v1', 'ConfigMap', {data: {k: 'v', 'my.cnf': '[mysqld]\nport=3306\n'}}),
    object('v1', 'Secret', {type: 'Opaque', data: {password: 'c2VjcmV0'}}),
    object('v1', 'ServiceAccount', {automountServiceAccountToken: false}),
    object('v1', 'ResourceQuota', {spec: {hard: {cpu: '100m', memory: '1Gi'}}}),
    object('v1', 'Service', {
      spec: {
        type: 'ClusterIP',
        selector: labels,
        ports: [
          {name: 'http', port: 80, targetPort: 'http', protocol: 'TCP'},
          {name: 'metrics', port: 9090, targetPort: 9090, protocol: 'TCP'},
        ],
      },
    }),
    object('apps/v1', 'Deployment', {
      spec: {
        replicas: 3,
        minReadySeconds: 15,
        progressDeadlineSeconds: 600,
        revisionHistoryLimit: 10,
        selector,
        strategy: {type: 'RollingUpdate', rollingUpdate: {maxUnavailable: 0, maxSurge: '25%'}},
        template,
      },
    }),
    object('apps/v1', 'StatefulSet', {
      spec: {
        replicas: 1,
        serviceName: 'a',
        podManagementPolicy: 'Parallel',
        selector,
        template,
        volumeClaimTemplates: [
          {
            apiVersion: 'v1',
            kind: 'PersistentVolumeClaim',
            metadata: {name: 'data'},
            // This list is owned as a whole, so what the server adds to its items must be said.
            spec: {accessModes: ['ReadWriteOnce'], resources: {requests: {storage: '1Gi'}}, volumeMode: 'Filesystem'},
            status: {phase: 'Pending'},
          },
        ],
      },
    }),
    object('apps/v1', 'ControllerRevision', {revision: 1, data: {spec: {image: 'x', env: [{name: 'a', value: 'b'}]}}}),
    object('autoscaling/v2', 'HorizontalPodAutoscaler', {
      spec: {
        minReplicas: 2,
        maxReplicas: 20,
        scaleTargetRef: {apiVersion: 'apps/v1', kind: 'Deployment', name: 'a'},
        metrics: [{type: 'Resource', resource: {name: 'cpu', target: {type: 'Utilization', averageUtilization: 70}}}],
        behavior: {
          scaleUp: {stabilizationWindowSeconds: 120},
          scaleDown: {
            stabilizationWindowSeconds: 300,
            policies: [{type: 'Percent', value: 50, periodSeconds: 60}],
          },
        },
      },
    }),
    object('policy/v1', 'PodDisruptionBudget', {
      spec: {maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector},
    }),
    object('networking.k8s.io/v1', 'NetworkPolicy', {
      spec: {
        podSelector: selector,
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{from: [{podSelector: selector}], ports: [{port: 8080, protocol: 'TCP'}]}],
        egress: [{to: [{ipBlock: {cidr: '0.0.0.0/0', except: ['10.0.0.0/8']}}]}],
      },
    }),
    object('networking.k8s.io/v1', 'Ingress', {
      spec: {
        ingressClassName: 'nginx',
        tls: [{hosts: ['a.example.com'], secretName: 'tls'}],
        rules: [
          {
            host: 'a.example.com',
            http: {
              paths: [{path: '/api', pathType: 'Prefix', backend: {service: {name: 'a', port: {name: 'http'}}}}],
            },
          },
        ],
      },
    }),
  ];
}
