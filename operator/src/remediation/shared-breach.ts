import type {Decision} from './types.ts';

/** Whether a resource breaches an objective by something that others may suffer from too: a release is its own. */
export function sharedBreach({breached, verdict, action}: Decision): boolean {
  return breached && verdict !== 'BadRevision' && verdict !== 'ConfigChange' && action?.kind !== 'Rollback';
}
