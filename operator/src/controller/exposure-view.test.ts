import {describe, expect, test} from '@jest/globals';
import type {Condition, MaintenanceApi} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {exposureProblem} from './exposure-view.ts';
import {Stage} from './testing-stage.ts';

const exposure = {host: 'tasks.example.com', gateway: {parentRef: {name: 'public'}}};

/** Asks for a route; `before`: what Ready said of which generation. */
function api(before?: Pick<Condition, 'status' | 'reason' | 'observedGeneration'>): MaintenanceApi {
  const ready = before && {type: 'Ready' as const, message: '', lastTransitionTime: '', ...before};
  return {...aMaintenanceApi({exposure}), ...(ready && {status: {conditions: [ready]}})};
}

describe('a route through a Gateway', () => {
  test('is no problem where the cluster has the kind, or where none is asked for', () => {
    expect(exposureProblem(api(), 'Served')).toBeUndefined();
    expect(exposureProblem(aMaintenanceApi({exposure: {host: 'a.b'}}), 'Absent')).toBeUndefined();
    expect(exposureProblem(aMaintenanceApi(), 'Unknown')).toBeUndefined();
  });

  test('can not be made without the kind: what to do is said', () => {
    expect(exposureProblem(api(), 'Absent')).toMatchObject({
      ...{reason: 'KindMissing', stalled: true},
      message: expect.stringMatching(/no HTTPRoute .*: install the Gateway API, or use spec.exposure.ingress/),
    });
  });

  test.each([
    ['True', 'Ready', 1, undefined],
    ['False', 'KindMissing', 1, 'KindMissing'],
    ['True', 'Ready', 0, 'Progressing'],
    ['False', 'NotReady', 1, 'Progressing'],
  ] as const)(
    'while nothing is known: Ready was %s %s of generation %i',
    (status, reason, observedGeneration, told) => {
      expect(exposureProblem(api({status, reason, observedGeneration}), 'Unknown')?.reason).toBe(told);
    },
  );

  test('takes the place of an Ingress, is made as soon as the kind is there, and is only missed without it', async () => {
    const stage = new Stage({exposure});
    const ways = (): string[] => ['Ingress/shop', 'HTTPRoute/shop'].filter((id) => stage.server.objects.has(id));
    await stage.settle();
    expect(ways()).toEqual([]);
    expect(stage.condition('Stalled')).toBe('True KindMissing');
    stage.presence = 'Served';
    await stage.look();
    expect(ways()).toEqual(['HTTPRoute/shop']);
    await stage.look();
    expect(stage.condition('Stalled')).toBe('False NotStalled');
    stage.edit({exposure: {host: 'tasks.example.com'}});
    await stage.settle();
    expect(ways()).toEqual(['Ingress/shop']);
  });
});
