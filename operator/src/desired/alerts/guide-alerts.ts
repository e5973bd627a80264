import {serverOf, type MaintenanceApi, type RevisionData} from '../../api/v1alpha1/index.ts';
import {childNames, volumeClaimName} from '../names.ts';
import {milliValue, quantityValue} from '../quantity.ts';
import {alertingRule, type AlertingRule} from './rules.ts';
import {
  byResource,
  containerSeries,
  notMistaken,
  ownSeries,
  requestSeries,
  serverError,
  volumeSeries,
} from './series.ts';

/*
 * The alerts of the operations guide, with its thresholds: rates over a minute, five minutes long. They need a scrape
 * every 30 s or more often; the PodMonitor asks for 15 s.
 */

const FOR = '5m';
/** Kubelets are commonly scraped every 30 s: a window of a minute may hold a single sample. */
const KUBELET_WINDOW = '2m';
const DAY_SECONDS = 86_400;

/** Everything that is wrong now for whoever uses the service. */
export function serviceAlerts(api: MaintenanceApi): readonly AlertingRule[] {
  const up = `max ${byResource} (${ownSeries(api, 'maintenance_api_up')})`;
  const answering = `sum ${byResource} (${ownSeries(api, 'up')})`;
  const requests = (...matchers: readonly string[]): string =>
    `sum ${byResource} (rate(${requestSeries(api, 'http_requests_total', ...matchers)}[1m]))`;
  const {percentile, thresholdMilliseconds} = api.spec.slo.latency;
  const buckets = requestSeries(api, 'http_request_duration_seconds_bucket', notMistaken);
  const quantile = `histogram_quantile(${percentile / 100}, sum by (namespace, maintenanceapi, le) (rate(${buckets}[1m])))`;
  return [
    alertingRule(api, {
      alert: 'MaintenanceApiDown',
      // What the operator sees counts; Prometheus may be the one that can't reach the pods.
      expr: `${up} == 0 or (${answering} == 0 unless ${up})`,
      for: '1m',
      summary: 'no pod is ready',
      description: 'No pod of the API has been ready for a minute: clients get no answer.',
    }),
    alertingRule(api, {
      alert: 'MaintenanceApiErrorsHigh',
      expr: `${requests(serverError)} / ${requests()} > 0.05`,
      for: FOR,
      summary: 'more than 5 % of the responses are server errors',
      description: '{{ $value | humanizePercentage }} of the responses of the last minute are server errors.',
    }),
    alertingRule(api, {
      alert: 'MaintenanceApiLatencyHigh',
      expr: `${quantile} > ${thresholdMilliseconds / 1000}`,
      for: FOR,
      summary: `${100 - percentile} % of the responses take longer than ${thresholdMilliseconds} ms`,
      description: `${percentile} % of the responses of the last minute took up to {{ $value | humanizeDuration }}; promised are ${thresholdMilliseconds} ms.`,
    }),
  ];
}

/** What the pods run out of. */
export function resourceAlerts(
  api: MaintenanceApi,
  {spec: {resources}}: Pick<RevisionData, 'spec'>,
): readonly AlertingRule[] {
  const memory = resources.limits?.memory;
  const cpu = resources.requests?.cpu ?? resources.limits?.cpu;
  const pod = 'by (namespace, pod)';
  // A kubelet tells the same of a container on two of its pages.
  const used = `max ${pod} (${containerSeries(api, 'container_memory_working_set_bytes')})`;
  const busy = `avg by (namespace) (max ${pod} (rate(${containerSeries(api, 'container_cpu_usage_seconds_total')}[${KUBELET_WINDOW}])))`;
  return [
    ...(memory === undefined || quantityValue(memory) === 0
      ? []
      : [
          alertingRule(api, {
            alert: 'MaintenanceApiMemoryHigh',
            expr: `${used} / ${quantityValue(memory)} > 0.9`,
            for: FOR,
            summary: 'pod {{ $labels.pod }} uses more than 90 % of its memory',
            description: `Pod {{ $labels.pod }} uses {{ $value | humanizePercentage }} of its limit of ${memory}; at the limit it is killed.`,
          }),
        ]),
    ...(cpu === undefined || milliValue(cpu) === 0
      ? []
      : [
          alertingRule(api, {
            alert: 'MaintenanceApiCpuHigh',
            expr: `${busy} / ${milliValue(cpu) / 1000} > 0.8`,
            for: FOR,
            summary: 'the pods use more than 80 % of their CPU',
            description: `The pods use {{ $value | humanizePercentage }} of ${cpu} CPU each, on average.`,
          }),
        ]),
  ];
}

/** The database: whether it answers, and what of it runs out where the operator runs it. */
export function databaseAlerts(api: MaintenanceApi): readonly AlertingRule[] {
  const server = serverOf(api.spec);
  switch (server.kind) {
    case 'Managed': {
      const whose = `The database of StatefulSet ${childNames(api.metadata.name).database} has not answered the operator for a minute, or its data is missing.`;
      return [unreachable(api, whose), ...serverAlerts(api)];
    }
    case 'External': {
      const whose = `No pod of the API has been able to use the database at ${server.external.host} for a minute; the condition DatabaseReady says why.`;
      return [unreachable(api, whose)];
    }
  }
}

function unreachable(api: MaintenanceApi, description: string): AlertingRule {
  return alertingRule(api, {
    alert: 'MaintenanceApiDatabaseUnreachable',
    expr: `max ${byResource} (${ownSeries(api, 'maintenance_api_database_up')}) == 0`,
    for: '1m',
    summary: 'the database does not answer',
    description,
  });
}

function serverAlerts(api: MaintenanceApi): readonly AlertingRule[] {
  const {name} = api.metadata;
  const claim = volumeClaimName(name, 0);
  const volume = (metric: Parameters<typeof volumeSeries>[1]): string =>
    `max by (namespace, persistentvolumeclaim) (${volumeSeries(api, metric, claim)})`;
  const expiry = ownSeries(api, 'maintenance_api_certificate_expiry_timestamp_seconds');
  return [
    alertingRule(api, {
      alert: 'MaintenanceApiDiskLow',
      expr: `${volume('kubelet_volume_stats_available_bytes')} / ${volume('kubelet_volume_stats_capacity_bytes')} < 0.1`,
      for: FOR,
      summary: "less than 10 % of the database's volume is free",
      description: `{{ $value | humanizePercentage }} of PersistentVolumeClaim ${claim} is free.`,
    }),
    alertingRule(api, {
      alert: 'MaintenanceApiCertificateExpiring',
      expr: `max by (namespace, maintenanceapi, certificate) (${expiry}) - time() < ${30 * DAY_SECONDS}`,
      for: FOR,
      summary: 'the {{ $labels.certificate }} certificate of the database ends in less than 30 days',
      description: 'The {{ $labels.certificate }} certificate of the database ends in {{ $value | humanizeDuration }}.',
    }),
  ];
}
