import {describe, expect, test} from '@jest/globals';
import {FIELD_MANAGER, labels, REPLICAS_HANDOVER_MANAGER} from '../api/v1alpha1/index.ts';
import type {FieldsV1, KubeObject} from '../runtime/index.ts';
import {
  projectChild,
  projectClaim,
  projectControllerRevision,
  projectDeployment,
  projectPod,
  projectReplicaSet,
} from './projections.ts';

const CREATED = '2026-03-01T10:00:00Z';
const LATER = '2026-03-01T10:05:00Z';
const at = (time: string): number => Date.parse(time);

/** An object of the API server's; `change` is laid over it. */
function raw(kind: string, change: object = {}, labelled: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: {
      name: 'shop',
      namespace: 'apis',
      uid: 'u',
      resourceVersion: '5',
      creationTimestamp: CREATED,
      labels: {[labels.owner]: 'shop', ...labelled},
    },
    ...change,
  };
}

const managed = (manager: string, fieldsV1: FieldsV1, subresource?: string) => ({
  ...{manager, operation: 'Apply', apiVersion: 'apps/v1', time: LATER, fieldsV1},
  ...(subresource === undefined ? {} : {subresource}),
});

describe('a child', () => {
  test('is whose it is, what we own of it, and whether it goes', () => {
    const object = raw('Service', {spec: {a: 1}});
    expect(projectChild(object)).toEqual({owner: 'shop', owned: undefined, deleting: false});
    object.metadata.managedFields = [managed(FIELD_MANAGER, {'f:spec': {'f:a': {}}})];
    object.metadata.deletionTimestamp = LATER;
    expect(projectChild(object)).toEqual({owner: 'shop', owned: expect.stringMatching(/^.{22}$/), deleting: true});
  });

  test('of nobody has no owner', () => {
    const object = raw('Service');
    delete object.metadata.labels;
    expect(projectChild(object).owner).toBeUndefined();
  });
});

describe('a Deployment', () => {
  const spec = {replicas: 3, template: {metadata: {labels: {[labels.revision]: 'abc'}}}};

  test('keeps its rollout', () => {
    const object = raw('Deployment', {
      spec,
      status: {observedGeneration: 4, replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 2},
    });
    object.metadata.generation = 5;
    object.metadata.managedFields = [
      managed('kubectl', {'f:spec': {'f:replicas': {}}}),
      managed(FIELD_MANAGER, {'f:spec': {'f:replicas': {}}}, 'status'),
      managed(FIELD_MANAGER, {'f:spec': {'f:template': {}}}),
    ];
    expect(projectDeployment(object)).toMatchObject({
      revision: 'abc',
      generation: 5,
      observedGeneration: 4,
      appliedAt: at(LATER),
      wanted: 3,
      total: 4,
      updated: 1,
      ready: 3,
      available: 2,
      replicaFailure: undefined,
      ownsReplicas: false,
      replicasHeld: false,
    });
  });

  test('that the controller has not seen yet has none of anything', () => {
    expect(projectDeployment(raw('Deployment', {spec}))).toMatchObject({
      ...{generation: 0, observedGeneration: 0, appliedAt: undefined},
      ...{total: 0, updated: 0, ready: 0, available: 0, wanted: 3, owned: undefined},
    });
    expect(projectDeployment(raw('Deployment'))).toMatchObject({revision: undefined, wanted: 0});
  });

  test('tells who owns its replicas', () => {
    const object = raw('Deployment', {spec});
    const replicas = {'f:spec': {'f:replicas': {}}};
    object.metadata.managedFields = [managed(FIELD_MANAGER, replicas)];
    expect(projectDeployment(object)).toMatchObject({ownsReplicas: true, replicasHeld: false});
    object.metadata.managedFields.push(managed(REPLICAS_HANDOVER_MANAGER, replicas));
    expect(projectDeployment(object)).toMatchObject({ownsReplicas: true, replicasHeld: true});
  });

  test.each([
    [{type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota'}, 'exceeded quota'],
    [{type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate'}, 'FailedCreate'],
    [{type: 'ReplicaFailure', status: 'True'}, 'pods can not be created'],
    [{type: 'ReplicaFailure', status: 'False', message: 'was'}, undefined],
    [{type: 'Available', status: 'True', message: 'well'}, undefined],
  ])('says why its pods can not be created: %j', (condition, replicaFailure) => {
    const status = {conditions: [condition]};
    expect(projectDeployment(raw('Deployment', {spec, status})).replicaFailure).toBe(replicaFailure);
    expect(projectReplicaSet(raw('ReplicaSet', {status})).replicaFailure).toBe(replicaFailure);
  });
});

test('a ReplicaSet keeps its revision and its pods', () => {
  const object = raw('ReplicaSet', {status: {replicas: 2, readyReplicas: 1}}, {[labels.revision]: 'abc'});
  expect(projectReplicaSet(object)).toEqual({
    ...{owner: 'shop', revision: 'abc', image: undefined, ready: 1, total: 2, replicaFailure: undefined},
  });
  expect(projectReplicaSet(raw('ReplicaSet'))).toMatchObject({revision: undefined, ready: 0, total: 0});
});

test.each([
  ['a Deployment', projectDeployment],
  ['a ReplicaSet', projectReplicaSet],
])('%s keeps the image of our container, whatever sidecars were injected before it', (_of, project) => {
  const containers = [
    {name: 'mesh', image: 'mesh:1'},
    {name: 'api', image: 'api:2'},
  ];
  const object = raw('Deployment', {spec: {template: {spec: {containers}}}}, {[labels.component]: 'api'});
  expect(project(object).image).toBe('api:2');
});

test('a claim keeps whether it is bound, and what it goes with', () => {
  const own = {uid: 'u', ownerReferences: []};
  const claim = raw('PersistentVolumeClaim', {spec: {storageClassName: 'fast'}, status: {phase: 'Bound'}});
  expect(projectClaim(claim)).toEqual({...own, owner: 'shop', phase: 'Bound', storageClass: 'fast'});
  expect(projectClaim(raw('PersistentVolumeClaim'))).toEqual({
    ...{...own, owner: 'shop', phase: 'Pending', storageClass: undefined},
  });
});

test('a revision keeps its data and facts, and is none without data', () => {
  const data = {renderVersion: 1, spec: {image: 'a:1'}, database: {}, references: {}};
  const object = raw('ControllerRevision', {revision: 7, data});
  object.metadata.annotations = {'maintenance-api.io/good': CREATED};
  expect(projectControllerRevision(object as Parameters<typeof projectControllerRevision>[0])).toEqual({
    ...{owner: 'shop', data, revision: 7, createdAt: at(CREATED)},
    annotations: {'maintenance-api.io/good': CREATED},
  });
  expect(projectControllerRevision(raw('ControllerRevision'))).toBeUndefined();
});

describe('a pod', () => {
  const API = {[labels.component]: 'api', [labels.revision]: 'abc'};
  const ready = (status: string) => [{type: 'Ready', status, lastTransitionTime: LATER}];
  const container = (change: object = {}) => ({
    name: 'api',
    restartCount: 0,
    imageID: 'sha256:1',
    state: {},
    ...change,
  });
  const pod = (status: object, spec: object = {}) => projectPod(raw('Pod', {status, spec}, API));

  test('that runs', () => {
    const status = {
      phase: 'Running',
      podIP: '10.0.0.7',
      conditions: ready('True'),
      initContainerStatuses: [
        {name: 'migrate', restartCount: 1, state: {terminated: {exitCode: 0, reason: 'Completed'}}},
      ],
      containerStatuses: [container({restartCount: 2, state: {running: {}}})],
    };
    expect(pod(status, {nodeName: 'node-1'})).toEqual({
      owner: 'shop',
      component: 'api',
      revision: 'abc',
      createdAt: at(CREATED),
      ip: '10.0.0.7',
      node: 'node-1',
      phase: 'Running',
      ready: true,
      readySince: at(LATER),
      nodeLost: false,
      terminating: false,
      restarts: 3,
      waiting: undefined,
      lastTermination: undefined,
      unschedulable: undefined,
      imageId: 'sha256:1',
      initFailure: undefined,
    });
  });

  test('that was just created has nothing yet', () => {
    const {status: _status, spec: _spec, ...bare} = raw('Pod', {}, API);
    expect(projectPod(bare)).toMatchObject({
      ...{phase: 'Pending', ip: undefined, node: undefined, ready: false, readySince: undefined, restarts: 0},
      ...{waiting: undefined, imageId: undefined},
    });
  });

  test('that is not ready has no time since when', () => {
    expect(pod({conditions: ready('False')})).toMatchObject({ready: false, readySince: undefined});
  });

  test('that is being deleted says so', () => {
    const object = raw('Pod', {}, API);
    object.metadata.deletionTimestamp = LATER;
    expect(projectPod(object).terminating).toBe(true);
  });

  test.each(['ContainerCreating', 'PodInitializing'])('that is only being started (%s) does not wait', (reason) => {
    const status = {containerStatuses: [container({state: {waiting: {reason}}})]};
    expect(pod(status).waiting).toBeUndefined();
  });

  test('that waits says for what, init containers first, and not at length', () => {
    const pulling = {waiting: {reason: 'ImagePullBackOff', message: 'x'.repeat(5_000)}};
    const status = {
      initContainerStatuses: [{name: 'migrate', restartCount: 0, state: pulling}],
      containerStatuses: [container({state: {waiting: {reason: 'CrashLoopBackOff'}}})],
    };
    expect(pod(status).waiting).toEqual({
      container: 'migrate',
      reason: 'ImagePullBackOff',
      message: 'x'.repeat(512),
    });
    const later = {...status, initContainerStatuses: []};
    expect(pod(later).waiting).toEqual({container: 'api', reason: 'CrashLoopBackOff', message: ''});
  });

  test('that ended before says how, the last end first', () => {
    const before = {terminated: {exitCode: 137, reason: 'OOMKilled', finishedAt: LATER}};
    const status = {containerStatuses: [container({state: {running: {}}, lastState: before})]};
    expect(pod(status).lastTermination).toEqual({reason: 'OOMKilled', exitCode: 137, at: at(LATER)});
    const now = {containerStatuses: [container({state: {terminated: {exitCode: 1}}, lastState: before})]};
    expect(pod(now).lastTermination).toEqual({reason: 'Error', exitCode: 1, at: 0});
  });

  test('has the limit of its own container', () => {
    const limited = (name: string, memory: string): object => ({name, resources: {limits: {memory}}});
    const containers = [limited('a-proxy', '64Mi'), limited('api', '128Mi')];
    expect(pod({}, {containers}).memoryLimit).toBe('128Mi');
    expect(pod({}, {containers: [{name: 'api'}]}).memoryLimit).toBeUndefined();
  });

  test('whose node is silent is told from one that its kubelet says is not ready', () => {
    const conditions = (ready: object, containers = 'True'): object => ({
      conditions: [
        {type: 'Ready', status: 'False', ...ready},
        {type: 'ContainersReady', status: containers},
      ],
    });
    expect(pod(conditions({})).nodeLost).toBe(true);
    expect(pod(conditions({status: 'True'})).nodeLost).toBe(false);
    expect(pod(conditions({}, 'False')).nodeLost).toBe(false);
    // A gate that a load balancer's controller added is the kubelet's word too.
    expect(pod(conditions({reason: 'ReadinessGatesNotReady'})).nodeLost).toBe(false);
    expect(pod({}).nodeLost).toBe(false);
  });

  test('that its node took away says so, unless it was its own doing', () => {
    const low = 'The node was low on resource: memory. Container api was using 90Mi, request is 64Mi.';
    const target = {type: 'DisruptionTarget', status: 'True', lastTransitionTime: LATER};
    const failed = {phase: 'Failed', reason: 'Evicted', message: low, conditions: [target]};
    expect(pod(failed).nodeEviction).toEqual({reason: low, at: at(LATER)});
    expect(pod({...failed, conditions: [], startTime: LATER}).nodeEviction).toMatchObject({at: at(LATER)});
    expect(pod({...failed, reason: 'Terminated', message: 'node shutdown'}).nodeEviction).toBeDefined();
    const own = 'Pod ephemeral local storage usage exceeds the total limit of containers 64Mi.';
    expect(pod({...failed, message: own}).nodeEviction).toBeUndefined();
    expect(pod({...failed, phase: 'Running'}).nodeEviction).toBeUndefined();
    expect(pod({...failed, reason: 'UnexpectedAdmissionError'}).nodeEviction).toBeUndefined();
  });

  test('that no node takes says why', () => {
    const scheduled = {type: 'PodScheduled', status: 'False', reason: 'Unschedulable'};
    expect(pod({conditions: [{...scheduled, message: 'no room'}]}).unschedulable).toBe('no room');
    expect(pod({conditions: [scheduled]}).unschedulable).toBe('Unschedulable');
    expect(pod({conditions: [{...scheduled, status: 'True'}]}).unschedulable).toBeUndefined();
  });

  test('has the image of its own container, not of one that was injected, and none before it was pulled', () => {
    const injected = container({name: 'a-proxy', imageID: 'sha256:2'});
    expect(pod({containerStatuses: [injected, container()]}).imageId).toBe('sha256:1');
    expect(pod({containerStatuses: [container({imageID: ''})]}).imageId).toBeUndefined();
  });

  test('whose init container failed keeps what that said, until it succeeds', () => {
    const failed = (change: object) => pod({initContainerStatuses: [{name: 'init', restartCount: 1, ...change}]});
    const terminated = {exitCode: 1, message: 'DataMissing: the volume is empty\n'};
    expect(failed({state: {terminated}}).initFailure).toBe('DataMissing: the volume is empty');
    expect(failed({state: {running: {}}, lastState: {terminated}}).initFailure).toContain('DataMissing');
    expect(failed({state: {terminated: {exitCode: 2}}}).initFailure).toBe('exit code 2');
    expect(failed({state: {terminated: {exitCode: 0}}, lastState: {terminated}}).initFailure).toBeUndefined();
  });
});
