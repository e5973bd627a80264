import type {Progress} from '../../../hack/lib/progress.ts';
import {percentile} from '../statistics.ts';
import {Limits, type Throttling} from './limits.ts';
import {watchMemory, type Resident} from './process.ts';
import type {Stand} from './stand.ts';
import {mix, openLoop, type Outcome} from './traffic.ts';

/** The guide's baseline for a pod. */
const MILLICORES = 100;
const BYTES = 128 * 2 ** 20;
/** A process that has just started compiles its hot paths at a tenth of a CPU. */
const WARM_UP = {rate: 50, seconds: 20};
const SECONDS = 30;

/** What a rate of requests met in a pod's limits. */
export interface LoadResult {
  readonly rate: number;
  /** Milliseconds; Infinity when too few were answered. */
  readonly p50: number;
  readonly p95: number;
  readonly outcome: Outcome;
  readonly throttling: Throttling;
}

/** Our service within the limits of its pod. */
export interface Limited {
  /** From the start of the process until it answers a request from the database, in milliseconds. */
  readonly readyMs: number;
  readonly loads: readonly LoadResult[];
  /** The most memory that was seen resident under those loads. */
  readonly mostResident: Resident;
}

/** Starts our service within 100m CPU and 128 MiB and puts loads on it, one after the other. */
export async function measureLimited(stand: Stand, rates: readonly number[], progress: Progress): Promise<Limited> {
  const limits = await Limits.create(MILLICORES, BYTES);
  try {
    const begin = performance.now();
    const server = await stand.start('ours', {wrapper: limits.wrapper});
    const readyMs = performance.now() - begin;
    const load = async (rate: number, seconds: number): Promise<Outcome> =>
      openLoop({origin: server.origin, token: stand.token, rate, seconds, wish: mix(stand.ids)});
    await progress.run('warming up within 100m CPU', async () => load(WARM_UP.rate, WARM_UP.seconds));
    const memory = watchMemory(server.pid);
    const loads: LoadResult[] = [];
    for (const rate of rates) {
      const before = await limits.throttling();
      const outcome = await progress.run(`${rate} requests/s within 100m CPU`, async () => load(rate, SECONDS));
      const after = await limits.throttling();
      const failed = outcome.sent - outcome.latencies.length;
      const latencies = [...outcome.latencies, ...Array.from({length: failed}, () => Infinity)];
      const throttling = {
        periods: after.periods - before.periods,
        throttled: after.throttled - before.throttled,
      };
      loads.push({rate, p50: percentile(latencies, 50), p95: percentile(latencies, 95), outcome, throttling});
    }
    const mostResident = await memory.stop();
    await server.stop();
    return {readyMs, loads, mostResident};
  } finally {
    await limits.remove();
  }
}
