import type {Decision} from './types.ts';

/**
 * Why a person has to decide, in words that stay the same as long as that is so; undefined: nobody has to.
 *
 * A release that waits for a person says it itself. Beside that a good revision may suffer from what the operator can't
 * repair: then the decision that is told has the figures.
 */
export function escalation({release, verdict, explanation}: Decision): string | undefined {
  if (release.kind === 'Escalated') return release.message;
  const called = explanation.considered.find(({action, taken}) => action === 'Escalate' && taken);
  return called && `${verdict}: ${called.reason}; status.remediation.lastDecision has what was measured`;
}
