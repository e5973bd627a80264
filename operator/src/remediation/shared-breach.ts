import type {Decision} from './types.ts';

/** What is a resource's own: a release, and a backup. */
const OWN: readonly Decision['verdict'][] = ['BackupInterference', 'BadRevision', 'ConfigChange'];

/** Whether a resource breaches an objective by something that others may suffer from too. */
export function sharedBreach({breached, verdict, action}: Decision): boolean {
  return breached && !OWN.includes(verdict) && action?.kind !== 'Rollback';
}
