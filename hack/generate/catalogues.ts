import {
  conditionMeanings,
  conditionTypes,
  events,
  labelMeanings,
  labels,
  reasons,
  requestAnnotationMeanings,
  requestAnnotations,
  revisionAnnotationMeanings,
  revisionAnnotations,
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
  );
}
