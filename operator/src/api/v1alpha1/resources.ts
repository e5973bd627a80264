import {API_VERSION} from './labels.ts';

/** Which resource: what the runtime needs to build its path. */
interface ResourceRef {
  readonly apiVersion: string;
  readonly kind: string;
  /** Lower-case plural as in the path. */
  readonly plural: string;
  readonly namespaced: boolean;
}

const namespaced = (apiVersion: string, kind: string, plural: string): ResourceRef => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});

/** Every resource that the operator reads or writes. */
export const resources = {
  maintenanceApi: namespaced(API_VERSION, 'MaintenanceApi', 'maintenanceapis'),
  maintenanceApiBackup: namespaced(API_VERSION, 'MaintenanceApiBackup', 'maintenanceapibackups'),
  deployment: namespaced('apps/v1', 'Deployment', 'deployments'),
  replicaSet: namespaced('apps/v1', 'ReplicaSet', 'replicasets'),
  statefulSet: namespaced('apps/v1', 'StatefulSet', 'statefulsets'),
  controllerRevision: namespaced('apps/v1', 'ControllerRevision', 'controllerrevisions'),
  cronJob: namespaced('batch/v1', 'CronJob', 'cronjobs'),
  job: namespaced('batch/v1', 'Job', 'jobs'),
  pod: namespaced('v1', 'Pod', 'pods'),
  service: namespaced('v1', 'Service', 'services'),
  serviceAccount: namespaced('v1', 'ServiceAccount', 'serviceaccounts'),
  configMap: namespaced('v1', 'ConfigMap', 'configmaps'),
  persistentVolumeClaim: namespaced('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  secret: namespaced('v1', 'Secret', 'secrets'),
  horizontalPodAutoscaler: namespaced('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  podDisruptionBudget: namespaced('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  ingress: namespaced('networking.k8s.io/v1', 'Ingress', 'ingresses'),
  networkPolicy: namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  prometheusRule: namespaced('monitoring.coreos.com/v1', 'PrometheusRule', 'prometheusrules'),
  podMonitor: namespaced('monitoring.coreos.com/v1', 'PodMonitor', 'podmonitors'),
  httpRoute: namespaced('gateway.networking.k8s.io/v1', 'HTTPRoute', 'httproutes'),
} as const satisfies Record<string, ResourceRef>;

/** Resources that are applied as children and watched by label; Secrets are neither listed nor watched. */
export const childResources = [
  resources.deployment,
  resources.statefulSet,
  resources.service,
  resources.serviceAccount,
  resources.configMap,
  resources.horizontalPodAutoscaler,
  resources.podDisruptionBudget,
  resources.networkPolicy,
  resources.ingress,
  resources.cronJob,
] as const;

/** Children that the Prometheus operator reads. */
export const monitoringResources = [resources.prometheusRule, resources.podMonitor] as const;

/** Children of kinds that not every cluster has; each is watched once its definition is there. */
export const optionalResources = [...monitoringResources, resources.httpRoute] as const;

/** Every kind that is applied as a child. */
export const appliedResources = [...childResources, ...optionalResources] as const;

export type OptionalKind = 'PrometheusRule' | 'PodMonitor' | 'HTTPRoute';

/** Whether a cluster has an optional kind. Unknown: not looked yet, or not allowed to look. */
export type Presence = 'Served' | 'Absent' | 'Unknown';

/** The definitions of kinds; only those of {@link optionalResources} are watched, each by its name. */
export const definitionResource: ResourceRef = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
