import type {Assessment} from './assessment.ts';
import {blockage} from './blocked.ts';
import {no, yes, type Finding} from './finding.ts';
import {clip, iso} from './text.ts';

/** Pods of the new revision can't be started. It is held, not rejected: it goes on by itself when the cause is gone. */
export function rolloutBlocked(a: Assessment): Finding {
  const blocked = blockage(a);
  if (blocked === undefined) return no('nothing keeps new pods from starting');
  if (a.breaches.length > 0) return no(`blocked (${blocked.reason}), but those pods that do serve breach an objective`);
  return yes(`Pods of revision ${a.serve} can not be started: ${blocked.detail ?? blocked.message}.`, [
    {name: 'new pods', value: clip(blocked.reason, 63), source: 'pod status', time: iso(a.now)},
  ]);
}
