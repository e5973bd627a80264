import type {MaintenanceApi} from '../../api/v1alpha1/index.ts';
import {alertingRule, type AlertingRule} from './rules.ts';
import {byResource, ownSeries} from './series.ts';

/** Long enough for a rollout of the operator or of Prometheus. */
const FOR = '15m';

/** What a person has to see to: the operator waits, a promise is missed, or nobody would notice. */
export function watchingAlerts(api: MaintenanceApi): readonly AlertingRule[] {
  const absent = (source: string, series: string, description: string): AlertingRule =>
    alertingRule(api, {
      alert: 'MaintenanceApiMetricsAbsent',
      expr: `absent(${series})`,
      for: FOR,
      labels: {source},
      summary: `Prometheus has no metrics of the ${source}`,
      description,
    });
  const budget = ownSeries(api, 'maintenance_api_error_budget_remaining_ratio');
  return [
    absent(
      'api',
      `${ownSeries(api, 'up')} == 1`,
      "Prometheus has read none of the API's pods for 15 minutes: the alerts on errors and latency can not fire.",
    ),
    absent(
      'operator',
      ownSeries(api, 'maintenance_api_condition'),
      'Prometheus has read nothing about this API from the operator for 15 minutes: the alerts on the database can not fire.',
    ),
    alertingRule(api, {
      alert: 'MaintenanceApiStalled',
      expr: `max ${byResource} (${ownSeries(api, 'maintenance_api_condition', 'type="Stalled"', 'status="True"')}) == 1`,
      for: FOR,
      summary: 'the operator waits for a person',
      description: 'The condition Stalled has been True for 15 minutes; its message says what has to be done.',
    }),
    alertingRule(api, {
      alert: 'MaintenanceApiErrorBudgetExhausted',
      expr: `max by (namespace, maintenanceapi, objective) (${budget}) <= 0`,
      for: FOR,
      summary: 'the error budget of {{ $labels.objective }} is spent',
      description: `Over the last ${api.spec.slo.windowDays} days more responses missed the objective {{ $labels.objective }} than it allows.`,
    }),
  ];
}
