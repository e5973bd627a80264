import {alertSteps} from './steps/alert.ts';
import {backupSteps} from './steps/backup.ts';
import {hungSteps} from './steps/hung.ts';
import {releaseSteps} from './steps/release.ts';
import {killSteps} from './steps/kill.ts';
import {serviceSteps} from './steps/service.ts';
import type {Step} from './step.ts';

/** The demo, in order. */
export const steps: readonly Step[] = [
  ...serviceSteps,
  ...releaseSteps,
  ...killSteps,
  ...backupSteps,
  ...hungSteps,
  ...alertSteps,
];
