import {describe, expect, test} from '@jest/globals';
import {anError} from '../act/testing.ts';
import {GOOD, Stage} from './testing-stage.ts';

const evictions = (stage: Stage): string[] => stage.writes.filter((write) => write.includes('eviction'));

/** A good revision serves with two pods, one of which hangs for a minute. */
async function hanging(): Promise<Stage> {
  const stage = new Stage();
  await stage.settle();
  stage.serves(GOOD, {hung: 'pod-1', sinceMs: 60_000});
  stage.forgetWrites();
  return stage;
}

describe('a restart', () => {
  test('is recorded before the pod is evicted (invariant 6), which is asked for once', async () => {
    const stage = await hanging();
    await stage.look();
    expect(stage.writes).toEqual(['patch MaintenanceApi/shop']);
    expect(stage.api?.status?.remediation?.action).toMatchObject({kind: 'Restart', targetName: 'pod-1'});
    await stage.look();
    await stage.look();
    expect(evictions(stage)).toEqual(['create pods/pod-1/eviction']);
    expect(stage.server.asked.find(({object}) => object.endsWith('eviction'))?.body).toMatchObject({
      deleteOptions: {preconditions: {uid: 'uid-of-pod-1'}},
    });
    expect(stage.condition('Remediating')).toBe('True Restarting');
    expect(stage.events).toContain('RestartStarted');
  });

  test('that is refused is said, and what serves is left alone', async () => {
    const stage = await hanging();
    stage.refuse = ({object}) => {
      if (object.endsWith('eviction')) throw anError(403, 'Forbidden');
    };
    await stage.look();
    await stage.look();
    expect(stage.api?.status?.conditions?.find(({type}) => type === 'Ready')?.message).toContain(
      'Pod "pod-1" was refused',
    );
    expect(stage.applied).toEqual([]);
  });

  test('goes on as soon as the budget admits it, without being a failure meanwhile', async () => {
    const stage = await hanging();
    stage.refuse = ({object}) => {
      if (object.endsWith('eviction')) throw anError(429, 'TooManyRequests');
    };
    await stage.look();
    expect(await stage.look()).toMatchObject({kind: 'wait', afterMs: 5_000});
    stage.refuse = () => undefined;
    await stage.clock.advance(10_000);
    await stage.look();
    expect(evictions(stage)).toHaveLength(2);
  });

  test('is not begun where the resource was paused after it was recorded', async () => {
    const stage = await hanging();
    await stage.look();
    stage.edit({paused: true});
    await stage.look();
    expect(evictions(stage)).toEqual([]);
  });

  test('is ended with the pod that left, by what its replacement does', async () => {
    const stage = await hanging();
    await stage.look();
    await stage.look();
    stage.server.objects.delete('Pod/pod-1');
    await stage.look();
    expect(stage.api?.status?.remediation?.action).toMatchObject({state: 'Applied'});
    stage.serves(GOOD, {names: ['pod-2', 'pod-3']});
    await stage.lookFor(65_000);
    expect(stage.api?.status?.remediation?.recentActions?.[0]).toMatchObject({kind: 'Restart', outcome: 'Helped'});
    expect(stage.events).toContain('RestartHelped');
    expect(evictions(stage)).toHaveLength(1);
  });
});
