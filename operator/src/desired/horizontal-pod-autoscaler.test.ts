import {describe, expect, test} from '@jest/globals';
import type {HorizontalPodAutoscaler} from 'kubernetes-types/autoscaling/v2.js';
import {horizontalPodAutoscaler} from './horizontal-pod-autoscaler.ts';
import {aMaintenanceApi, desiredInput} from './testing/scenarios.ts';

interface Tolerances {
  scaleUp: {tolerance: string};
  scaleDown: {tolerance: string};
}

const fraction = (quantity: string): number =>
  quantity.endsWith('m') ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity);

/** What the autoscaler would do at a utilization, in whole percents: its own comparison, of Kubernetes 1.36. */
function decision(utilization: number, target: number, {scaleUp, scaleDown}: Tolerances): 'up' | 'down' | 'stay' {
  const ratio = utilization / target;
  if (1 - fraction(scaleDown.tolerance) <= ratio && ratio <= 1 + fraction(scaleUp.tolerance)) return 'stay';
  return ratio > 1 ? 'up' : 'down';
}

function build(up: number, down: number): HorizontalPodAutoscaler['spec'] {
  const autoscaling = {
    scaleUp: {cpuPercent: up, windowSeconds: 120},
    scaleDown: {cpuPercent: down, windowSeconds: 300},
  };
  return (horizontalPodAutoscaler(desiredInput(aMaintenanceApi({autoscaling}))) as HorizontalPodAutoscaler).spec;
}

describe('horizontalPodAutoscaler', () => {
  test('has the numbers of the operations guide by default', () => {
    const built = horizontalPodAutoscaler(desiredInput(aMaintenanceApi())) as HorizontalPodAutoscaler;
    expect(built.spec).toMatchObject({
      minReplicas: 2,
      maxReplicas: 20,
      behavior: {
        scaleUp: {stabilizationWindowSeconds: 120, tolerance: '0'},
        scaleDown: {
          stabilizationWindowSeconds: 300,
          tolerance: '579m',
          policies: [{type: 'Percent', value: 50, periodSeconds: 60}],
        },
      },
    });
  });

  test('is not wanted for a fixed number of pods', () => {
    expect(horizontalPodAutoscaler(desiredInput(aMaintenanceApi({replicas: 2})))).toBeUndefined();
  });

  test('acts one percent above the upper and one percent below the lower bound, for every pair of bounds', () => {
    for (let up = 2; up <= 100; up += 1) {
      for (let down = 1; down < up; down += 1) {
        const behavior = build(up, down)?.behavior as unknown as Tolerances;
        const decisions = [up + 1, up, down, down - 1].map((utilization) => decision(utilization, up, behavior));
        expect([up, down, ...decisions]).toEqual([up, down, 'up', 'stay', 'stay', 'down']);
      }
    }
  });
});
