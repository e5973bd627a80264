/**
 * prometheus.yml of a server without its operator that reads every API pod, as docs/how-to/prometheus.md has it.
 *
 * @param kubeconfig - by which it finds the pods
 * @param scrapeInterval - for example `30s`
 */
export function scrapingApiPods(kubeconfig: string, scrapeInterval: string): object {
  return {
    scrape_configs: [
      {
        ...{job_name: 'maintenance-api', scrape_interval: scrapeInterval, scrape_timeout: '5s'},
        kubernetes_sd_configs: [{role: 'pod', kubeconfig_file: kubeconfig}],
        relabel_configs: [
          {
            source_labels: [
              '__meta_kubernetes_pod_label_app_kubernetes_io_managed_by',
              '__meta_kubernetes_pod_label_app_kubernetes_io_component',
              '__meta_kubernetes_pod_container_port_name',
            ],
            ...{regex: 'maintenance-api-operator;api;metrics', action: 'keep'},
          },
          {source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace'},
          {source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod'},
          {source_labels: ['__meta_kubernetes_pod_label_maintenance_api_io_owner'], target_label: 'maintenanceapi'},
        ],
      },
    ],
  };
}

/** What the operator's PROMETHEUS_SERVERS_FILE says of one server. */
export function prometheusServers(name: string, url: string): object {
  return {prometheus: [{name, url, namespaceLabelEnforced: true}]};
}
