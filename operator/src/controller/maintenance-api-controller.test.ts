import {describe, expect, test} from '@jest/globals';
import {anError} from '../act/testing.ts';
import {labels} from '../api/v1alpha1/index.ts';
import {BAD, GOOD, Stage} from './testing-stage.ts';
import {anObject} from './testing.ts';

describe('a new resource', () => {
  test('gets its revision, then its children, then its status', async () => {
    const stage = new Stage();
    expect(await stage.look()).toEqual({kind: 'wait', afterMs: 50, reason: expect.any(String)});
    expect(stage.writes).toEqual([`create ControllerRevision/shop-${GOOD}`]);
    await stage.settle();
    expect(stage.writes.slice(1)).toEqual([
      'apply ServiceAccount/shop',
      'apply ServiceAccount/shop-mysql',
      'apply ConfigMap/shop-mysql-config',
      'apply ConfigMap/shop-mode',
      'apply NetworkPolicy/shop-mysql',
      'apply NetworkPolicy/shop',
      'apply Service/shop-mysql-pods',
      'apply Service/shop-mysql',
      'apply Service/shop',
      'apply StatefulSet/shop-mysql',
      'apply PodDisruptionBudget/shop',
      'apply Deployment/shop',
      'apply ConfigMap/shop-rules',
      'patch MaintenanceApi/shop',
    ]);
    expect(stage.api?.status).toMatchObject({observedGeneration: 1, revisions: {desired: GOOD, serving: GOOD}});
  });

  test('is left alone when nothing changes: no write at rest', async () => {
    const stage = new Stage();
    await stage.settle();
    await stage.look();
    stage.forgetWrites();
    stage.server.asked.length = 0;
    await stage.lookFor(600_000);
    expect([stage.writes, stage.server.log]).toEqual([[], []]);
  });

  test('whose former revision of the same hash is still being collected waits for that, without haste', async () => {
    const stage = new Stage();
    stage.server.objects.set(`ControllerRevision/shop-${GOOD}`, {
      ...{apiVersion: 'apps/v1', kind: 'ControllerRevision', data: {}},
      metadata: {
        ...{name: `shop-${GOOD}`, namespace: 'apis', uid: 'old', resourceVersion: '1'},
        labels: {[labels.owner]: 'shop'},
        ownerReferences: [{apiVersion: 'v', kind: 'MaintenanceApi', name: 'shop', uid: 'the former', controller: true}],
      },
    });
    const outcome = await stage.look();
    expect(outcome).toMatchObject({kind: 'wait', afterMs: 10_000});
    stage.server.objects.clear();
    await stage.settle();
    expect(stage.api?.status?.revisions?.serving).toBe(GOOD);
  });

  test('whose revision a quota refuses says so, changes nothing, and does not ask at every look', async () => {
    const stage = new Stage();
    stage.refuse = ({verb, object}) => {
      if (verb === 'create' && object.startsWith('ControllerRevision')) throw anError(403, 'Forbidden');
    };
    await stage.lookFor(60_000);
    expect(stage.writes).toEqual([`create ControllerRevision/shop-${GOOD}`, 'patch MaintenanceApi/shop']);
    expect(stage.condition('Ready')).toBe('False ApplyRefused');
  });
});

describe('a rollback', () => {
  test('is carried out by the Deployment first, as it was read, after the suspension is on the revision', async () => {
    const stage = new Stage();
    await stage.rollingBack();
    const read = stage.server.objects.get('Deployment/shop')?.metadata.resourceVersion;
    await stage.look();
    expect(stage.writes.slice(0, 2)).toEqual([`patch ControllerRevision/shop-${BAD}`, 'apply Deployment/shop']);
    expect(stage.applied[0]?.options.resourceVersion).toBe(read);
    stage.forgetWrites();
    await stage.look();
    expect(stage.writes.filter((write) => write.startsWith('apply'))).toEqual([]);
  });

  test('is recorded before anything else is done about it (invariant 6)', async () => {
    const stage = new Stage();
    await stage.released();
    stage.crashLoops();
    stage.edit({release: {schemaGate: 'Off'}});
    stage.forgetWrites();
    expect(await stage.look()).toEqual({kind: 'wait', afterMs: 50, reason: expect.stringContaining('recorded')});
    expect(stage.writes).toEqual(['patch MaintenanceApi/shop']);
    await stage.look();
    expect(stage.api?.status?.remediation?.action).toMatchObject({fromRevision: BAD, toRevision: GOOD});
    expect(stage.writes.slice(1, 3)).toEqual([`patch ControllerRevision/shop-${BAD}`, 'apply Deployment/shop']);
  });

  test('renders what the good revision had, not what the spec asks for (invariant 8)', async () => {
    const stage = new Stage();
    await stage.settle();
    const {template} = stage;
    await stage.rollingBack();
    expect(stage.template).not.toEqual(template);
    await stage.look();
    expect(stage.template).toEqual(template);
  });

  test('is decided again when the Deployment changed meanwhile', async () => {
    const stage = new Stage();
    await stage.rollingBack();
    stage.refuseChild = () => {
      throw anError(409, 'Conflict');
    };
    expect(await stage.look()).toMatchObject({kind: 'retry', afterMs: 500});
    stage.refuseChild = () => undefined;
    await stage.look();
    expect(stage.applied.map(({object}) => object.kind)).toEqual(['Deployment', 'Deployment']);
  });

  test.each<[string, (stage: Stage) => void]>([
    [
      'Secrets that can not be read',
      (stage) => {
        stage.secrets = () => Promise.reject(anError(504, 'Timeout'));
        stage.edit({image: 'registry.example.com/api:bad'}, {annotations: {touched: '1'}});
      },
    ],
    [
      'another child that is refused',
      (stage) => {
        stage.refuseChild = ({kind}) => {
          if (kind !== 'Deployment') throw anError(500, 'InternalError');
        };
        stage.edit({image: 'registry.example.com/api:bad'});
      },
    ],
    [
      'another child that hangs',
      (stage) => {
        for (const id of stage.server.objects.keys()) if (id.startsWith('Service/')) stage.server.objects.delete(id);
        stage.refuseChild = ({kind}) => {
          if (kind !== 'Deployment') throw anError(504, 'Timeout');
        };
      },
    ],
  ])('is not held up by %s', async (_what, happens) => {
    const stage = new Stage();
    await stage.rollingBack();
    happens(stage);
    await stage.look();
    expect(stage.applied.map(({object}) => object.kind)).toContain('Deployment');
    const template = stage.server.objects.get('Deployment/shop')?.['spec'] as {
      template: {metadata: {labels: Record<string, string>}};
    };
    expect(template.template.metadata.labels[labels.revision]).toBe(GOOD);
  });

  test('goes on after a restart during which Secrets can not be read', async () => {
    const stage = new Stage();
    await stage.rollingBack();
    const next = new Stage({image: 'registry.example.com/api:bad'});
    for (const [id, object] of stage.server.objects) next.server.objects.set(id, object);
    next.api = stage.api;
    next.secrets = () => Promise.reject(anError(504, 'Timeout'));
    await next.look();
    await next.look();
    expect(next.applied.map(({object}) => object.kind)).toContain('Deployment');
  });
});

describe('while paused', () => {
  test('children are left alone, and status says so', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({paused: true, image: 'registry.example.com/api:bad', replicas: 5});
    stage.server.objects.delete('Service/shop');
    stage.forgetWrites();
    await stage.settle();
    expect(stage.writes).toEqual([`create ControllerRevision/shop-${BAD}`, 'patch MaintenanceApi/shop']);
    expect(stage.condition('Paused')).toBe('True Paused');
    expect(stage.api?.status?.observedGeneration).toBe(2);
  });
});

describe('a standing fault', () => {
  test('of a child costs one request in two minutes, and ends in a condition that names it', async () => {
    const stage = new Stage();
    stage.refuseChild = ({kind}) => {
      if (kind === 'StatefulSet') throw anError(422, 'Invalid');
    };
    await stage.settle();
    stage.forgetWrites();
    await stage.lookFor(60_000);
    expect(stage.writes.filter((write) => write.includes('StatefulSet')).length).toBeLessThanOrEqual(1);
    expect(stage.condition('Stalled')).toBe('True ApplyRefused');
    expect(stage.api?.status?.conditions?.[0]?.message).toContain('StatefulSet "shop-mysql" was refused');
    stage.refuseChild = () => undefined;
    stage.edit({}, {annotations: {touched: '1'}});
    stage.forgetWrites();
    await stage.settle();
    expect(stage.writes).toContain('apply StatefulSet/shop-mysql');
  });

  test('of status costs at most 6 requests a minute, though its pods are read all the time', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({replicas: 3});
    stage.refuse = ({object}) => {
      if (object === 'MaintenanceApi/shop') throw anError(422, 'Invalid');
    };
    stage.forgetWrites();
    for (let second = 0; second < 600; second++) {
      await stage.look();
      await stage.clock.advance(1_000);
    }
    expect(stage.writes.filter((write) => write.includes('MaintenanceApi')).length).toBeLessThanOrEqual(8);
    stage.refuse = () => undefined;
    await stage.clock.advance(120_000);
    expect(await stage.look()).toMatchObject({reason: 'looking again'});
  });

  test('that passes by itself is tried again by the queue', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({replicas: 3});
    stage.refuse = () => {
      throw anError(503);
    };
    expect(await stage.look()).toMatchObject({kind: 'retry', error: {kind: 'Unavailable'}});
    stage.refuse = () => undefined;
    expect(await stage.look()).toMatchObject({kind: 'wait', reason: 'looking again'});
  });
});

describe('a resource that goes', () => {
  test('with its namespace ends in no error', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.server.objects.delete('Service/shop');
    stage.refuseChild = () => {
      throw anError(403, 'Forbidden', ['metadata.namespace']);
    };
    expect(await stage.look()).toEqual({kind: 'done'});
    expect(stage.logger.lines).toEqual([]);
  });

  test('leaves no timer and is asked for nothing', async () => {
    const stage = new Stage();
    stage.server.objects.set('Pod/shop-mysql-0', anObject('shop-mysql-0', {status: {podIP: '10.0.0.7'}}));
    await stage.settle();
    await stage.look();
    expect(stage.clock.pending).toBe(2);
    stage.api = undefined;
    expect(await stage.look()).toEqual({kind: 'done'});
    expect(stage.events).toContain('forget apis/shop');
    stage.server.asked.length = 0;
    await stage.clock.advance(600_000);
    expect([stage.clock.pending, stage.server.log, stage.enqueued]).toEqual([0, [], stage.enqueued]);
  });

  test('slowly, for the sake of a finalizer, is left alone from its deletion on', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({}, {deletionTimestamp: '2026-03-02T12:00:00Z'});
    stage.forgetWrites();
    stage.server.objects.clear();
    expect(await stage.look()).toEqual({kind: 'done'});
    expect(stage.writes).toEqual([]);
  });

  test('is one of another version: it is left alone, and that is said once', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.unusable = 'spec.image: not valid';
    stage.forgetWrites();
    for (let i = 0; i < 5; i++) expect(await stage.look()).toEqual({kind: 'done'});
    expect([stage.writes, stage.logger.messages('error'), stage.clock.pending]).toEqual([
      [],
      [expect.stringContaining('Leaving the resource alone')],
      0,
    ]);
  });
});

describe('a retry', () => {
  test('that names no revision is answered once, and taken away', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({}, {annotations: {'maintenance-api.io/retry': 'nonsense'}});
    stage.forgetWrites();
    await stage.look();
    expect(stage.events).toEqual(['RetryUnknown']);
    const patch = stage.server.asked.find(({body}) => Array.isArray(body) && JSON.stringify(body).includes('retry'));
    expect(patch?.body).toEqual([
      {op: 'test', path: '/metadata/annotations/maintenance-api.io~1retry', value: 'nonsense'},
      {op: 'remove', path: '/metadata/annotations/maintenance-api.io~1retry'},
    ]);
  });
});

test('service levels are saved every hour, and a failure of that holds up nothing', async () => {
  const stage = new Stage();
  await stage.settle();
  stage.forgetWrites();
  stage.refuse = ({verb, object}) => {
    if (verb === 'patch' && object === 'ConfigMap/shop-slo') throw anError(403, 'Forbidden');
  };
  await stage.clock.advance(3_600_000);
  expect(await stage.look()).toMatchObject({reason: 'looking again'});
  await stage.lookFor(290_000, 30_000);
  expect(stage.writes.filter((write) => write.includes('shop-slo'))).toHaveLength(1);
  stage.refuse = () => undefined;
  await stage.lookFor(3_900_000, 60_000);
  expect(stage.writes.filter((write) => write.includes('shop-slo'))).toHaveLength(3);
});

describe('before the process ends in good order, what was counted', () => {
  const saves = (stage: Stage): number => stage.writes.filter((write) => write.includes('shop-slo')).length;

  test('is saved for the successor, whenever it was saved last', async () => {
    const stage = new Stage();
    await stage.settle();
    await stage.clock.advance(10 * 60_000);
    await stage.controller.stop(5_000);
    expect(saves(stage)).toBe(1);
    await stage.controller.stop(5_000);
    expect(saves(stage)).toBe(1);
  });

  test('is left where the resource is gone or another of its name is there', async () => {
    const stage = new Stage();
    await stage.settle();
    await stage.clock.advance(10 * 60_000);
    stage.edit({}, {uid: 'another'});
    await stage.controller.stop(5_000);
    stage.api = undefined;
    await stage.controller.stop(5_000);
    expect(saves(stage)).toBe(0);
  });

  test('is not waited for longer than told', async () => {
    const stage = new Stage();
    await stage.settle();
    await stage.clock.advance(10 * 60_000);
    stage.server.patch = () => Promise.withResolvers<never>().promise;
    const stopping = stage.controller.stop(5_000);
    await stage.clock.advance(5_000);
    await expect(stopping).resolves.toBeUndefined();
  });
});
