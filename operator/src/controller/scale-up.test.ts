import {describe, expect, test} from '@jest/globals';
import type {ActionRecord} from '../api/v1alpha1/index.ts';
import {GOOD, Stage} from './testing-stage.ts';

const record: ActionRecord = {
  ...{id: 'scale-up-1', kind: 'ScaleUp', verdict: 'Overload', targetUid: 'uid', minReplicas: 4},
  ...{state: 'Recorded', recordedAt: '2026-03-02T12:00:00Z', expiresAt: '2026-03-02T12:30:00Z', message: 'load'},
};

async function recorded(): Promise<Stage> {
  const stage = new Stage();
  stage.edit({replicas: undefined, autoscaling: {minReplicas: 2, maxReplicas: 6}});
  await stage.settle();
  stage.serves(GOOD);
  await stage.settle();
  if (stage.api === undefined) throw new Error('there is no resource');
  const status = {
    ...stage.api.status,
    remediation: {mode: 'Auto' as const, ...stage.api.status?.remediation, action: record},
  };
  stage.api = {...stage.api, status};
  stage.forgetWrites();
  return stage;
}

const floor = (stage: Stage): unknown =>
  (stage.server.objects.get('HorizontalPodAutoscaler/shop')?.['spec'] as {minReplicas?: number} | undefined)
    ?.minReplicas;

describe('a floor that was recorded', () => {
  test('is given to the autoscaler, as it was read, and replicas stay the autoscaler’s (invariant 4)', async () => {
    const stage = await recorded();
    const read = stage.server.objects.get('HorizontalPodAutoscaler/shop')?.metadata.resourceVersion;
    await stage.look();
    expect(stage.writes[0]).toBe('apply HorizontalPodAutoscaler/shop');
    expect(stage.applied[0]?.options.resourceVersion).toBe(read);
    expect(floor(stage)).toBe(4);
    expect(stage.writes).not.toContain('apply Deployment/shop');
    expect(stage.api?.status?.replicas?.floor).toEqual({minReplicas: 4, expiresAt: '2026-03-02T12:30:00Z'});
  });

  test('is lowered again when it expires, once, and that is said', async () => {
    const stage = await recorded();
    await stage.lookFor(29 * 60_000, 30_000);
    expect(floor(stage)).toBe(4);
    await stage.lookFor(2 * 60_000, 30_000);
    expect(floor(stage)).toBe(2);
    expect(stage.events).toContain('FloorLowered');
    expect(stage.api?.status?.replicas).not.toHaveProperty('floor');
    expect(stage.writes.filter((write) => write === 'apply HorizontalPodAutoscaler/shop')).toHaveLength(2);
  });
});
