import {describe, expect, test} from '@jest/globals';
import type {Observation, PodFacts} from '../remediation/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {readOnlyAnswer} from './read-only-view.ts';

const since = '2026-03-02T12:00:00Z';
const pod = (readOnly: boolean | undefined, change: Partial<PodFacts> = {}): PodFacts => ({
  ...{uid: 'u', name: 'p', revision: 'a', createdAt: 0, ready: true, terminating: false, restarts: 0},
  ...(readOnly === undefined ? {} : {readOnly}),
  ...change,
});
const answer = (asked: boolean, pods: readonly PodFacts[], was = asked): string => {
  const {spec} = aMaintenanceApi({maintenance: {readOnly: asked}});
  const observation = {spec, pods} as Pick<Observation, 'spec' | 'pods'>;
  const {status, reason} = readOnlyAnswer(observation, {maintenance: {readOnly: was, since}});
  return `${status} ${reason}`;
};

describe('the condition ReadOnly', () => {
  test.each<[string, boolean, readonly PodFacts[], string]>([
    ['every pod says that it refuses writes', true, [pod(true), pod(true)], 'True ReadOnly'],
    ['one does not yet', true, [pod(true), pod(false)], 'Unknown ModeChanging'],
    ['an image does not say', true, [pod(undefined)], 'Unknown ModeChanging'],
    ['there is none', true, [], 'Unknown ModeChanging'],
    [
      'only one that leaves or does not serve takes writes',
      true,
      [pod(true), pod(false, {terminating: true}), pod(false, {ready: false})],
      'True ReadOnly',
    ],
    ['nobody asks for it', false, [pod(false)], 'False ReadWrite'],
    ['nobody asks, of an image that does not say', false, [pod(undefined)], 'False ReadWrite'],
  ])('where %s', (_, asked, pods, expected) => {
    expect(answer(asked, pods)).toBe(expected);
  });

  test('says that it ends as long as a pod still refuses', () => {
    expect(answer(false, [pod(true)], true)).toBe('Unknown ModeChanging');
  });
});
