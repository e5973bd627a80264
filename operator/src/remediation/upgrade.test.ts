import {describe, expect, test} from '@jest/globals';
import {decide} from './index.ts';
import {anObservation, aRestart, MINUTE, type ObservationBuilder} from './testing.ts';

const FACT = 'maintenance-api.io/render-version';

/** A newer operator than the one that rendered the pods; `open`: they may be replaced. */
const upgraded = (open = true, observation = anObservation()): ObservationBuilder =>
  observation.with({templates: {newest: 2, database: 1, mayReplace: open}});
/** The API's pods have been replaced. */
const apiDone = (open = true): ObservationBuilder =>
  upgraded(open).knowing('a', {renderVersion: 2}).withDeployment({renderVersion: 2});

const patched = (observation: ObservationBuilder): unknown[] =>
  decide(observation.build()).revisionPatches.flatMap(({hash, annotations}) =>
    annotations[FACT] === undefined ? [] : [[hash, annotations[FACT]]],
  );
const database = (observation: ObservationBuilder): boolean => decide(observation.build()).upgradesDatabase;

describe('pods that an older operator rendered', () => {
  test('are left alone outside of a maintenance window', () => {
    expect(patched(upgraded(false))).toEqual([]);
    expect(database(apiDone(false))).toBe(false);
  });

  test('in a window: those of the API move to the newest templates first, by a fact of their revision', () => {
    expect(patched(upgraded())).toEqual([['a', '2']]);
    expect(database(upgraded())).toBe(false);
  });

  test('the database follows once the new pods are there', () => {
    expect(database(upgraded().knowing('a', {renderVersion: 2}))).toBe(false);
    expect(database(apiDone().withDeployment({rolloutComplete: false}))).toBe(false);
    expect(database(apiDone())).toBe(true);
    expect(patched(apiDone())).toEqual([]);
  });

  test('need nothing once they are current', () => {
    expect(database(apiDone().with({templates: {newest: 2, database: 2, mayReplace: true}}))).toBe(false);
    expect(database(apiDone().with({templates: {newest: 2, database: undefined, mayReplace: true}}))).toBe(false);
  });

  test.each<[string, ObservationBuilder]>([
    ['while a revision rolls out', anObservation().rollingOut('b')],
    ['while an action is under way', anObservation().hanging('a', MINUTE).remediation({action: aRestart()})],
    ['while an objective is breached', anObservation().serving({valid: 1_000, bad: 500})],
    ['while the database does not answer', anObservation().withDatabase({reachable: false})],
    ['while pods come or go', anObservation().withDeployment({rolloutComplete: false})],
    ['in a pause', anObservation().asking({paused: true})],
  ])('are not replaced %s', (_, observation) => {
    expect(patched(upgraded(true, observation))).toEqual([]);
    expect(database(upgraded(true, observation.withDeployment({renderVersion: 2})))).toBe(false);
  });

  test('are replaced whatever remediation may do: it is no action', () => {
    expect(patched(upgraded(true, anObservation().asking({remediation: {mode: 'Observe'}})))).toEqual([['a', '2']]);
  });
});
