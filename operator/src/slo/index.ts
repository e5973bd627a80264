export {InvalidCheckpointError, parseCheckpoint} from './checkpoint.ts';
export type {ObjectiveOptions} from './objective-status.ts';
export {
  breachesOf,
  clear,
  missedObjectives,
  objectivesOf,
  suspicious,
  type Breach,
  type Objective,
} from './objectives.ts';
export {ServiceLevels} from './service-levels.ts';
export {compare, wilson} from './statistics.ts';
export type {Checkpoint, Overlap, PodSample, PodWindow, RevisionWindow, WindowCounts} from './types.ts';
