import type {Decision} from './types.ts';

/**
 * Why a person has to decide, in words that stay the same as long as that is so; undefined: nobody has to.
 *
 * A release that waits for a person says it itself. Beside that a good revision may suffer from what the operator can't
 * repair: then it is what the explanation found, which names the object and stands as long as the decision does.
 */
export function escalation({release, verdict, explanation}: Decision): string | undefined {
  if (release.kind === 'Escalated') return release.message;
  const {considered, message} = explanation;
  const called = considered.find(({action, taken}) => action === 'Escalate' && taken);
  if (called === undefined) return undefined;
  const found = considered.reduce((text, {action, taken, reason}) => {
    const sentence = ` ${action}${taken ? '' : ' not taken'}: ${reason}.`;
    return text.replace(sentence, '');
  }, message);
  return `${verdict}: ${found.replace(/\.$/, '')}; ${called.reason}`;
}
