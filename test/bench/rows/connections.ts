import {setTimeout as delay} from 'node:timers/promises';
import type {Row} from '../row.ts';

const GOAL_PER_THOUSAND = 5;
/** Fewer would make much of little; the Lease alone brings so many in 17 minutes. */
const REQUESTS = 1000;
const LOOK_MS = 15_000;

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
    const counted = await bench.progress.run(`connections of ${REQUESTS} requests`, async ({detail}) => {
      for (;;) {
        const soFar = await counter.read();
        if (soFar.requests >= REQUESTS) return soFar;
        detail(`${soFar.requests} so far`);
        await delay(LOOK_MS);
      }
    });
    const perThousand = (counted.connections / counted.requests) * 1000;
    return {
      text: `${perThousand.toFixed(1)} (${counted.connections} for ${counted.requests} in ${counted.minutes.toFixed(0)} min)`,
      isMet: perThousand <= GOAL_PER_THOUSAND,
    };
  },
};
