export {InvalidCheckpointError, parseCheckpoint} from './checkpoint.ts';
export {ServiceLevels, type ObjectiveOptions} from './service-levels.ts';
export type {Checkpoint, Overlap, PodSample, PodWindow, RevisionWindow, WindowCounts} from './types.ts';
