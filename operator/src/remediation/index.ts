export {decide, measuredSince} from './decide.ts';
export type {
  BackupFacts,
  DatabaseFacts,
  Decision,
  DeploymentFacts,
  Observation,
  PodFacts,
  RevisionFacts,
} from './types.ts';
export {escalation} from './escalation.ts';
export {sharedBreach} from './shared-breach.ts';
export {sourceProblem} from './verdict-telemetry-gap.ts';
