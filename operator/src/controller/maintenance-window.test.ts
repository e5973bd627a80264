import {describe, expect, test} from '@jest/globals';
import type {MaintenanceApi, MaintenanceApiSpecInput} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {mayInterrupt, nextWindow, windowProblem} from './maintenance-window.ts';
import {upgradeOf} from './upgrade-view.ts';

/** A Monday. */
const NOON = Date.parse('2026-03-02T12:00:00Z');
const HOUR = 3_600_000;

type Windows = NonNullable<MaintenanceApiSpecInput['maintenanceWindows']>;
const withWindows = (...maintenanceWindows: Windows): MaintenanceApi => aMaintenanceApi({maintenanceWindows});
const at = (hour: number, durationSeconds = 7200): Windows[number] => ({
  schedule: `0 ${String(hour)} * * *`,
  durationSeconds,
});

describe('a maintenance window', () => {
  test('is open from its time on for its duration', () => {
    const api = withWindows(at(11));
    expect(mayInterrupt(api, NOON - HOUR - 1)).toBe(false);
    expect(mayInterrupt(api, NOON - HOUR)).toBe(true);
    expect(mayInterrupt(api, NOON + HOUR - 1)).toBe(true);
    expect(mayInterrupt(api, NOON + HOUR)).toBe(false);
  });

  test('is one of several, by the clocks of its zone', () => {
    const api = withWindows(at(3), {...at(13, 600), timeZone: 'Europe/Berlin'});
    expect(mayInterrupt(api, NOON)).toBe(true);
    expect(mayInterrupt(api, NOON + 600_000)).toBe(false);
    expect(nextWindow(api, NOON)).toBe(NOON + 15 * HOUR);
  });

  test('is not there unless asked for', () => {
    expect(mayInterrupt(aMaintenanceApi(), NOON)).toBe(false);
    expect(nextWindow(aMaintenanceApi(), NOON)).toBeUndefined();
    expect(windowProblem(aMaintenanceApi(), NOON)).toBeUndefined();
  });

  test('is not waited for where a person asks for it', () => {
    const api = aMaintenanceApi();
    const annotations = {'maintenance-api.io/upgrade': ''};
    expect(mayInterrupt({...api, metadata: {...api.metadata, annotations}}, NOON)).toBe(true);
  });

  test.each<[string, Windows[number]]>([
    ['an hour that no day has', {schedule: '0 25 * * *'}],
    ['a day that no month has', {schedule: '0 0 31 2 *'}],
    ['a zone that there is not', {schedule: '0 0 * * *', timeZone: 'Nowhere/Here'}],
  ])('that never opens is named: %s', (_, window) => {
    expect(windowProblem(withWindows(at(1), window), NOON)).toContain('spec.maintenanceWindows[1] never opens');
    expect(windowProblem(withWindows(at(1)), NOON)).toBeUndefined();
  });
});

describe('what waits for it', () => {
  const deployment = (renderVersion: number) => ({renderVersion}) as never;
  const seen = (api: number, database: number | undefined) => ({
    ...{now: NOON, deployment: deployment(api)},
    templates: {newest: 2, database, mayReplace: false},
  });

  test('is every child whose pods are of an older generation, and when the next window opens', () => {
    const pending = [
      {kind: 'Deployment', name: 'shop', renderVersion: 1},
      {kind: 'StatefulSet', name: 'shop-mysql', renderVersion: 1},
    ];
    expect(upgradeOf(withWindows(at(3)), seen(1, 1))).toEqual({
      ...{renderVersion: 2, pending, next: '2026-03-03T03:00:00Z'},
    });
    expect(upgradeOf(aMaintenanceApi(), seen(2, 1))).toEqual({renderVersion: 2, pending: pending.slice(1)});
  });

  test('is nothing where all are current, or there are none', () => {
    expect(upgradeOf(withWindows(at(3)), seen(2, 2))).toBeUndefined();
    expect(upgradeOf(withWindows(at(3)), {...seen(2, undefined), deployment: undefined})).toBeUndefined();
  });
});
