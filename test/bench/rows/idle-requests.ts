import {setTimeout as delay} from 'node:timers/promises';
import {byOperator, type AuditEvent} from '../../harness/audit.ts';
import {WHERE} from '../bench.ts';
import type {Row} from '../row.ts';

/** Figures that moved before may be written up to 5 minutes later (invariant 3); only then is there rest. */
const SETTLE_SECONDS = 330;

const isLeaseOrWatch = ({verb, objectRef}: AuditEvent): boolean => verb === 'watch' || objectRef?.resource === 'leases';

/** What the operator asks of the API server when nothing happens. */
export const idleRequests: Row = {
  name: 'idle',
  title: "the operator's requests in 10 idle minutes, Lease and watches apart (audit log)",
  goal: '0',
  measure: async (bench) => {
    await bench.service();
    const {world} = await bench.operator();
    const {idleMinutes} = bench.options;
    await bench.progress.run(`coming to rest, ${SETTLE_SECONDS} s`, async () => delay(SETTLE_SECONDS * 1000));
    const pods = await world.list<{metadata: {name: string}}>('pods', WHERE.namespace, 'job-name');
    if (pods.length > 0) throw new Error(`there is traffic, by ${pods.map(({metadata}) => metadata.name).join(', ')}`);
    const since = Date.now();
    await bench.progress.run(`idle, ${idleMinutes} min`, async () => delay(idleMinutes * 60_000));
    const until = Date.now();
    const events = await world.audit((event) => {
      const time = Date.parse(event.requestReceivedTimestamp);
      return byOperator(event) && time >= since && time < until;
    });
    const requests = events.filter((event) => !isLeaseOrWatch(event));
    if (requests.length === events.length)
      throw new Error('the audit log has no renewal of the Lease: it proves nothing');
    return {
      text: `${requests.length} in ${idleMinutes} min (and ${events.length - requests.length} for Lease and watches)`,
      isMet: requests.length === 0,
      notes: requests.map((event) => `${event.requestReceivedTimestamp} ${event.verb} ${event.requestURI}`),
    };
  },
};
