import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {parseAllDocuments} from 'yaml';
import {byOperator} from '../harness/audit.ts';
import type {SeenConnection} from '../harness/isolation/connection-watch.ts';
import {forbidden, granted, used, type PolicyRule} from '../harness/rbac-use.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';

/*
 * What a pod may reach and what the operator may ask for, compared with what they did. Every other story holds its own
 * connections against the policies too (World.leave); this one also opens some that no policy admits.
 */
const WHERE = {namespace: 'isolation', name: 'tasks'} as const;
const STRANGER = {namespace: 'isolation-stranger', name: 'stranger', port: 7000} as const;
const TIMEOUT_MS = 300_000;
const root = join(import.meta.dirname, '../..');
let world: World;

/** Of the local cluster's DNS pods, which have no right to port 53. */
const DNS_PORT = 1053;

/** Rights that no run uses, and why they are granted all the same. */
const UNUSED: Readonly<Record<string, string>> = {
  'update maintenance-api.io/maintenanceapis/finalizers': 'asked of by OwnerReferencesPermissionEnforcement alone',
  'get apps/controllerrevisions': 'read when a revision is there already: after the answer to its creation was lost',
};

/** Rights that another story or test makes use of, before this one or after it. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['get', 'list', 'watch', 'create', 'patch', 'delete'].map((verb) => [
      `${verb} gateway.networking.k8s.io/httproutes`,
      'test/integration/operator/exposure.test.ts: where its definition is installed',
    ]),
  ),
  'create core/pods/eviction': 'restarts: a pod that hangs',
  ...Object.fromEntries(
    ['prometheusrules', 'podmonitors'].flatMap((resource) =>
      ['get', 'list', 'watch', 'create', 'patch', 'delete'].map((verb) => [
        `${verb} monitoring.coreos.com/${resource}`,
        'test/integration/operator/monitoring.test.ts, and prometheus: where its definition is installed',
      ]),
    ),
  ),
  ...Object.fromEntries(
    [
      ...['get', 'create', 'patch', 'delete'].map((verb) => `${verb} batch/cronjobs`),
      ...['create batch/jobs', 'create maintenance-api.io/maintenanceapibackups'],
      'patch maintenance-api.io/maintenanceapibackups/status',
    ].map((right) => [right, 'test/integration/operator/backup.test.ts: a schedule, and a backup now']),
  ),
};

const opens = (client: string, server: string, port: number) => (seen: SeenConnection) =>
  seen.client.startsWith(client) && seen.server.startsWith(server) && seen.port === port;
const database = `${WHERE.namespace}/${WHERE.name}-mysql-0`;
const stranger = `${STRANGER.namespace}/${STRANGER.name}`;
/** What this story opens to be refused. */
const FORBIDDEN = [
  opens(stranger, database, 3306),
  opens(stranger, database, 33062),
  opens(`${WHERE.namespace}/${WHERE.name}-`, stranger, STRANGER.port),
];

async function podIp(namespace: string, selector: string): Promise<string> {
  return waitFor(
    `${selector} has an address`,
    async () => {
      const pods = await world.list<{status: {podIP?: string; phase: string}}>('pods', namespace, selector);
      return pods.find(({status}) => status.phase === 'Running')?.status.podIP;
    },
    60_000,
  );
}

/** A pod that is none of ours: it answers on a port, and knocks where it is told. */
function strangerPod(): object {
  const {namespace, name, port} = STRANGER;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {namespace, name, labels: {app: name}},
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: {runAsNonRoot: true, seccompProfile: {type: 'RuntimeDefault'}},
      containers: [
        {
          name,
          image: world.images.load.ref,
          command: ['node', '-e', `require("net").createServer((s) => s.end()).listen(${String(port)})`],
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ['ALL']}},
        },
      ],
    },
  };
}

/** Opens a connection from within a pod. */
async function knock(namespace: string, pod: string, host: string, port: number): Promise<void> {
  const script = `require("net").connect(${String(port)}, "${host}").on("connect", () => process.exit(0))`;
  await world.kubectl(['exec', '-n', namespace, pod, '--', 'node', '-e', script]);
}

beforeAll(async () => {
  world = await World.join('e2e');
  await world.createNamespace(WHERE.namespace);
  await world.createNamespace(STRANGER.namespace);
  const spec = {deletionPolicy: 'Delete'} as const;
  await world.apply(world.maintenanceApi(WHERE.namespace, WHERE.name, spec), strangerPod());
  await world.waitReady(WHERE, TIMEOUT_MS);
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  await world.kubectl(['delete', 'namespace', STRANGER.namespace, '--wait=false']);
  await world.leave(WHERE.namespace, (seen) => FORBIDDEN.some((is) => is(seen)));
}, 60_000);

describe('the connections of a MaintenanceApi', () => {
  test(
    'are those that its policies admit, and one that they do not is found',
    async () => {
      await world.startLoad(WHERE, {name: 'steady', rate: 20, seconds: 20, writes: 0.2});
      await world.finishedLedger(WHERE.namespace, 'steady', 120);
      const api = await world.list<{metadata: {name: string}}>(
        'pods',
        WHERE.namespace,
        'app.kubernetes.io/component=api',
      );
      const mysql = await podIp(WHERE.namespace, 'app.kubernetes.io/component=database');
      await knock(STRANGER.namespace, STRANGER.name, mysql, 3306);
      await knock(STRANGER.namespace, STRANGER.name, mysql, 33062);
      const other = await podIp(STRANGER.namespace, `app=${STRANGER.name}`);
      await knock(WHERE.namespace, api[0]?.metadata.name ?? '', other, STRANGER.port);
      const seen = await world.connections.stop();
      const between = (client: RegExp, server: RegExp, port: number): SeenConnection[] =>
        seen.filter((one) => client.test(one.client) && server.test(one.server) && one.port === port);
      // All that is in use was seen: a table that stays empty would show nothing.
      expect(between(/^isolation\/steady/, /^isolation\/tasks-/, 8080)).not.toEqual([]);
      expect(between(/^isolation\/tasks-/, /^isolation\/tasks-mysql-0$/, 3306)).not.toEqual([]);
      expect(between(/^isolation\/tasks-/, /^kube-system\/coredns/, DNS_PORT)).not.toEqual([]);
      expect(between(/^maintenance-api-system\//, /^isolation\/tasks-/, 9090)).not.toEqual([]);
      expect(between(/^maintenance-api-system\//, /^isolation\/tasks-mysql-0$/, 33062)).not.toEqual([]);
      const refused = seen.filter((one) => one.refused !== undefined);
      expect(refused.filter((one) => !FORBIDDEN.some((is) => is(one)))).toEqual([]);
      for (const is of FORBIDDEN) expect(refused.filter(is)).toHaveLength(1);
    },
    TIMEOUT_MS,
  );
});

describe('the rights of the operator', () => {
  /** Asks for everything that a resource can ask for after it was made. */
  async function tour(): Promise<void> {
    const gone = async (kind: string, name: string): Promise<void> => {
      await waitFor(
        `${kind} ${name} is gone`,
        async () => ((await world.get(kind, name, WHERE.namespace)) === undefined ? true : undefined),
        60_000,
      );
    };
    await world.patchSpec(WHERE, {
      autoscaling: null,
      replicas: 1,
      networkPolicy: {mode: 'Off'},
      monitoring: {rulesAs: 'None'},
      release: {historyLimit: 2},
      exposure: {host: 'tasks.example.com'},
    });
    await gone('horizontalpodautoscaler', WHERE.name);
    await gone('networkpolicy', WHERE.name);
    await gone('configmap', `${WHERE.name}-rules`);
    await waitFor('the Ingress is there', () => world.get('ingress', WHERE.name, WHERE.namespace), 60_000);
    await world.patchSpec(WHERE, {exposure: null});
    await gone('ingress', WHERE.name);
    for (let release = 1; release <= 6; release++) {
      const before = (await world.api(WHERE.namespace, WHERE.name)).status?.revisions?.desired;
      await world.patchSpec(WHERE, {env: [{name: 'RELEASE', value: String(release)}]});
      await world.waitApi(
        WHERE,
        `release ${String(release)} is known`,
        ({status}) => status?.revisions?.desired !== before,
        60_000,
      );
    }
    for (let time = 0; time < 2; time++) {
      const retry = 'maintenance-api.io/retry';
      await world.kubectl(['annotate', '-n', WHERE.namespace, 'mapi', WHERE.name, `${retry}=000000000000`]);
      await world.waitApi(
        WHERE,
        'the request is answered',
        ({metadata}) => metadata.annotations?.[retry] === undefined,
        60_000,
      );
    }
  }

  test(
    'are all used, and were enough',
    async () => {
      await tour();
      const rendered = await Promise.all(
        ['default', 'namespace'].map((folder) => world.kubectl(['kustomize', join(root, 'config', folder)])),
      );
      const roles = rendered
        .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest))
        .filter(({kind, metadata}) => kind.endsWith('Role') && metadata.name.startsWith('maintenance-api-operator'));
      const rights = granted(roles.flatMap(({rules}) => rules ?? []));
      const unused = await waitFor(
        'every right was used',
        async () => {
          // A watch that goes on has no end in the log yet.
          const uses = used(await world.audit(byOperator, ['ResponseStarted', 'ResponseComplete']));
          const left = rights.filter((right) => !uses.has(right) && !(right in ELSEWHERE));
          if (left.some((right) => !(right in UNUSED))) throw new Error(left.join(', '));
          return left;
        },
        60_000,
      );
      // A right that came into use is no exception any more.
      expect(unused.sort()).toEqual(Object.keys(UNUSED).sort());
      const refused = forbidden(await world.audit(byOperator));
      expect(refused.map(({verb, requestURI}) => `${verb} ${requestURI}`)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

interface Manifest {
  readonly kind: string;
  readonly metadata: {readonly name: string};
  readonly rules?: readonly PolicyRule[];
}
