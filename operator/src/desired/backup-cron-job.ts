import type {CronJob} from 'kubernetes-types/batch/v1.js';
import {childLabels} from '../api/v1alpha1/index.ts';
import {backupInputOf} from './backup-input.ts';
import {backupJobSpec} from './backup-job.ts';
import {childMetadata} from './metadata.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** A run that can't begin within an hour waits for the next one. */
const STARTING_DEADLINE_SECONDS = 3600;
/** Jobs stay for a while with their pods, whose last words the operator reads. */
const KEPT_JOBS = 3;

/** Backups by the schedule. */
export function backupCronJob(input: DesiredInput): KubeObject | undefined {
  const wanted = backupInputOf(input);
  if (wanted === undefined) return undefined;
  const {name} = input.api.metadata;
  const {schedule, timeZone, suspend} = wanted.backup;
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: childMetadata(input.api, childNames(name).backup, 'backup'),
    spec: {
      schedule,
      timeZone,
      suspend,
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: STARTING_DEADLINE_SECONDS,
      successfulJobsHistoryLimit: KEPT_JOBS,
      failedJobsHistoryLimit: KEPT_JOBS,
      jobTemplate: {metadata: {labels: childLabels(name, 'backup')}, spec: backupJobSpec(wanted)},
    },
  } satisfies CronJob;
}
