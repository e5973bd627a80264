import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {resources} from '../../../operator/src/api/v1alpha1/index.ts';
import type {KubeObject} from '../../../operator/src/runtime/index.ts';
import {isWrite, readAudit, type AuditEvent} from '../../harness/audit.ts';
import {everyObject} from '../../harness/objects.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {waitFor} from '../../harness/wait.ts';

/*
 * Invariants 3 and 12, by the API server's audit log: what the operator asks and writes when there is nothing to do, and
 * that no value of a Secret is anywhere but in Secrets. The tests build on one another: at rest, under traffic, after a
 * restart at rest, and at last among refusals that quote what was sent.
 */
const OBSERVED_MS = 75_000;
const SETTLED_MS = 20_000;
/** No traffic at all: a fixed number of pods, an autoscaler, and one that refers to a Secret and a ConfigMap. */
const QUIET = ['fixed', 'autoscaled', 'referring'];
const STEADY = 'steady';
const TIMEOUT_MS = 300_000;
const BOX_VALUE = 'a value of the user, which no one but pods may see';
/** What an admission policy of the test puts before the values that it quotes. */
const QUOTED = 'quoted-by-admission';

let world: Simulation;
let operator: ReturnType<Simulation['startOperator']>;

const shown = ({verb, requestURI}: AuditEvent): string => `${verb} ${requestURI}`;

async function create(ref: (typeof resources)[keyof typeof resources], object: KubeObject): Promise<void> {
  await world.client.create(ref, object.metadata.namespace, object);
}

/** Waits until an operator has asked for nothing for a while. */
async function settled(process: typeof operator): Promise<void> {
  await waitFor(
    'the operator has nothing more to do',
    async () => {
      const late = await world.requests({process, from: Date.now() - SETTLED_MS});
      if (late.length > 0) throw new Error(late.slice(-5).map(shown).join('; '));
      return true;
    },
    TIMEOUT_MS / 2,
  );
}

beforeAll(async () => {
  world = await Simulation.start();
  operator = world.startOperator({LOG_LEVEL: 'trace'});
  await Promise.all(QUIET.map((namespace) => world.scene(namespace, 0)));
  await world.scene(STEADY, 50);
  const box = {name: 'box', namespace: 'referring'};
  await create(resources.secret, {apiVersion: 'v1', kind: 'Secret', metadata: box, stringData: {value: BOX_VALUE}});
  await create(resources.configMap, {apiVersion: 'v1', kind: 'ConfigMap', metadata: box, data: {value: 'plain'}});
  await world.create('fixed');
  await world.create('autoscaled', {replicas: undefined, autoscaling: {minReplicas: 2, maxReplicas: 5}});
  await world.create('referring', {
    env: [
      {name: 'SECRET', valueFrom: {secretKeyRef: {name: 'box', key: 'value'}}},
      {name: 'PLAIN', valueFrom: {configMapKeyRef: {name: 'box', key: 'value'}}},
    ],
  });
  await world.create(STEADY);
  await world.good(STEADY);
  for (const namespace of QUIET)
    await world.until(namespace, 'ready', (api) => conditionOf(api, 'Ready') === 'True Ready');
  await settled(operator);
}, TIMEOUT_MS);

afterAll(async () => {
  await world.stop();
});

describe('at rest', () => {
  test(
    'nothing is asked of the API server but the Lease and watches, and traffic makes no write',
    async () => {
      const from = Date.now();
      await new Promise((resolve) => setTimeout(resolve, OBSERVED_MS));
      expect((await world.requests({from})).map(shown)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'an operator that is started anew writes nothing',
    async () => {
      operator.kill('SIGKILL');
      const from = Date.now();
      operator = world.startOperator({LOG_LEVEL: 'trace'});
      const names = [...QUIET, STEADY];
      await waitFor(
        'the new one has looked at every resource',
        async () => {
          const requests = await world.requests({process: operator, from});
          const looked = names.every((namespace) =>
            requests.some(({objectRef}) => objectRef?.namespace === namespace && objectRef.resource === 'secrets'),
          );
          return looked ? true : undefined;
        },
        TIMEOUT_MS / 3,
      );
      await settled(operator);
      const requests = await world.requests({process: operator, from});
      expect(requests.filter(isWrite).map(shown)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe('a value of a Secret', () => {
  test(
    'is in no log, event, status, annotation, ConfigMap or revision, also where Secrets are refused or damaged',
    async () => {
      await world.scene('refusing', 0);
      await refuseSecrets('refusing');
      await world.create('refusing');
      await waitFor(
        'a Secret was refused',
        async () => {
          const refused = await world.requests({namespace: 'refusing', from: 0});
          const found = refused.some(
            ({verb, objectRef, responseStatus}) =>
              verb === 'create' && objectRef?.resource === 'secrets' && responseStatus?.code === 422,
          );
          return found || undefined;
        },
        TIMEOUT_MS / 3,
      );
      await world.client.patch(
        resources.secret,
        'fixed',
        'tasks-mysql-admin',
        {data: {password: null}},
        {type: 'merge'},
      );
      await touch('fixed');
      await world.until('fixed', 'the damage is seen', (api) => conditionOf(api, 'Ready') === 'False AccountsInvalid');

      const objects = await everyObject(world.client);
      const values = secretValues(objects);
      // Passwords, tokens and keys of four resources, and the user's own value.
      expect(values.size).toBeGreaterThan(4 * 10);
      expect(values).toContain(BOX_VALUE);
      const audit = await readAudit(world.plane.auditLogPath, () => true);
      const places = {
        logs: await world.operatorLogs(),
        // The server's own answer is left out: here it quotes, by the policy.
        audit: JSON.stringify(audit.map(({responseStatus: _answer, ...asked}) => asked)),
        objects: JSON.stringify(objects.filter(({kind}) => !['Secret', 'ValidatingAdmissionPolicy'].includes(kind))),
      };
      expect(places.logs).toContain('Became leader');
      expect(places.objects).toContain('ControllerRevision');
      expect(places.objects).toContain('events.k8s.io');
      for (const [place, text] of Object.entries(places)) {
        const leaked = [...values].filter((value) => text.includes(value)).map((value) => `${value.slice(0, 4)}…`);
        expect({place, leaked}).toEqual({place, leaked: []});
        expect({place, quoted: text.includes(QUOTED)}).toEqual({place, quoted: false});
      }
    },
    TIMEOUT_MS,
  );
});

async function touch(namespace: string): Promise<void> {
  const metadata = {annotations: {'example.com/touched': new Date().toISOString()}};
  await world.client.patch(resources.maintenanceApi, namespace, 'tasks', {metadata}, {type: 'merge'});
}

/** An admission policy that refuses every Secret of a namespace, with a message that quotes its data. */
async function refuseSecrets(namespace: string): Promise<void> {
  const policies = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    plural: 'validatingadmissionpolicies',
    namespaced: false,
  };
  const bindings = {
    ...policies,
    kind: 'ValidatingAdmissionPolicyBinding',
    plural: 'validatingadmissionpolicybindings',
  };
  const resourceRules = [
    {apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['secrets']},
  ];
  await world.client.create(policies, undefined, {
    apiVersion: policies.apiVersion,
    kind: policies.kind,
    metadata: {name: 'quoting'},
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {resourceRules},
      validations: [
        {
          expression: 'false',
          messageExpression: `"${QUOTED}: " + string(object.data.map(k, string(object.data[k])).join(","))`,
        },
      ],
    },
  });
  await world.client.create(bindings, undefined, {
    apiVersion: bindings.apiVersion,
    kind: bindings.kind,
    metadata: {name: 'quoting'},
    spec: {
      policyName: 'quoting',
      validationActions: ['Deny'],
      matchResources: {namespaceSelector: {matchLabels: {'kubernetes.io/metadata.name': namespace}}},
    },
  });
  await waitFor(
    'the policy is enforced',
    async () => {
      const probe = {apiVersion: 'v1', kind: 'Secret', metadata: {name: 'probe', namespace}};
      const answer = await world.client
        .request<object>({
          method: 'POST',
          path: `/api/v1/namespaces/${namespace}/secrets`,
          query: {dryRun: 'All'},
          body: probe,
        })
        .catch((error: unknown) => error);
      return answer instanceof Error || undefined;
    },
    30_000,
  );
}

/** What Secrets hold, whole and by line (a log may break a key into lines), as text and as it is stored. */
function secretValues(objects: readonly KubeObject[]): Set<string> {
  const values = new Set<string>();
  for (const {kind, data} of objects as (KubeObject & {data?: Record<string, string>})[]) {
    if (kind !== 'Secret') continue;
    for (const [key, stored] of Object.entries(data ?? {})) {
      // A certificate is public.
      if (key.endsWith('.crt')) continue;
      const text = Buffer.from(stored, 'base64').toString('utf8');
      if (text.length < 8) continue;
      const parts = [stored, text, ...text.split('\n'), ...text.split(/[\s:]+/)];
      for (const part of parts) if (part.length >= 8 && !part.includes('-----')) values.add(part);
    }
  }
  return values;
}
