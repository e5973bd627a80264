import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import type {Deployment} from 'kubernetes-types/apps/v1.js';
import type {PodTemplateSpec} from 'kubernetes-types/core/v1.js';
import {FIELD_MANAGER, REPLICAS_HANDOVER_MANAGER, resources} from '../../../operator/src/api/v1alpha1/index.ts';
import {
  apiTokensSecret,
  authoritySecret,
  backupInputOf,
  backupJob,
  backupKeysSecret,
  builders,
  controllerRevision,
  databaseRoles,
  databaseStateSecret,
  replicasHandover,
  roleSecret,
  serverTlsSecret,
  type DesiredInput,
  type KubeObject,
} from '../../../operator/src/desired/index.ts';
import {backupJobSpec} from '../../../operator/src/desired/backup-job.ts';
import {canonicalQuantity} from '../../../operator/src/desired/quantity.ts';
import {aMaintenanceApi, desiredInput, scenarios} from '../../../operator/src/desired/testing/scenarios.ts';
import type {KubeObject as LiveObject, ResourceRef} from '../../../operator/src/runtime/index.ts';
import {ownedFields, wantedFields} from '../../../operator/src/runtime/owned-fields.ts';
import {createAuthority, issueServerCertificate} from '../../../operator/src/act/pki.ts';
import {installDefinitions, installGatewayDefinitions} from '../../harness/monitoring.ts';
import {namespaces, RealApi, START_TIMEOUT_MS} from '../runtime/real-api.ts';

jest.setTimeout(60_000);

let server: RealApi;

beforeAll(async () => {
  server = await RealApi.start();
  await installDefinitions(server.admin);
  await installGatewayDefinitions(server.admin);
}, START_TIMEOUT_MS);

afterAll(async () => {
  await server.stop();
});

const clusterWide = (apiVersion: string, kind: string, plural: string): ResourceRef => ({
  apiVersion,
  kind,
  plural,
  namespaced: false,
});

function resourceOf({apiVersion, kind}: KubeObject): ResourceRef {
  const found = Object.values(resources).find((ref) => ref.apiVersion === apiVersion && ref.kind === kind);
  if (found === undefined) throw new Error(`${kind} is no resource of the operator's`);
  return found;
}

/** Applies an object as the operator does, and reads it back. */
async function applied(object: KubeObject, fieldManager = FIELD_MANAGER): Promise<LiveObject> {
  const ref = resourceOf(object);
  const {name, namespace} = object.metadata;
  await server.admin.patch(ref, namespace, name, object, {type: 'apply', fieldManager, force: true});
  const live = await server.admin.get(ref, namespace, name);
  if (live === undefined) throw new Error(`${object.kind} ${name} is not there`);
  return live;
}

const inNamespace = (input: DesiredInput, namespace: string): DesiredInput => ({
  ...input,
  api: {...input.api, metadata: {...input.api.metadata, namespace}},
});

/** What one builder makes. */
function built(builder: string, input: DesiredInput): KubeObject {
  const object = builders[builder]?.(input);
  if (object === undefined) throw new Error(`${builder} makes nothing of it`);
  return object;
}

function scenario(name: string): DesiredInput {
  const input = scenarios[name];
  if (input === undefined) throw new Error(`No scenario ${name}`);
  return input;
}

/** Everything that the operator applies for a resource, by builder. */
async function everything(input: DesiredInput): Promise<[string, KubeObject][]> {
  const {api} = input;
  const now = new Date();
  const authority = await createAuthority(now);
  const certificate = await issueServerCertificate(authority, {dns: ['localhost'], ip: []}, now);
  const backup = backupInputOf(input);
  const request = {name: 'wish', uid: '0d9d7d0e-0000-4000-8000-000000000000'};
  const children = Object.entries(builders).map(([name, build]) => [name, build(input)] as const);
  return [
    ...children.flatMap(([name, object]): [string, KubeObject][] => (object === undefined ? [] : [[name, object]])),
    ['controllerRevision', controllerRevision(api, {...input.revision, revision: 3})],
    ...databaseRoles.map((role): [string, KubeObject] => ['roleSecret', roleSecret(api, role, 'Abcdefghij0123456789')]),
    ['databaseStateSecret', databaseStateSecret(api, new Map([[0, 'b5a4b1b0-0000-11f0-8000-000000000000']]))],
    ['authoritySecret', authoritySecret(api, authority)],
    ['serverTlsSecret', serverTlsSecret(api, authority.certificate, certificate)],
    ['backupKeysSecret', backupKeysSecret(api, new Map([['generated-1', Buffer.alloc(32)]]))],
    ...(backup ? [['backupJob', backupJob(backup, 'backup-now', request)] satisfies [string, KubeObject]] : []),
    ['apiTokensSecret', apiTokensSecret(api, [{name: 'demo', token: 'abcdefgh01234567'}])],
  ];
}

describe('what a builder makes is what the API server stores', () => {
  test.each(Object.keys(scenarios))('in %s', async (name) => {
    const namespace = await server.namespace();
    const stored: [string, unknown][] = [];
    const wanted: [string, unknown][] = [];
    for (const [builder, object] of await everything(inNamespace(scenario(name), namespace))) {
      wanted.push([builder, wantedFields(object)]);
      stored.push([builder, ownedFields(await applied(object), FIELD_MANAGER)]);
    }
    expect(stored).toEqual(wanted);
  });

  test('and would not be, if it were spelt otherwise', async () => {
    const namespace = await server.namespace();
    const object = built('statefulSet', inNamespace(scenario('defaults'), namespace));
    const otherwise = JSON.parse(JSON.stringify(object).replaceAll('"512Mi"', '"0.5Gi"')) as KubeObject;
    expect(ownedFields(await applied(otherwise), FIELD_MANAGER)).not.toEqual(wantedFields(otherwise));
    expect(ownedFields(await applied(otherwise), FIELD_MANAGER)).toEqual(wantedFields(object));
  });
});

describe('a change of the spec', () => {
  test('from any scenario to any other is applied, and nothing of the one before is left', async () => {
    const namespace = await server.namespace();
    // The longest name is another resource; a volume's claim can't change.
    const names = ['defaults', 'fixed-replicas', 'one-replica', 'rolled-back', 'full'];
    for (const name of [...names, ...names.toReversed(), 'defaults']) {
      for (const [builder, object] of await everything(inNamespace(scenario(name), namespace))) {
        // Nor can these.
        if (['statefulSet', 'controllerRevision', 'backupJob'].includes(builder)) continue;
        expect([name, builder, ownedFields(await applied(object), FIELD_MANAGER)]).toEqual([
          name,
          builder,
          wantedFields(object),
        ]);
      }
    }
  });

  test('that switches the autoscaler on keeps the number of pods when it is handed over, and only then', async () => {
    const build = (spec: Parameters<typeof aMaintenanceApi>[0], namespace: string): KubeObject =>
      built('deployment', inNamespace(desiredInput(aMaintenanceApi(spec)), namespace));
    const replicasOf = (live: LiveObject): unknown => (live as Deployment).spec?.replicas;

    const without = await server.namespace();
    expect(replicasOf(await applied(build({replicas: 10}, without)))).toBe(10);
    expect(replicasOf(await applied(build({}, without)))).toBe(1);

    const handed = await server.namespace();
    await applied(build({replicas: 10}, handed));
    const {api} = inNamespace(desiredInput(aMaintenanceApi()), handed);
    await applied(replicasHandover(api, 10), REPLICAS_HANDOVER_MANAGER);
    expect(replicasOf(await applied(build({}, handed)))).toBe(10);
    expect(replicasOf(await applied(build({replicas: 4}, handed)))).toBe(4);
  });
});

describe('Pod Security `restricted`', () => {
  const priorityClasses = clusterWide('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses');

  beforeAll(async () => {
    await server.admin.create(namespaces, undefined, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {name: 'restricted', labels: {'pod-security.kubernetes.io/enforce': 'restricted'}},
    });
    await server.admin.create(priorityClasses, undefined, {
      apiVersion: priorityClasses.apiVersion,
      kind: priorityClasses.kind,
      metadata: {name: 'important'},
      value: 1000,
    });
  });

  /** Creates a pod as the controllers would, without keeping it. */
  async function admit({metadata, spec}: PodTemplateSpec): Promise<void> {
    const volumes = [...(spec?.volumes ?? []), {name: 'data', persistentVolumeClaim: {claimName: 'data'}}];
    await server.admin.request({
      method: 'POST',
      path: '/api/v1/namespaces/restricted/pods',
      query: {dryRun: 'All'},
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {name: 'pod', labels: metadata?.labels ?? {}},
        spec: {...spec, volumes},
      },
    });
  }

  const templates = (name: string): PodTemplateSpec[] => [
    ...(['deployment', 'statefulSet'] as const).flatMap((builder) => {
      // Somebody else's database has no pods here.
      if (builder === 'statefulSet' && scenario(name).api.spec.database.external !== undefined) return [];
      const template = (built(builder, scenario(name)) as Deployment).spec?.template;
      if (template === undefined) throw new Error(`${builder} has no template`);
      return template;
    }),
    ...[backupInputOf(scenario(name))].flatMap((backup) => (backup ? [backupJobSpec(backup).template] : [])),
  ];

  test.each(Object.keys(scenarios))('admits the pods of %s', async (name) => {
    for (const template of templates(name)) await admit(template);
  });

  test.each(['allowPrivilegeEscalation', 'capabilities'])('would refuse them without %s', async (field) => {
    for (const template of templates('longest-name')) {
      const {spec} = structuredClone(template);
      const [container] = spec?.containers ?? [];
      if (spec === undefined || container?.securityContext === undefined) throw new Error('There is no container');
      container.securityContext = {...container.securityContext, [field]: undefined};
      await expect(admit({...template, spec})).rejects.toThrow(/violates PodSecurity "restricted/);
    }
  });
});

describe('quantities', () => {
  test.each([
    ...['0.1', '100m', '1000m', '1.5', '1024Mi', '1.5Gi', '0.5Ki', '0.1Gi', '268435456', '128e6', '1E3', '1E', '5e-1'],
    ...['1000000M', '.5', '5.', '+3', '0.0', '0Mi', '0.0000000001', '1536Ki', '1025Ki', '1023.5', '123456789012'],
    ...['1e-3', '12E6', '1.0000000001Ki', '999u', '1234567n', '7Ti', '2048Pi', '1000k', '1e18', 1, 2000, 0],
    ...['1.500', '+7Mi', '00512Mi', '12.', '1.0Ki', '3.14e2'],
  ])('%s is kept in its canonical spelling, which is the same quantity', async (quantity) => {
    const canonical = canonicalQuantity(quantity);
    const quota = await server.admin.request<{spec: {hard: Record<string, string>}}>({
      method: 'POST',
      path: '/api/v1/namespaces/default/resourcequotas',
      query: {dryRun: 'All'},
      body: {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: {name: 'quota'},
        spec: {hard: {'requests.cpu': canonical, 'limits.cpu': quantity}},
      },
    });
    expect(quota.spec.hard['requests.cpu']).toBe(canonical);
    expect(canonicalQuantity(quota.spec.hard['limits.cpu'] ?? '')).toBe(canonical);
  });
});
