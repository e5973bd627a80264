import type {AuditEvent} from '../harness/audit.ts';
import {waitFor} from '../harness/wait.ts';
import type {World} from '../harness/world.ts';
import {finishedLoadTest, startLoadTest, type K6Summary, type LoadTestResult} from './load-test.ts';

/** A service of the story, in a namespace of its own. */
export interface Where {
  readonly namespace: string;
  readonly name: string;
}

const READY_MS = 300_000;
const AUTOSCALER = 'system:serviceaccount:kube-system:horizontal-pod-autoscaler';

/** A HorizontalPodAutoscaler, as far as stories read it. */
export interface Autoscaler {
  readonly status: {
    readonly currentReplicas?: number;
    readonly desiredReplicas: number;
    readonly currentMetrics?: readonly {
      readonly containerResource?: {readonly current: {readonly averageUtilization?: number}};
    }[];
  };
}

/** A pod of the API, as far as stories read it. */
export interface ApiPod {
  readonly metadata: {readonly name: string; readonly deletionTimestamp?: string};
  readonly spec: {readonly containers: readonly {readonly name: string; readonly resources: object}[]};
  readonly status: {
    readonly conditions?: readonly {readonly type: string; readonly status: string}[];
    readonly containerStatuses?: readonly {readonly restartCount: number}[];
  };
}

/** Brings up a service with what the operations guide asks: every default, and from two pods upward. */
export async function bringUp(world: World, {namespace, name}: Where): Promise<void> {
  await world.createNamespace(namespace);
  await world.apply(world.maintenanceApi(namespace, name, {autoscaling: {minReplicas: 2, maxReplicas: 4}}));
  await world.waitReady({namespace, name}, READY_MS);
}

/** The pods of the API that are there to stay. */
export async function apiPods(world: World, {namespace}: Where): Promise<readonly ApiPod[]> {
  const pods = await world.list<ApiPod>('pods', namespace, 'app.kubernetes.io/component=api');
  return pods.filter(({metadata}) => metadata.deletionTimestamp === undefined);
}

/** How many of them are ready. */
export function readyAmong(pods: readonly ApiPod[]): number {
  return pods.filter(({status}) => status.conditions?.some(({type, status: is}) => type === 'Ready' && is === 'True'))
    .length;
}

/** The CPU that the pods use, in percent of what they request, as the autoscaler saw it last. */
export async function utilization(world: World, {namespace, name}: Where): Promise<number> {
  const autoscaler = await world.get<Autoscaler>('horizontalpodautoscaler', name, namespace);
  return autoscaler?.status.currentMetrics?.[0]?.containerResource?.current.averageUtilization ?? 0;
}

/** Waits until the autoscaler, the Deployment's scale and ready pods are at a number. */
export async function waitReplicas(
  world: World,
  where: Where,
  what: string,
  holds: (replicas: number) => boolean,
  timeoutMs: number,
): Promise<number> {
  return waitFor(
    what,
    async () => {
      const autoscaler = await world.get<Autoscaler>('horizontalpodautoscaler', where.name, where.namespace);
      const {desiredReplicas = 0, currentReplicas = 0} = autoscaler?.status ?? {};
      const pods = await apiPods(world, where);
      const ready = readyAmong(pods);
      const settled = desiredReplicas === currentReplicas && pods.length === ready && ready === desiredReplicas;
      if (settled && holds(ready)) return ready;
      const percent = await utilization(world, where);
      throw new Error(`${percent} % of the request, ${desiredReplicas} wanted, ${pods.length} pods, ${ready} ready`);
    },
    timeoutMs,
    2000,
  );
}

/** Changes of the Deployment's scale by the autoscaler, from the audit log. */
export function rescalings(world: World, {namespace, name}: Where): Promise<readonly AuditEvent[]> {
  return world.audit(
    ({user, verb, objectRef, responseStatus}) =>
      user.username === AUTOSCALER &&
      verb === 'update' &&
      objectRef?.subresource === 'scale' &&
      objectRef.namespace === namespace &&
      objectRef.name === name &&
      responseStatus?.code === 200,
  );
}

/** Why the autoscaler says that it rescaled, from its events. */
export async function rescalingReasons(world: World, {namespace, name}: Where): Promise<readonly string[]> {
  const events = await world.list<{reason: string; message: string; involvedObject: {kind: string; name: string}}>(
    'events',
    namespace,
  );
  return events
    .filter(({reason, involvedObject: {kind, name: of}}) => {
      return reason === 'SuccessfulRescale' && kind === 'HorizontalPodAutoscaler' && of === name;
    })
    .map(({message}) => message);
}

/** The figures that the objectives are about, as k6 measured them. */
export function figuresOf({metrics}: K6Summary) {
  return {
    requestsPerSecond: metrics['http_reqs']?.['rate'] ?? Number.NaN,
    available: metrics['available']?.['value'] ?? Number.NaN,
    p95Milliseconds: metrics['http_req_duration']?.['p(95)'] ?? Number.NaN,
    failed: metrics['http_req_failed']?.['value'] ?? Number.NaN,
    dropped: metrics['dropped_iterations']?.['count'] ?? 0,
  };
}

/** Creations that k6 saw acknowledged, those of its setup included, and those that it didn't. */
export function creationsOf({summary}: LoadTestResult): {readonly acknowledged: number; readonly unanswered: number} {
  const {groups, ...root} = summary.root_group;
  const checks = [root, ...Object.values(groups)].flatMap((group) => group.checks['create: 201'] ?? []);
  return {
    acknowledged: checks.reduce((sum, {passes}) => sum + passes, 0),
    unanswered: checks.reduce((sum, {fails}) => sum + fails, 0),
  };
}

/** A request to the API, and its answer. */
export interface AskedInPod {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}
export interface AnsweredInPod {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: unknown;
}

/** Asks one of the API's pods from inside it, with the token that is mounted there, which so goes nowhere. */
export async function askInPod(world: World, where: Where, asked: AskedInPod): Promise<AnsweredInPod> {
  const script = `
    const {method, path, body} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
    const token = require('fs').readFileSync(process.env.API_TOKENS_FILE, 'utf8').trim().split(/[:\\s]/)[1];
    const headers = {authorization: 'Bearer ' + token, 'content-type': 'application/json'};
    fetch('http://127.0.0.1:8080' + path, {method, headers, body: body && JSON.stringify(body)}).then(async (answer) =>
      console.log(JSON.stringify({
        status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json(),
      })));`;
  const [pod] = await apiPods(world, where);
  const text = await world.kubectl(
    ['exec', '-i', '-n', where.namespace, pod?.metadata.name ?? '', '-c', 'api', '--', 'node', '-e', script],
    JSON.stringify(asked),
  );
  return JSON.parse(text) as AnsweredInPod;
}

/**
 * What a request costs of a pod's CPU is the machine's: it is asked first, to know the load that the autoscaler acts on. It
 * acts on two minutes in a row above 70 % of the request, and readings of 15 s differ. The trial is by pods that are new: one
 * that is warm and busier takes about 0.6 of that for a request.
 */
const AIM_PERCENT = 230;
const TRIAL = {job: 'trial', rate: 200, seconds: 40} as const;

/** How a service did under a load of a known rate. */
export interface Trial {
  readonly result: LoadTestResult;
  /** Requests a second past which the autoscaler adds pods to the two that there are. */
  readonly busyRate: number;
}

/** Finds the load that takes two new pods past what the autoscaler adds pods at. */
export async function tryLoad(world: World, {namespace, name}: Where, timeoutMs: number): Promise<Trial> {
  const test = {namespace, target: name, ...TRIAL};
  await startLoadTest(world, test);
  const result = await finishedLoadTest(world, test, timeoutMs);
  const used = await utilization(world, {namespace, name});
  if (used <= 10)
    throw new Error(`${String(test.rate)} requests a second took only ${String(used)} % of the CPU request`);
  return {result, busyRate: Math.round((test.rate * AIM_PERCENT) / used)};
}
