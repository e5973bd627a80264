import type {Progress} from '../../../hack/lib/progress.ts';
import {percentile} from '../statistics.ts';
import {cpuSeconds} from './process.ts';
import {assertSame} from './same.ts';
import type {Server, ServerName, Stand} from './stand.ts';
import {closedLoop, mix} from './traffic.ts';

/** Connections that are kept busy: what a server does at most is what its CPU allows, and it is bursts that a pod gets. */
const BUSY = 32;
const SECONDS = 1.5;
const WARM_UP_SECONDS = 6;
/** Pairs, of which the median counts: the machine's own speed wanders by a half within minutes. */
const PAIRS = 15;

/** One server against another, measured in turns. */
export interface Comparison {
  /** Median of the pairs' ratios of requests per CPU-second, ours to the peer's. */
  readonly ratio: number;
  readonly ours: number;
  readonly peer: number;
}

/**
 * Compares our service with a peer in requests per CPU-second of the server's process, each as busy as it can be, on the same
 * table and with the same answers: a pair is a second and a half of the one and then of the other, the next pair the other way round.
 */
export async function compare(
  stand: Stand,
  peer: Exclude<ServerName, 'ours'>,
  progress: Progress,
): Promise<Comparison> {
  const servers = {ours: await stand.start('ours'), peer: await stand.start(peer)};
  try {
    await assertSame(stand, servers.ours, servers.peer);
    return await progress.run(`${PAIRS} pairs against ${peer}`, async ({detail}) => {
      for (const server of Object.values(servers)) await perCpuSecond(stand, server, WARM_UP_SECONDS);
      const pairs: {ours: number; peer: number}[] = [];
      for (let pair = 0; pair < PAIRS; pair++) {
        const measured = {ours: 0, peer: 0};
        const order = pair % 2 === 0 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const);
        for (const name of order) measured[name] = await perCpuSecond(stand, servers[name], SECONDS);
        pairs.push(measured);
        detail(`${pair + 1}: ${(measured.ours / measured.peer).toFixed(2)}`);
      }
      return {
        ratio: median(pairs.map(({ours, peer: other}) => ours / other)),
        ours: median(pairs.map(({ours}) => ours)),
        peer: median(pairs.map(({peer: other}) => other)),
      };
    });
  } finally {
    await Promise.all(Object.values(servers).map(async (server) => server.stop()));
  }
}

async function perCpuSecond(stand: Stand, {origin, pid}: Server, seconds: number): Promise<number> {
  const before = await cpuSeconds(pid);
  const outcome = await closedLoop({origin, token: stand.token, connections: BUSY, seconds, wish: mix(stand.ids)});
  const cpu = (await cpuSeconds(pid)) - before;
  if (outcome.failures.size > 0) throw new Error(`requests failed: ${JSON.stringify([...outcome.failures])}`);
  return outcome.latencies.length / cpu;
}

const median = (values: readonly number[]): number => percentile(values, 50);
