import {alerts, runbookUrl, type AlertName, type AlertSeverity, type MaintenanceApi} from '../../api/v1alpha1/index.ts';

/** A recording rule of Prometheus. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** An alerting rule of Prometheus. */
export interface AlertingRule {
  readonly alert: AlertName;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export type Rule = RecordingRule | AlertingRule;

/** Rules that are evaluated one after the other. */
export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly Rule[];
}

/** How often rules are evaluated; the counts of the burn rates' guard go by it. */
export const EVALUATION_SECONDS = 30;

/** What one alerting rule is made from. */
interface AlertInput {
  readonly alert: AlertName;
  /** Left out: the alert's only one. */
  readonly severity?: AlertSeverity;
  readonly expr: string;
  readonly for?: string;
  /** Besides severity and the resource's own. */
  readonly labels?: Readonly<Record<string, string>>;
  /** After `API <namespace>/<name>`; templates of Prometheus' are filled in when it fires. */
  readonly summary: string;
  readonly description: string;
}

/** The labels by which every series of a resource is known: those that the PodMonitor and the operator give. */
const resourceLabels = ({metadata: {namespace, name}}: MaintenanceApi): Record<string, string> => ({
  namespace,
  maintenanceapi: name,
});

/** An alerting rule with everything that each has. */
export function alertingRule(api: MaintenanceApi, input: AlertInput): AlertingRule {
  const {alert, severity = alerts[alert].severities[0], expr, labels, summary, description} = input;
  const {namespace, name} = api.metadata;
  return {
    alert,
    expr,
    ...(input.for !== undefined && {for: input.for}),
    labels: {severity, ...resourceLabels(api), ...labels},
    annotations: {
      summary: `API ${namespace}/${name}: ${summary}`,
      description,
      runbook_url: runbookUrl(api.spec.monitoring.runbookBaseUrl, alert),
    },
  };
}
