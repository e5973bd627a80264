import type {Assessment} from './assessment.ts';
import {no, yes, type Finding} from './finding.ts';
import {clip, iso, list} from './text.ts';
import {badRevision} from './verdict-bad-revision.ts';

/**
 * What would be a bad revision, but began when the content of a Secret or ConfigMap changed to which the last known good
 * one refers as well: that one's pods would read the new content too, so going back to it changes nothing.
 */
export function configChange(a: Assessment): Finding {
  const changed = changedReferences(a);
  if (changed.length === 0) return no('nothing that the last known good revision refers to has changed since');
  const found = badRevision(a);
  if (!found.holds) return no(`${list(changed)} changed, but ${found.reason}`);
  const seen = iso(a.revisions.get(a.serve ?? '')?.createdAt ?? a.now);
  return yes(`The content of ${list(changed)} changed, which was seen at ${seen}. ${found.reason}`, [
    ...changed.slice(0, 4).map((name) => ({
      ...{name: 'changed content', value: clip(name, 63), source: 'hashes of referenced objects', time: seen},
    })),
    ...(found.signals ?? []),
  ]);
}

/**
 * Secrets and ConfigMaps that the served revision and the last known good one both refer to, with other contents.
 *
 * @param a the assessment
 * @returns as a person says them, `Secret "name"`
 */
export function changedReferences({revisions, serve, target}: Assessment): readonly string[] {
  const [now, before] = [revisions.get(serve ?? '')?.references ?? {}, target?.references ?? {}];
  return Object.keys(now)
    .filter((id) => before[id] !== undefined && before[id] !== now[id])
    .sort()
    .map((id) => `${id.replace('/', ' "')}"`);
}
