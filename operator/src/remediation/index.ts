export {decide, measuredSince} from './decide.ts';
export type {
  DatabaseFacts,
  Decision,
  DeploymentFacts,
  Observation,
  PodFacts,
  ReleaseState,
  RevisionFacts,
  RevisionPatch,
} from './types.ts';
