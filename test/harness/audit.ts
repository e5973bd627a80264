import {createReadStream} from 'node:fs';
import {createInterface} from 'node:readline';

/** One answered request of the API server's audit log (audit.k8s.io/v1), as far as tests read it. */
export interface AuditEvent {
  readonly verb: string;
  readonly user: {readonly username: string};
  readonly userAgent?: string;
  readonly requestURI: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
  };
  readonly responseStatus?: {readonly code?: number};
  readonly annotations?: Readonly<Record<string, string>>;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly stage: string;
}

/** The operator's identity in the audit log. */
export const OPERATOR_USER = 'system:serviceaccount:maintenance-api-system:maintenance-api-operator';

/** What the user agent of an operator process of the harness begins with. */
export const OPERATOR_AGENT = 'maintenance-api-operator';

/**
 * Reads the audit log: the witness outside the operator for what it asked and wrote.
 *
 * @param path - of the log, JSON lines
 * @param keep - which requests are wanted
 * @param stages - of which records: a watch is answered long before it is complete
 */
export async function readAudit(
  path: string,
  keep: (event: AuditEvent) => boolean,
  stages: readonly AuditEvent['stage'][] = ['ResponseComplete'],
): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const line of createInterface({input: createReadStream(path), crlfDelay: Infinity})) {
    if (!line.endsWith('}')) continue;
    const event = JSON.parse(line) as AuditEvent;
    if (stages.includes(event.stage) && keep(event)) events.push(event);
  }
  return events;
}

/** Whether a request changes something. */
export const isWrite = (event: AuditEvent): boolean =>
  ['create', 'update', 'patch', 'delete', 'deletecollection'].includes(event.verb);

/** Whether it is of the operator, by its service account. */
export const byOperator = (event: AuditEvent): boolean => event.user.username === OPERATOR_USER;

/** Whether it is one of those that an operator makes at rest: its lease, and watches. */
export const isRoutine = ({verb, objectRef}: AuditEvent): boolean =>
  verb === 'watch' || objectRef?.resource === 'leases';

/** Evictions of pods in a namespace, whatever the answer. */
export const isEviction =
  (namespace: string) =>
  ({verb, objectRef}: AuditEvent): boolean =>
    verb === 'create' &&
    objectRef?.resource === 'pods' &&
    objectRef.subresource === 'eviction' &&
    objectRef.namespace === namespace;

/** Evictions that the operator asked for in a namespace, whatever was answered. */
export const evictionsIn =
  (namespace: string) =>
  (event: AuditEvent): boolean =>
    byOperator(event) && isEviction(namespace)(event);

/** Successful patches of a Deployment by the operator. */
export const deploymentPatches =
  (namespace: string, name: string) =>
  (event: AuditEvent): boolean =>
    byOperator(event) &&
    event.verb === 'patch' &&
    event.objectRef?.resource === 'deployments' &&
    event.objectRef.namespace === namespace &&
    event.objectRef.name === name &&
    (event.responseStatus?.code ?? 0) < 300;
