import {seconds} from '../format.ts';
import type {Row} from '../row.ts';

const GOAL_RATIO = 0.9;
const GOAL_MIB = 128;
const GOAL_SHARE = 0.1;

const speed: Row = {
  name: 'backup-speed',
  title: 'backup: speed against `mysqldump | zstd -3 | <S3 client>` on 1 GB (median of pairs)',
  goal: `≥ ${GOAL_RATIO} ×`,
  measure: async (bench) => {
    const {ratio, ours, pipeline, dumpBytes} = await bench.backup();
    const text = `${ratio.toFixed(2)} × (${seconds(ours)} and ${seconds(pipeline)}, ${(dumpBytes / 1e9).toFixed(2)} GB)`;
    return {text, isMet: ratio >= GOAL_RATIO};
  },
};

const memory: Row = {
  name: 'backup-memory',
  title: 'backup: most memory that the stream program had resident',
  goal: `≤ ${GOAL_MIB} MiB`,
  measure: async (bench) => {
    const {resident, anonymous} = (await bench.backup()).peak;
    const text = `${resident.toFixed(1)} MiB (${anonymous.toFixed(1)} MiB without the files that it runs from)`;
    return {text, isMet: resident <= GOAL_MIB};
  },
};

const scanning: Row = {
  name: 'backup-scanning',
  title: 'backup: counting rows and hashing sections, of the whole run',
  goal: `≤ ${GOAL_SHARE * 100} %`,
  measure: async (bench) => {
    const {scan, ours} = await bench.backup();
    const share = scan / ours;
    return {text: `${(share * 100).toFixed(1)} % (${seconds(scan)} of ${seconds(ours)})`, isMet: share <= GOAL_SHARE};
  },
};

export const backup: readonly Row[] = [speed, memory, scanning];
