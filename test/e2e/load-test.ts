import {createProgress} from '../../hack/lib/progress.ts';
import {k6Image, SCRIPTS_FOLDER} from '../harness/k6.ts';
import {clientJob} from '../harness/load-job.ts';
import {waitFor} from '../harness/wait.ts';
import type {Manifest} from '../harness/manifest.ts';
import type {World} from '../harness/world.ts';
import {utilization, type Where} from './api-service.ts';

/** How a story runs the load test. */
export interface LoadTest {
  readonly namespace: string;
  /** Of the MaintenanceApi that it runs against, in the same namespace. */
  readonly target: string;
  /** Of its Job; `k6` unless told. */
  readonly job?: string;
  /** Requests a second. */
  readonly rate: number;
  /** At that rate, after half a minute of coming up to it. */
  readonly seconds: number;
}

interface CheckGroup {
  readonly checks: Readonly<Record<string, {readonly passes: number; readonly fails: number}>>;
}

/** What k6 wrote at the end (`--summary-export`), as far as stories read it. */
export interface K6Summary {
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly root_group: CheckGroup & {readonly groups: Readonly<Record<string, CheckGroup>>};
}

/** What came of a load test. */
export interface LoadTestResult {
  /** 0 when every threshold held, 99 when one was missed. */
  readonly exitCode: number;
  readonly summary: K6Summary;
  /** Wall clock, milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number;
}

const SUMMARY = 'Summary: ';
/** The token comes from the mounted Secret, so that it is in no object and no command line; the summary is one line. */
const SCRIPT = String.raw`
TOKEN="$(sed -n '/^#/!s/^[^:]*:\([^ ]*\).*/\1/p' /etc/tokens/tokens | head -n 1)"
export TOKEN
k6 run --no-usage-report --no-color --quiet --summary-export /out/summary.json ${SCRIPTS_FOLDER}/k6-load-test.js
code=$?
echo "${SUMMARY}$(tr -d '\n' < /out/summary.json)"
exit $code`;

interface Pod {
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly state: {
        readonly running?: object;
        readonly terminated?: {readonly exitCode: number; readonly startedAt: string; readonly finishedAt: string};
      };
    }[];
  };
}

/** Starts `test/load-testing/k6-load-test.js` as a Job in the cluster, and waits until k6 runs. */
export async function startLoadTest(world: World, test: LoadTest): Promise<void> {
  const image = await k6Image(createProgress());
  await world.cluster.loadImage(image.archive, image.ref);
  await world.apply(job(test, image.ref));
  await waitFor(
    'k6 is running',
    async () => ((await container(world, test))?.running === undefined ? undefined : true),
    60_000,
  );
}

/** Waits for k6 to end. */
export async function finishedLoadTest(world: World, test: LoadTest, timeoutMs: number): Promise<LoadTestResult> {
  const ended = await waitFor('k6 has ended', async () => (await container(world, test))?.terminated, timeoutMs);
  const log = await world.kubectl(['logs', '-n', test.namespace, `job/${jobOf(test)}`, '--tail=-1']);
  await world.evidence(`${test.namespace}-${jobOf(test)}.log`, log);
  const line = log.split('\n').findLast((text) => text.startsWith(SUMMARY));
  if (line === undefined) throw new Error(`k6 ended with ${String(ended.exitCode)} and left no summary:\n${log}`);
  return {
    exitCode: ended.exitCode,
    summary: JSON.parse(line.slice(SUMMARY.length)) as K6Summary,
    startedAt: Date.parse(ended.startedAt),
    endedAt: Date.parse(ended.finishedAt),
  };
}

function jobOf({job}: LoadTest): string {
  return job ?? 'k6';
}

async function container(world: World, test: LoadTest) {
  const [pod] = await world.list<Pod>('pods', test.namespace, `job-name=${jobOf(test)}`);
  return pod?.status.containerStatuses?.[0]?.state;
}

function job(test: LoadTest, image: string): Manifest {
  const {namespace, target, rate, seconds} = test;
  const env = {BASE_URL: `http://${target}`, RATE: rate, DURATION: `${String(seconds)}s`, HOME: '/out'};
  const command = ['sh', '-c', SCRIPT];
  return clientJob({namespace, name: target}, jobOf(test), {name: 'k6', image, command, env, scratch: '/out'});
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
