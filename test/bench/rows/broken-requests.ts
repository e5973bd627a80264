import type {Row} from '../row.ts';

/** Whether a rollback costs anyone a connection: the same bad releases as in `rollback`. */
export const brokenRequests: Row = {
  name: 'broken',
  title: 'refused, reset or timed-out requests from 10 s before that patch to 60 s after',
  goal: '0',
  measure: async (bench) => {
    const rollbacks = await bench.rollbacks();
    const done = rollbacks.filter(({latencyMs}) => Number.isFinite(latencyMs));
    if (done.length === 0) throw new Error('no release was rolled back: there is no patch to look around');
    const broken = done.flatMap((run) => run.broken);
    const around = done.reduce((sum, run) => sum + run.around, 0);
    const kinds = [...new Set(broken.map(({e, m}) => `${m} ${e ?? 'no answer'}`))];
    return {
      text: `${broken.length} of ${around} in ${done.length} runs`,
      isMet: broken.length === 0,
      ...(kinds.length === 0 ? {} : {notes: [kinds.join(', ')]}),
    };
  },
};
