import type {AuditEvent} from './audit.ts';

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
}

/** What rules grant, one line for each verb and resource: `patch apps/deployments`. */
export function granted(rules: readonly PolicyRule[]): string[] {
  const all = rules.flatMap(({apiGroups = [], resources = [], verbs}) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => use(verb, group, resource)))),
  );
  return [...new Set(all)].sort();
}

/** What requests made use of, in the same words. */
export function used(events: readonly AuditEvent[]): Set<string> {
  return new Set(
    events.flatMap(({verb, objectRef, responseStatus}) => {
      if (objectRef?.resource === undefined) return [];
      const {apiGroup = '', resource, subresource} = objectRef;
      const whole = subresource === undefined ? resource : `${resource}/${subresource}`;
      // An apply that creates needs both rights, and is logged as a patch.
      const creates = verb === 'patch' && responseStatus?.code === 201;
      return [use(verb, apiGroup, whole), ...(creates ? [use('create', apiGroup, whole)] : [])];
    }),
  );
}

/** Requests that the server's authorizer refused; an admission that refuses (a namespace that ends) is another matter. */
export function forbidden(events: readonly AuditEvent[]): AuditEvent[] {
  return events.filter(({annotations}) => annotations?.['authorization.k8s.io/decision'] === 'forbid');
}

function use(verb: string, group: string, resource: string): string {
  return `${verb} ${group === '' ? 'core' : group}/${resource}`;
}
