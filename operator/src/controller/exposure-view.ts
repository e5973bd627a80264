import {resources, type MaintenanceApi, type Presence, type Reason} from '../api/v1alpha1/index.ts';

/** Why the API isn't reached as the spec asks. */
export interface ExposureProblem {
  readonly reason: Reason;
  readonly message: string;
  readonly stalled: boolean;
}

const {kind, apiVersion} = resources.httpRoute;

/**
 * What keeps a route from being made; undefined where nothing does.
 *
 * @param presence - whether the cluster has HTTPRoutes. While that isn't known, as when an operator has just started, what was
 *   said of this spec before holds: Ready doesn't change for it
 */
export function exposureProblem(
  {metadata: {generation}, spec: {exposure}, status}: MaintenanceApi,
  presence: Presence,
): ExposureProblem | undefined {
  if (exposure?.gateway === undefined) return undefined;
  const missing: ExposureProblem = {
    reason: 'KindMissing',
    message: `This cluster has no ${kind} (${apiVersion}): install the Gateway API, or use spec.exposure.ingress instead of gateway`,
    stalled: true,
  };
  switch (presence) {
    case 'Served':
      return undefined;
    case 'Absent':
      return missing;
    case 'Unknown': {
      const before = status?.conditions?.find(({type}) => type === 'Ready');
      const same = before?.observedGeneration === generation;
      if (same && before.status === 'True') return undefined;
      if (same && before.reason === 'KindMissing') return missing;
      const message = `It is not known yet whether this cluster has ${kind}s; the operator must be allowed to watch their definition and them`;
      return {reason: 'Progressing', message, stalled: false};
    }
  }
}
