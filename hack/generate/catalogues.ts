import {
  alerts,
  conditionMeanings,
  conditionTypes,
  events,
  labelMeanings,
  labels,
  reasons,
  requestAnnotationMeanings,
  requestAnnotations,
  resourceMetrics,
  revisionAnnotationMeanings,
  revisionAnnotations,
  templateAnnotationMeanings,
  templateAnnotations,
} from '../../operator/src/api/v1alpha1/index.ts';
import {cell, code, page, table} from './markdown.ts';

/** The page on conditions and their reasons. */
export function conditionsPage(): string {
  return page(
    'Conditions',
    '`operator/src/api/v1alpha1/conditions.ts`',
    'A MaintenanceApi always has all of these, each with a reason, a message and the generation that it was judged for. ' +
      '`Reconciling` and `Stalled` are what kstatus, and with it Flux and `kubectl wait`, goes by.',
    table(
      ['Type', 'When all is well', 'What it says'],
      conditionTypes.map((type) => [
        code(type),
        conditionMeanings[type].healthy,
        cell(conditionMeanings[type].meaning),
      ]),
    ),
    '## Reasons',
    table(
      ['Reason', 'What it means'],
      Object.entries(reasons).map(([reason, meaning]) => [code(reason), `${cell(meaning)}.`]),
    ),
  );
}

/** The page on events. */
export function eventsPage(): string {
  return page(
    'Events',
    '`operator/src/api/v1alpha1/events.ts`',
    'What the operator reports on a MaintenanceApi through `events.k8s.io/v1`; see them with ' +
      '`kubectl events --for maintenanceapi/<name>`.',
    table(
      ['Reason', 'Type', 'Action', 'What it means'],
      Object.entries(events).map(([reason, {type, action, meaning}]) => [
        code(reason),
        type,
        action,
        `${cell(meaning)}.`,
      ]),
    ),
  );
}

function keys<K extends string>(
  names: Readonly<Record<K, string>>,
  meanings: Readonly<Record<K, string>>,
): readonly (readonly string[])[] {
  return (Object.keys(names) as K[]).map((key) => [code(names[key]), cell(meanings[key])]);
}

/** The page on labels and annotations. */
export function labelsPage(): string {
  const head = ['Key', 'What it says'];
  return page(
    'Labels and annotations',
    '`operator/src/api/v1alpha1/labels.ts`',
    '## Labels of the objects that the operator makes',
    'Selectors use `app.kubernetes.io/name`, `instance` and `component`, which never change.',
    table(head, keys(labels, labelMeanings)),
    '## Annotations that a person sets on a MaintenanceApi',
    'Each is answered in status and by an event.',
    table(head, keys(requestAnnotations, requestAnnotationMeanings)),
    '## Annotations of a revision',
    'What is known of a revision, kept on its ControllerRevision. Times are RFC 3339.',
    table(head, keys(revisionAnnotations, revisionAnnotationMeanings)),
    '## Annotations of a Deployment or StatefulSet',
    'By what an operator tells how its pods were made ([upgrade the operator](../how-to/upgrade.md)).',
    table(head, keys(templateAnnotations, templateAnnotationMeanings)),
  );
}

/** The page on alerts: a runbook each. */
export function alertsPage(): string {
  const all = Object.entries(alerts);
  return page(
    'Alerts',
    '`operator/src/api/v1alpha1/alerts.ts`',
    'Every MaintenanceApi brings these ([how to connect Prometheus](../how-to/prometheus.md)). `critical` is meant to wake ' +
      'somebody, `warning` to be looked at in working hours. Each alert has the labels `namespace` and `maintenanceapi`, and a ' +
      '`runbook_url` that leads to its section here, or on the page that `spec.monitoring.runbookBaseUrl` names. The thresholds of ' +
      'burn rates follow from `spec.slo`: the share of the budget that is gone, times the window of the objective, divided by ' +
      'the long window (14.4, 6, 3 and 1 over 30 days; Site Reliability Workbook, chapter 5). One that could never fire, above ' +
      '1 / (1 − objective), is not made.',
    table(
      ['Alert', 'Severity', 'When it fires'],
      all.map(([name, {severities, when}]) => [
        `[${code(name)}](#${name.toLowerCase()})`,
        severities.join(', '),
        cell(when),
      ]),
    ),
    ...all.map(([name, {meaning, look, operator}]) =>
      [
        `## ${name}`,
        meaning.endsWith('.') ? meaning : `${meaning}.`,
        'Look, in this order, at:',
        look.map((step, index) => `${index + 1}. ${step.endsWith('?') ? step : `${step}.`}`).join('\n'),
        `What the operator does: ${operator}`,
      ].join('\n\n'),
    ),
  );
}

/** The page on the operator's own metrics. */
export function metricsPage(): string {
  return page(
    'Metrics of the operator',
    '`operator/src/api/v1alpha1/metrics.ts`',
    'On port `metrics` of the operator. What it tells of a MaintenanceApi comes from the replica that leads, has the labels ' +
      '`namespace` and `maintenanceapi`, and goes when the resource goes; read it with `honorLabels: true`. Queues, ' +
      'reconciliations, requests and watches have the names of controller-runtime and client-go.',
    table(
      ['Metric', 'Further labels', 'What it says'],
      Object.entries(resourceMetrics).map(([name, {labels: further, help}]) => [
        code(name),
        further.map(code).join(', '),
        cell(help),
      ]),
    ),
  );
}
