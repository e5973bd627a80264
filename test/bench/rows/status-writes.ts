import {setTimeout as delay} from 'node:timers/promises';
import {byOperator, isWrite, type AuditEvent} from '../../harness/audit.ts';
import {WHERE} from '../bench.ts';
import {RATE} from '../rollbacks.ts';
import type {Row} from '../row.ts';
import {perHour} from '../statistics.ts';

const GOAL_PER_HOUR = 12;
const LOAD = 'steady';
/** Traffic is steady once what its begin caused is over: a replica more, a bake that ends. */
const SETTLE_SECONDS = 120;
const SPARE_SECONDS = 60;

const isStatusWrite = (event: AuditEvent): boolean =>
  byOperator(event) &&
  isWrite(event) &&
  event.objectRef?.resource === 'maintenanceapis' &&
  event.objectRef.subresource === 'status' &&
  event.objectRef.namespace === WHERE.namespace;

/** How often a status is written only because its figures move. */
export const statusWrites: Row = {
  name: 'status-writes',
  title: 'status writes under steady 50 requests/s',
  goal: '≤ 12 an hour',
  measure: async (bench) => {
    await bench.service();
    const {world} = await bench.operator();
    const {minutes} = bench.options;
    const seconds = SETTLE_SECONDS + minutes * 60 + SPARE_SECONDS;
    await world.startLoad(WHERE, {name: LOAD, rate: RATE, seconds, writes: 0.1});
    try {
      await bench.progress.run(`traffic becomes steady, ${SETTLE_SECONDS} s`, async () => delay(SETTLE_SECONDS * 1000));
      const since = Date.now();
      await bench.progress.run(`steady traffic, ${minutes} min`, async () => delay(minutes * 60_000));
      const until = Date.now();
      const writes = (await world.audit(isStatusWrite))
        .map(({requestReceivedTimestamp}) => Date.parse(requestReceivedTimestamp))
        .filter((time) => time >= since && time < until);
      const sent = (await world.ledger(WHERE.namespace, LOAD)).filter(({t}) => t >= since && t < until).length;
      const rate = perHour(writes.length, minutes);
      const times = writes.map((time) => `${((time - since) / 1000).toFixed(0)} s`).join(', ');
      return {
        text: `${rate.toFixed(0)} an hour (extrapolated from ${writes.length} in ${minutes} min)`,
        isMet: rate <= GOAL_PER_HOUR,
        notes: [`${(sent / minutes / 60).toFixed(1)} requests/s; written ${times === '' ? 'never' : `after ${times}`}`],
      };
    } finally {
      await world.kubectl(['delete', 'job', '-n', WHERE.namespace, LOAD, '--wait=true']);
    }
  },
};
