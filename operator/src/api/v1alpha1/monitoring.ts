import * as z from 'zod';
import {rules} from './cel.ts';
import {labelMap, noneReserved} from './kubernetes.ts';

/** How Prometheus learns of a MaintenanceApi, and what its alerts are. */
export const monitoring = z
  .object({
    labels: labelMap(16)
      .optional()
      .describe('Labels added to the PodMonitor and the alert rules, by which a Prometheus selects them.'),
    runbookBaseUrl: z
      .string()
      .regex(/^https?:\/\/[^\s"#\\{}]+$/)
      .max(512)
      .default('https://github.com/example/maintenance-api/blob/main/docs/reference/alerts.md')
      .describe(
        "Page with the runbooks: docs/reference/alerts.md or a copy of it. An alert's runbook_url is its section of that page.",
      ),
    rulesAs: z
      .enum(['Auto', 'PrometheusRule', 'ConfigMap', 'None'])
      .default('Auto')
      .describe(
        "What the alert rules become. Auto: a PrometheusRule where the cluster has that kind, else a ConfigMap with a rules file of Prometheus'. None: no alerts.",
      ),
  })
  .describe('Alert rules, and how Prometheus finds the pods.')
  .meta(rules(noneReserved('labels')));
