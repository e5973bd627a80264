import type {ActionRecord, Explanation} from '../api/v1alpha1/index.ts';
import type {Assessment} from './assessment.ts';
import type {Consideration} from './consider.ts';
import {clip, iso} from './text.ts';
import type {Judgement} from './verdict.ts';

const SHORT = 63;
const TEXT = 1024;
const MOST_SIGNALS = 16;

/**
 * The explanation of a decision. As long as verdict, actions and guard (and whether it ends by itself) are the same it is the one that stands, with its
 * time and figures: it tells why the decision was made, not what is measured now.
 *
 * @param a the assessment
 * @param judgement the verdict
 * @param consideration what was considered
 * @param actions the action under way, and those that ended
 */
export function explain(
  a: Assessment,
  judgement: Judgement,
  consideration: Consideration,
  actions: {readonly action: ActionRecord | undefined; readonly recentActions: readonly ActionRecord[]},
): Explanation {
  const {action, recentActions} = actions;
  const verdict = action?.verdict ?? judgement.verdict;
  const standing = action === undefined ? a.previous : a.o.status?.remediation?.lastDecision;
  const next: Explanation = {
    time: iso(a.now),
    verdict,
    message: clip(sentence(judgement, consideration, action, recentActions[0]), TEXT),
    signals: judgement.signals
      .slice(0, MOST_SIGNALS)
      .map((signal) => ({...signal, name: clip(signal.name, SHORT), value: clip(signal.value, SHORT)})),
    ruledOut: judgement.ruledOut.map(({verdict: other, reason}) => ({verdict: other, reason: clip(reason, TEXT)})),
    considered: consideration.considered.map((one) => ({...one, reason: clip(one.reason, TEXT)})),
    ...(consideration.actAt === undefined ? {} : {actAt: iso(consideration.actAt)}),
  };
  return standing !== undefined && key(standing) === key(next) ? standing : next;
}

/** A guard that let nothing pass without an end, and now has one, is news. */
function key({verdict, considered, actAt}: Explanation): string {
  return JSON.stringify([
    verdict,
    actAt !== undefined,
    considered.map(({action, taken, guard}) => [action, taken, guard]),
  ]);
}

function sentence(
  judgement: Judgement,
  {considered}: Consideration,
  action: ActionRecord | undefined,
  last: ActionRecord | undefined,
): string {
  if (action !== undefined) return action.message ?? judgement.reason;
  if (judgement.verdict === 'None') {
    return last?.outcome === undefined
      ? judgement.reason
      : `${judgement.reason} Last action: ${last.outcome}. ${last.message ?? ''}`;
  }
  const done = considered.map(({action: name, taken, reason}) => `${name}${taken ? '' : ' not taken'}: ${reason}.`);
  return [judgement.reason, ...done].join(' ');
}
