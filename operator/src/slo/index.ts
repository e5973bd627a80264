export {InvalidCheckpointError, parseCheckpoint} from './checkpoint.ts';
export {breachesOf, clear, missedObjectives, suspicious, type Breach} from './objectives.ts';
export {MemoryTrends, type MemoryTrend} from './memory.ts';
export {ServiceLevels} from './service-levels.ts';
export {compare} from './statistics.ts';
export type {Checkpoint, RevisionWindow, WindowCounts} from './types.ts';
