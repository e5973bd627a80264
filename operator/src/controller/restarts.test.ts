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

describe('what a person asks for by annotation', () => {
  const serving = async (annotations: Record<string, string>): Promise<Stage> => {
    const stage = new Stage();
    await stage.settle();
    stage.serves(GOOD);
    await stage.settle();
    stage.edit({}, {annotations});
    stage.forgetWrites();
    return stage;
  };

  test('a restart: the fact first, then other pods of the same revision, once for each value', async () => {
    const stage = await serving({'maintenance-api.io/restart': 'one'});
    const {template} = stage;
    await stage.look();
    await stage.look();
    expect(stage.writes.slice(0, 2)).toEqual([`patch ControllerRevision/shop-${GOOD}`, 'apply Deployment/shop']);
    expect(stage.template).toMatchObject({metadata: {annotations: {'maintenance-api.io/restarted': 'one'}}});
    expect(stage.template).not.toEqual(template);
    expect(stage.api?.status).toMatchObject({restart: {value: 'one', revision: GOOD}, revisions: {desired: GOOD}});
    expect(stage.events.filter((event) => event === 'RestartAccepted')).toHaveLength(1);
    stage.serves(GOOD);
    stage.forgetWrites();
    await stage.lookFor(60_000);
    expect(stage.writes.filter((write) => !write.startsWith('patch MaintenanceApi'))).toEqual([]);
    expect(stage.events).not.toContain('RestartAccepted');
    stage.edit({}, {annotations: {'maintenance-api.io/restart': 'two'}});
    await stage.look();
    await stage.look();
    expect(stage.template).toMatchObject({metadata: {annotations: {'maintenance-api.io/restarted': 'two'}}});
  });

  test('a restart of one revision leaves the pods of another as they were (invariant 8)', async () => {
    const stage = new Stage();
    await stage.settle();
    const {template} = stage;
    stage.edit({image: 'registry.example.com/api:bad'}, {annotations: {'maintenance-api.io/restart': 'one'}});
    await stage.settle();
    expect(stage.api?.status?.restart).toBeUndefined();
    stage.edit({image: 'registry.example.com/api:good'});
    await stage.settle();
    expect(stage.template).toEqual(template);
  });

  test('a pause of remediation: it is said while it lasts, and nothing is evicted', async () => {
    const stage = await serving({'maintenance-api.io/pause-remediation': ''});
    stage.serves(GOOD, {hung: 'pod-1', sinceMs: 60_000});
    await stage.look();
    await stage.look();
    expect(stage.api?.status).toMatchObject({
      remediation: {
        paused: 'true',
        lastDecision: {considered: [{action: 'Restart', taken: false, guard: 'Paused'}, {}]},
      },
    });
    expect(evictions(stage)).toEqual([]);
    expect(stage.events).toContain('RemediationPaused');
    stage.edit({}, {annotations: {}});
    await stage.look();
    await stage.look();
    expect(stage.events).toContain('RemediationResumed');
    expect(evictions(stage)).toEqual(['create pods/pod-1/eviction']);
  });
});
