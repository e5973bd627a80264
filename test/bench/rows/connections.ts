import {setTimeout as delay} from 'node:timers/promises';
import type {Row} from '../row.ts';

const GOAL_PER_THOUSAND = 5;

/**
 * How often the operator connects anew, over everything that the bench did since the operator was installed: all rows
 * before this one, both replicas, without what they opened at their start.
 */
export const connections: Row = {
  name: 'connections',
  title: 'new TCP connections per 1,000 requests to the API server',
  goal: '≤ 5',
  measure: async (bench) => {
    await bench.service();
    const {connections: counter} = await bench.operator();
    const {minutes} = bench.options;
    const soFar = await counter.read();
    const wait = (minutes - soFar.minutes) * 60_000;
    if (wait > 0) await bench.progress.run('counting connections', async () => delay(wait));
    const counted = wait > 0 ? await counter.read() : soFar;
    if (counted.requests === 0) throw new Error('the audit log has no request of the operator');
    const perThousand = (counted.connections / counted.requests) * 1000;
    return {
      text: `${perThousand.toFixed(1)} (${counted.connections} for ${counted.requests} in ${counted.minutes.toFixed(0)} min)`,
      isMet: perThousand <= GOAL_PER_THOUSAND,
    };
  },
};
