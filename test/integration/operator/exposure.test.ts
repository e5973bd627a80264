import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {definitionResource, FIELD_MANAGER, resources} from '../../../operator/src/api/v1alpha1/index.ts';
import {desiredObjects} from '../../../operator/src/desired/index.ts';
import {desiredInput} from '../../../operator/src/desired/testing/scenarios.ts';
import type {KubeObject} from '../../../operator/src/runtime/index.ts';
import {ownedFields, wantedFields} from '../../../operator/src/runtime/owned-fields.ts';
import {deleteObject, installGatewayDefinitions} from '../../harness/monitoring.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {waitFor} from '../../harness/wait.ts';

/*
 * A route of the Gateway API in a cluster whose definition comes and goes, with the operator running all the time. The
 * tests build on one another.
 */
const TIMEOUT_MS = 300_000;
const NAMESPACE = 'exposed';
const TASKS = {namespace: NAMESPACE, name: 'tasks'};
const host = 'tasks.example.com';
const gateway = {parentRef: {name: 'public', namespace: 'gateways', sectionName: 'https'}};
const {httpRoute, ingress} = resources;

type Route = KubeObject & {spec: {hostnames: string[]; parentRefs: object[]}};

let world: Simulation;

beforeAll(async () => {
  world = await Simulation.start();
  world.startOperator();
  await world.scene(NAMESPACE, 0);
  await world.create(NAMESPACE, {exposure: {host, gateway}});
}, TIMEOUT_MS);

afterAll(async () => {
  await world.stop();
});

const ready = (reason: string): Promise<unknown> =>
  world.until(NAMESPACE, `Ready is ${reason}`, (api) => conditionOf(api, 'Ready') === reason);

/** Waits for the route, which must be as it was built. */
async function route(holds: (route: Route) => boolean = () => true): Promise<Route> {
  const live = await waitFor(
    'the route',
    async () => {
      const found = await world.client.get<Route>(httpRoute, NAMESPACE, 'tasks');
      return found !== undefined && holds(found) ? found : undefined;
    },
    60_000,
  );
  const wanted = desiredObjects(desiredInput(await world.api(NAMESPACE), {has: 'Served'})).find(
    ({kind}) => kind === httpRoute.kind,
  );
  if (wanted === undefined) throw new Error('no route is wanted');
  expect(ownedFields(live, FIELD_MANAGER)).toEqual(wantedFields(wanted));
  return live;
}

test(
  'without the kind it is missed, by name, and the service serves all the same',
  async () => {
    await ready('False KindMissing');
    const api = await world.until(
      NAMESPACE,
      'available, and a person is told',
      (seen) =>
        conditionOf(seen, 'Available') === 'True Available' && conditionOf(seen, 'Stalled') === 'True KindMissing',
    );
    const {message} = api.status?.conditions?.find(({type}) => type === 'Ready') ?? {};
    expect(message).toContain('install the Gateway API, or use spec.exposure.ingress');
    expect((await world.client.list(ingress, {namespace: NAMESPACE})).items).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'once the kind is installed it is made, as it was built, by the operator that runs',
  async () => {
    await installGatewayDefinitions(world.client);
    expect((await route()).spec.hostnames).toEqual([host]);
    await ready('True Ready');
  },
  TIMEOUT_MS,
);

test(
  'what somebody changes or deletes is put back, and a change of the spec is carried out',
  async () => {
    const hostnames = ['other.example.com'];
    await world.client.patch(httpRoute, NAMESPACE, 'tasks', {spec: {hostnames}}, {type: 'merge'});
    const {metadata} = await route(({spec}) => spec.hostnames[0] === host);
    await deleteObject(world.client, httpRoute, TASKS);
    await route((again) => again.metadata.uid !== metadata.uid);
    await world.patchSpec(NAMESPACE, {exposure: {gateway: {parentRef: {name: 'internal'}}}});
    await route(({spec}) => JSON.stringify(spec.parentRefs).includes('"internal"'));
  },
  TIMEOUT_MS,
);

test(
  'an Ingress takes its place where the spec asks for one, and neither is left without exposure',
  async () => {
    const gone = (ref: typeof httpRoute): Promise<boolean> =>
      waitFor(
        `no ${ref.kind}`,
        async () => ((await world.client.get(ref, NAMESPACE, 'tasks')) === undefined ? true : undefined),
        60_000,
      );
    await world.patchSpec(NAMESPACE, {exposure: {gateway: null, tls: {secretName: 'tasks-tls'}}});
    await waitFor('the Ingress', () => world.client.get(ingress, NAMESPACE, 'tasks'), 60_000);
    await gone(httpRoute);
    await world.patchSpec(NAMESPACE, {exposure: {host, gateway, tls: null}});
    await route();
    await gone(ingress);
    await world.patchSpec(NAMESPACE, {exposure: null});
    await gone(httpRoute);
    await ready('True Ready');
  },
  TIMEOUT_MS,
);

test(
  'when the kind goes it is missed again',
  async () => {
    await world.patchSpec(NAMESPACE, {exposure: {host, gateway}});
    await route();
    await deleteObject(world.client, definitionResource, {name: 'httproutes.gateway.networking.k8s.io'});
    await ready('False KindMissing');
  },
  TIMEOUT_MS,
);
