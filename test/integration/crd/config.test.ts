import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {readFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import {parseAllDocuments, parseDocument} from 'yaml';

import {controlPlane, type ControlPlane} from '../../../hack/cluster/index.ts';
import {maintenanceApiCrd, rootOf} from '../../../hack/generate/crd.ts';
import {nodes} from '../../../hack/generate/schema.ts';
import {run} from '../../../hack/lib/exec.ts';
import {silentProgress} from '../../../hack/lib/progress.ts';
import {monitoringDefinitions} from '../../../hack/prometheus/definitions.ts';
import {
  appliedResources,
  definitionResource,
  optionalResources,
  resources,
} from '../../../operator/src/api/v1alpha1/index.ts';
import {rbacFindings, type Manifest, type Role} from './rbac.ts';
import {Server} from './server.ts';

const config = fileURLToPath(new URL('../../../config', import.meta.url));
const OPERATOR = 'system:serviceaccount:maintenance-api-system:maintenance-api-operator';
const SYSTEM = 'maintenance-api-system';
const SERVED = 'served';
const OTHER = 'other';

let control: ControlPlane;
let server: Server;

beforeAll(async () => {
  control = await controlPlane();
  server = new Server(await readFile(control.kubeconfigPath, 'utf8'));
  for (const name of [SERVED, OTHER]) {
    await server.must('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
  }
}, 900_000);

afterAll(async () => {
  await server.close();
  await control.stop();
});

async function kubectl(...args: readonly string[]): Promise<string> {
  const {stdout} = await run([control.kubectlPath, '--kubeconfig', control.kubeconfigPath, ...args]);
  return stdout;
}

async function rendered(folder: string): Promise<readonly Manifest[]> {
  const text = await kubectl('kustomize', `${config}/${folder}`);
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

const apply = (folder: string, ...more: readonly string[]) =>
  kubectl('apply', '--server-side', '--validate=strict', ...more, '-k', `${config}/${folder}`);

/** The Prometheus operator's definitions, so that objects of its kinds can be applied. */
async function installMonitoring(): Promise<void> {
  for (const text of await monitoringDefinitions(silentProgress)) {
    const definition = parseDocument(text).toJS() as Manifest & {spec: {names: {plural: string}}};
    await server.must('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    await server.served(`/apis/monitoring.coreos.com/v1/${definition.spec.names.plural}`);
  }
}

describe('every manifest is applied by the API server', () => {
  test.each([
    ['crd', 2, []],
    ['default', 15, []],
    ['namespace', 2, ['-n', SERVED]],
    ['laptop', 1, []],
    ['samples', 3, ['-n', SERVED]],
    ['prometheus', 1, []],
  ])('config/%s', async (folder, count, more) => {
    if (folder === 'prometheus') await installMonitoring();
    if (folder === 'samples') await server.served('/apis/maintenance-api.io/v1alpha1/maintenanceapis');
    const applied = (await apply(folder, ...more)).trim().split('\n');
    expect(applied).toHaveLength(count);
    expect(applied.filter((line) => !line.endsWith(' serverside-applied'))).toEqual([]);
  });

  test('a sample with an unknown field would not be', async () => {
    const [minimal] = await rendered('samples');
    const broken = {...minimal, spec: {image: 'a:1', unknown: 1}};
    const path = `/apis/maintenance-api.io/v1alpha1/namespaces/${OTHER}/maintenanceapis?fieldValidation=Strict`;
    expect(await server.send('POST', path, broken)).toMatchObject({accepted: false, code: 400});
  });
});

test('the samples have every field but those that would exclude others: the number of pods, a Gateway, and Prometheus as a source', async () => {
  const samples = await rendered('samples');
  const given = samples.flatMap((sample) => [...pathsOf(sample['spec'], 'spec')]);
  const fields = [...nodes(rootOf(maintenanceApiCrd()))].map(({path}) => path);
  const missing = fields.filter((path) => path.startsWith('spec.') && !given.includes(path));
  const excluded = [
    'spec.replicas',
    ...['spec.exposure.gateway', 'spec.exposure.gateway.parentRef'],
    ...['name', 'namespace', 'sectionName'].map((field) => `spec.exposure.gateway.parentRef.${field}`),
    'spec.slo.source.prometheusRef',
    'spec.slo.source.prometheusRef.name',
  ];
  expect(missing.filter((path) => !path.endsWith('{}'))).toEqual(excluded);
});

/** The fields that a value has, as a schema names them. */
function* pathsOf(value: unknown, path: string): Generator<string> {
  yield path;
  if (Array.isArray(value)) for (const item of value) yield* pathsOf(item, `${path}[]`);
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) yield* pathsOf(member, `${path}.${name}`);
}

describe('the operator', () => {
  type PodSpec = Record<string, unknown> & {containers: readonly Record<string, unknown>[]};
  type Deployment = Manifest & {spec: {replicas: number; template: {metadata: object; spec: PodSpec}}};

  const deployment = async () => {
    const found = (await rendered('default')).find(({kind}) => kind === 'Deployment');
    if (found === undefined) throw new Error('there is no Deployment');
    return found as unknown as Deployment;
  };
  const pod = (template: {metadata: object; spec: PodSpec}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {...template.metadata, name: 'tried'},
    spec: template.spec,
  });
  const tried = (object: object) => server.send('POST', `/api/v1/namespaces/${SYSTEM}/pods?dryRun=All`, object);

  test('is admitted by Pod Security restricted, which its namespace enforces', async () => {
    const {template} = (await deployment()).spec;
    expect(await tried(pod(template))).toMatchObject({accepted: true});
    const loosened = template.spec.containers.map((container) => ({...container, securityContext: {}}));
    const verdict = await tried(pod({...template, spec: {...template.spec, containers: loosened}}));
    expect(verdict).toMatchObject({accepted: false, code: 403, message: expect.stringContaining('restricted:latest')});
  });

  test('runs twice, on a read-only root, within 128Mi, with the variables that it reads', async () => {
    const {replicas, template} = (await deployment()).spec;
    const [container] = template.spec.containers;
    expect(replicas).toBe(2);
    expect(container).toMatchObject({
      image: expect.stringMatching(/:\d+\.\d+\.\d+$/),
      resources: {requests: {cpu: '50m', memory: '96Mi'}, limits: {memory: '128Mi'}},
      securityContext: {readOnlyRootFilesystem: true},
      livenessProbe: {httpGet: {path: '/healthz', port: 'health'}},
      readinessProbe: {httpGet: {path: '/readyz', port: 'health'}},
    });
    const names = (container?.['env'] as {name: string}[]).map(({name}) => name);
    const own = ['HEALTH_PORT', 'LOG_LEVEL', 'METRICS_PORT', 'POD_NAME', 'POD_NAMESPACE'];
    const wanted = [...own, 'PROMETHEUS_SERVERS_FILE', 'WATCH_NAMESPACES'];
    expect(names.sort()).toEqual(wanted);
  });
});

/** Whether a user may do something, as the API server's authorizer says. */
async function may(
  user: string,
  verb: string,
  what: {group?: string; resource: string; namespace?: string; name?: string},
) {
  const [resource, subresource] = what.resource.split('/');
  const review = await server.must('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {user, resourceAttributes: {...what, verb, resource, ...(subresource !== undefined && {subresource})}},
  });
  return (review['status'] as {allowed: boolean}).allowed;
}

const groupOf = (apiVersion: string) => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');

/** Children that go with their MaintenanceApi alone. */
const ALWAYS_WANTED = ['deployments', 'statefulsets', 'services', 'serviceaccounts', 'poddisruptionbudgets'];

describe('what the operator may do', () => {
  const watched = Object.values(resources).filter((resource) => resource !== resources.secret);
  const children = [...appliedResources, resources.controllerRevision];

  test.each(watched)('lists and watches $plural everywhere', async ({apiVersion, plural}) => {
    for (const verb of ['list', 'watch']) {
      expect(await may(OPERATOR, verb, {group: groupOf(apiVersion), resource: plural})).toBe(true);
    }
  });

  test.each(optionalResources)('watches the definition of $plural, and no other', async ({apiVersion, plural}) => {
    const group = groupOf(definitionResource.apiVersion);
    const definitions = {group, resource: definitionResource.plural};
    for (const verb of ['list', 'watch']) {
      expect(await may(OPERATOR, verb, {...definitions, name: `${plural}.${groupOf(apiVersion)}`})).toBe(true);
      expect(await may(OPERATOR, verb, {...definitions, name: 'maintenanceapis.maintenance-api.io'})).toBe(false);
      expect(await may(OPERATOR, verb, definitions)).toBe(false);
    }
  });

  test.each(children)(
    'makes and changes $plural, and removes what is not always wanted',
    async ({apiVersion, plural}) => {
      const what = {group: groupOf(apiVersion), resource: plural, namespace: SERVED};
      for (const verb of ['get', 'create', 'patch']) expect(await may(OPERATOR, verb, what)).toBe(true);
      expect(await may(OPERATOR, 'delete', what)).toBe(!ALWAYS_WANTED.includes(plural));
    },
  );

  test.each([
    ['patch', {group: 'maintenance-api.io', resource: 'maintenanceapis/status', namespace: SERVED}],
    ['patch', {group: 'maintenance-api.io', resource: 'maintenanceapis', namespace: SERVED}],
    ['update', {group: 'maintenance-api.io', resource: 'maintenanceapis/finalizers', namespace: SERVED}],
    ['create', {group: 'events.k8s.io', resource: 'events', namespace: SERVED}],
    ['patch', {group: 'events.k8s.io', resource: 'events', namespace: SERVED}],
    ['get', {group: 'coordination.k8s.io', resource: 'leases', namespace: SYSTEM}],
    ['create', {group: 'coordination.k8s.io', resource: 'leases', namespace: SYSTEM}],
    ['update', {group: 'coordination.k8s.io', resource: 'leases', namespace: SYSTEM}],
    ['create', {group: 'maintenance-api.io', resource: 'maintenanceapibackups', namespace: SERVED}],
    ['patch', {group: 'maintenance-api.io', resource: 'maintenanceapibackups/status', namespace: SERVED}],
    ['create', {group: 'batch', resource: 'jobs', namespace: SERVED}],
    ['get', {resource: 'pods', namespace: SYSTEM}],
    ['get', {resource: 'secrets', namespace: SERVED}],
    ['create', {resource: 'secrets', namespace: SERVED}],
    ['patch', {resource: 'secrets', namespace: SERVED}],
  ])('%s of %j', async (verb, what) => {
    expect(await may(OPERATOR, verb, what)).toBe(true);
  });

  test.each([
    ['list', {resource: 'secrets', namespace: SERVED}],
    ['watch', {resource: 'secrets', namespace: SERVED}],
    ['update', {resource: 'secrets', namespace: SERVED}],
    ['delete', {resource: 'secrets', namespace: SERVED}],
    ['get', {resource: 'secrets', namespace: OTHER}],
    ['get', {resource: 'secrets', namespace: SYSTEM}],
    ['list', {resource: 'secrets'}],
    ['delete', {group: 'maintenance-api.io', resource: 'maintenanceapibackups', namespace: SERVED}],
    ['patch', {group: 'maintenance-api.io', resource: 'maintenanceapibackups', namespace: SERVED}],
    ['patch', {group: 'batch', resource: 'jobs', namespace: SERVED}],
    ['delete', {group: 'batch', resource: 'jobs', namespace: SERVED}],
    ['get', {resource: 'pods', namespace: SERVED}],
    ['create', {resource: 'pods', namespace: SERVED}],
    ['delete', {resource: 'pods', namespace: SERVED}],
    ['create', {resource: 'pods/exec', namespace: SERVED}],
    ['get', {resource: 'pods/proxy', namespace: SERVED}],
    ['create', {resource: 'pods/portforward', namespace: SERVED}],
    ['update', {group: 'maintenance-api.io', resource: 'maintenanceapis', namespace: SERVED}],
    ['delete', {group: 'maintenance-api.io', resource: 'maintenanceapis', namespace: SERVED}],
    ['delete', {resource: 'persistentvolumeclaims', namespace: SERVED}],
    ['update', {group: 'coordination.k8s.io', resource: 'leases', namespace: SERVED}],
    ['list', {resource: 'namespaces'}],
    ['list', {resource: 'nodes'}],
    ['create', {group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings'}],
  ])('not %s of %j', async (verb, what) => {
    expect(await may(OPERATOR, verb, what)).toBe(false);
  });
});

describe('the roles', () => {
  test('have no wildcard and no Secrets of the whole cluster', async () => {
    const all = (await Promise.all(['default', 'namespace', 'laptop'].map(rendered))).flat();
    expect(all.filter(({kind}) => kind === 'ClusterRole' || kind === 'Role')).toHaveLength(8);
    expect(rbacFindings(all)).toEqual([]);
  });

  const role = (kind: Role['kind'], rule: object): Manifest => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: {name: 'planted'},
    rules: [rule],
  });

  test.each([
    ['a wildcard of verbs', role('Role', {apiGroups: [''], resources: ['pods'], verbs: ['*']})],
    ['a wildcard of resources', role('ClusterRole', {apiGroups: ['apps'], resources: ['*'], verbs: ['get']})],
    ['a wildcard of subresources', role('Role', {apiGroups: [''], resources: ['pods/*'], verbs: ['get']})],
    ['a wildcard of groups', role('Role', {apiGroups: ['*'], resources: ['pods'], verbs: ['get']})],
    ['a URL', role('ClusterRole', {nonResourceURLs: ['/metrics'], verbs: ['get']})],
    ['Secrets of the cluster', role('ClusterRole', {apiGroups: [''], resources: ['secrets'], verbs: ['get']})],
    ['a list of Secrets', role('Role', {apiGroups: [''], resources: ['secrets'], verbs: ['list']})],
    ['exec', role('Role', {apiGroups: [''], resources: ['pods/exec'], verbs: ['create']})],
    ['escalation', role('Role', {apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['escalate']})],
  ])('are found out for %s', (_what, planted) => {
    expect(rbacFindings([planted])).toHaveLength(1);
  });
});
