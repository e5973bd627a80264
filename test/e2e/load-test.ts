import {createProgress} from '../../hack/lib/progress.ts';
import {k6Image, SCRIPTS_FOLDER} from '../harness/k6.ts';
import {clientJob} from '../harness/load-job.ts';
import {waitFor} from '../harness/wait.ts';
import type {Manifest} from '../harness/manifest.ts';
import type {World} from '../harness/world.ts';

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
