import type {MaintenanceApi, ResourceMetricName} from '../../api/v1alpha1/index.ts';

/*
 * Series that the rules read, each selected by namespace and resource, so that rules of tenants never meet, also where
 * Prometheus enforces a namespace label. Only what the API's image (docs/reference/image-contract.md), the operator
 * and the kubelet export.
 */

export type ContractMetric =
  'http_requests_total' | 'http_request_duration_seconds_bucket' | 'http_request_duration_seconds_count';
type KubeletMetric =
  | 'container_cpu_usage_seconds_total'
  | 'container_memory_working_set_bytes'
  | 'kubelet_volume_stats_available_bytes'
  | 'kubelet_volume_stats_capacity_bytes';
/** What the rules record themselves. */
export type RecordedMetric = `maintenance_api:${string}`;

/** A selector of series of the resource, with further matchers. */
export function ownSeries(
  {metadata: {namespace, name}}: MaintenanceApi,
  metric: ContractMetric | ResourceMetricName | RecordedMetric | 'up',
  ...matchers: readonly string[]
): string {
  return `${metric}{${[`namespace="${namespace}"`, `maintenanceapi="${name}"`, ...matchers].join(',')}}`;
}

/** A selector of the kubelet's series of the API's containers, whose labels are its own. */
export function containerSeries({metadata: {namespace, name}}: MaintenanceApi, metric: KubeletMetric): string {
  // As the ReplicaSet controller names pods; pods of a resource whose name begins alike have one part more.
  return `${metric}{namespace="${namespace}",pod=~"${name}-[a-z0-9]+-[a-z0-9]{5}",container="api"}`;
}

/** A selector of the kubelet's series of a volume. */
export function volumeSeries({metadata: {namespace}}: MaintenanceApi, metric: KubeletMetric, claim: string): string {
  return `${metric}{namespace="${namespace}",persistentvolumeclaim="${claim}"}`;
}

/** Series are brought together over pods and over those that tell the same twice. */
export const byResource = 'by (namespace, maintenanceapi)';

/**
 * Matcher of the histogram's bucket with this upper bound. Prometheus 3 writes whole seconds as `1.0`, Prometheus 2 kept
 * them as they were exported.
 */
export function bucketMatcher(thresholdMilliseconds: number): string {
  const seconds = thresholdMilliseconds / 1000;
  return Number.isInteger(seconds) ? `le=~"${seconds}(\\\\.0)?"` : `le="${seconds}"`;
}

/** Probes are no service, whatever an image counts. */
const NO_PROBE = 'route!~"/health/.*"';

export const serverError = 'status=~"5.."';
/** A client's mistake says nothing about the service. */
export const notClientError = 'status!~"4.."';
/** The client gave up before the answer. */
export const abandoned = 'status="499"';
/** Every answer but a client's mistake, and the requests that were given up. */
export const notMistaken = 'status!~"4[0-8].|49[0-8]"';

/** A selector of what the API's pods count of requests. */
export function requestSeries(api: MaintenanceApi, metric: ContractMetric, ...matchers: readonly string[]): string {
  return ownSeries(api, metric, NO_PROBE, ...matchers);
}
