import {describe, expect, test} from '@jest/globals';
import * as fc from 'fast-check';
import type {Deployment} from 'kubernetes-types/apps/v1.js';
import type {Container, Volume} from 'kubernetes-types/core/v1.js';
import {RESERVED_ENVIRONMENT, type MaintenanceApiSpecInput} from '../api/v1alpha1/index.ts';
import {deployment, replicasHandover} from './deployment.ts';
import {UnknownRenderVersion} from './render-version.ts';
import {aMaintenanceApi, copyOf, desiredInput, externalDatabase, fullSpec} from './testing/scenarios.ts';

type Input = Partial<MaintenanceApiSpecInput>;

const full = copyOf<MaintenanceApiSpecInput>(fullSpec);
const build = (spec: Input): Deployment => deployment(desiredInput(aMaintenanceApi(spec))) as Deployment;

function containers(built: Deployment): {api: Container; migrate: Container} {
  const {containers: [api] = [], initContainers: [migrate] = []} = built.spec?.template.spec ?? {};
  if (api === undefined || migrate === undefined) throw new Error('A container is missing');
  return {api, migrate};
}

const variables = ({env = []}: Container): Record<string, string | undefined> =>
  Object.fromEntries(env.map(({name, value}) => [name, value]));

const itemsOf = (volume: Volume | undefined): readonly {path: string}[] =>
  (volume?.secret ?? volume?.configMap)?.items ?? [];

describe('the pod template (invariant 8)', () => {
  // Everything that may change while a revision is served, at once and in any combination.
  const elsewhere: fc.Arbitrary<Input> = fc.record(
    {
      replicas: fc.integer({min: 1, max: 50}),
      release: fc.record({
        progressDeadlineSeconds: fc.integer({min: 60, max: 86400}),
        historyLimit: fc.integer({min: 2, max: 50}),
        bakeSeconds: fc.integer({min: 10, max: 86400}),
      }),
      slo: fc.constantFrom(full.slo, undefined),
      remediation: fc.constantFrom(full.remediation, undefined),
      paused: fc.boolean(),
      database: fc.record({
        managed: fc.record({
          image: fc.constantFrom('mysql:8.4', 'mysql:9.7'),
          runAsUser: fc.integer({min: 1, max: 5000}),
        }),
      }),
      image: fc.constantFrom('registry.example.com/maintenance-api:2', 'registry.example.com/maintenance-api:3'),
      env: fc.constantFrom(full.env, undefined),
      podTemplate: fc.constantFrom(full.podTemplate, undefined),
    },
    {requiredKeys: []},
  );

  test('depends on the revision to serve alone, whatever the spec asks for meanwhile', () => {
    const input = desiredInput(aMaintenanceApi(full));
    const template = (spec: Input): string =>
      JSON.stringify((deployment({...input, api: aMaintenanceApi(spec)}) as Deployment).spec?.template);
    const expected = template({});
    fc.assert(
      fc.property(elsewhere, (spec) => {
        expect(template(spec)).toBe(expected);
      }),
    );
  });

  test('is another for another revision, already by its label', () => {
    const one = build({}).spec?.template;
    const other = deployment(desiredInput(aMaintenanceApi(), {references: {'Secret/a': 'changed'}})) as Deployment;
    expect(other.spec?.template).not.toEqual(one);
    const label = 'maintenance-api.io/revision';
    expect({...other.spec?.template.metadata?.labels, [label]: ''}).toEqual({...one?.metadata?.labels, [label]: ''});
    expect(other.spec?.template.spec).toEqual(one?.spec);
  });

  test('of a newer operator is refused instead of rendered otherwise', () => {
    const input = desiredInput(aMaintenanceApi());
    const data = {...input.revision.data, renderVersion: 99};
    expect(() => deployment({...input, revision: {...input.revision, data}})).toThrow(UnknownRenderVersion);
  });
});

describe('the containers', () => {
  test('get every variable of the contract, and migrations their own account', () => {
    const {api, migrate} = containers(build({}));
    const external = containers(build({database: externalDatabase}));
    const all = new Set([api, migrate, external.api, external.migrate].flatMap((one) => Object.keys(variables(one))));
    expect([...all].sort()).toEqual([...RESERVED_ENVIRONMENT].sort());
    expect(migrate.args).toEqual(['migrate']);
    expect(variables(api)).toMatchObject({
      PORT: '8080',
      METRICS_PORT: '9090',
      DB_HOST: 'shop-mysql',
      DB_PORT: '3306',
      DB_NAME: 'tasks_db',
      DB_USER: 'app',
      DB_POOL_SIZE: '10',
    });
  });

  test('see only the passwords of their own account, and never a private key', () => {
    const built = build({});
    const volumes = built.spec?.template.spec?.volumes ?? [];
    const secretsOf = ({volumeMounts = []}: Container): string[] =>
      volumeMounts.flatMap(({name}) => {
        const secret = volumes.find((volume) => volume.name === name)?.secret;
        return (secret?.items ?? []).map(({key}) => `${secret?.secretName ?? ''}/${key}`);
      });
    const {api, migrate} = containers(built);
    expect(secretsOf(api)).toEqual(['shop-api-tokens/tokens', 'shop-mysql-app/password', 'shop-mysql-tls/ca.crt']);
    expect(secretsOf(migrate)).toEqual(['shop-mysql-migrate/password', 'shop-mysql-tls/ca.crt']);
    expect(volumes.every(({secret}) => secret === undefined || (secret.items ?? []).length > 0)).toBe(true);
  });

  test('find each file where the variable says that it is', () => {
    const built = build({});
    for (const container of Object.values(containers(built))) {
      const files = Object.entries(variables(container)).filter(([name]) => name.endsWith('_FILE'));
      expect(files.length).toBeGreaterThanOrEqual(2);
      for (const [, path = ''] of files) {
        const mount = container.volumeMounts?.find(({mountPath}) => path.startsWith(`${mountPath}/`));
        const volume = built.spec?.template.spec?.volumes?.find(({name}) => name === mount?.name);
        expect(itemsOf(volume).map((item) => `${mount?.mountPath ?? ''}/${item.path}`)).toEqual([path]);
      }
    }
  });

  test('use a database of somebody else by the Secrets that are named, and say what is wrong with it', () => {
    const built = build({database: externalDatabase});
    const {api, migrate} = containers(built);
    expect(variables(api)).toMatchObject({
      DB_HOST: externalDatabase.external.host,
      DB_PORT: '3307',
      DB_NAME: 'repairs',
    });
    const userOf = (container: Container, name: string) => container.env?.find((one) => one.name === name)?.valueFrom;
    expect(userOf(api, 'DB_USER')).toEqual({secretKeyRef: {name: 'repairs-app', key: 'username'}});
    expect(userOf(migrate, 'MIGRATE_DB_USER')).toEqual({secretKeyRef: {name: 'repairs-migrate', key: 'username'}});
    expect(variables(migrate)).toMatchObject({TERMINATION_LOG: '/dev/termination-log'});
    const mounted = built.spec?.template.spec?.volumes?.flatMap(({name, secret}) =>
      secret === undefined
        ? []
        : [`${name}: ${secret.secretName ?? ''}/${(secret.items ?? []).map(({key}) => key).join()}`],
    );
    expect(mounted).toEqual([
      'database-app: repairs-app/password',
      'database-migrate: repairs-migrate/password',
      'database-ca: databases-ca/ca.crt',
      'tokens: shop-api-tokens/tokens',
    ]);
  });

  test('have longer to end than they take to drain', () => {
    const built = build({});
    const drain = Number(variables(containers(built).api)['DRAIN_SECONDS']);
    // The contract gives what is under way another 15 s.
    expect(built.spec?.template.spec?.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(drain + 15 + 5);
  });
});

describe('the spec', () => {
  test('leaves replicas to the autoscaler, which is the default (invariant 4)', () => {
    expect(build({}).spec).not.toHaveProperty('replicas');
    expect(build({autoscaling: full.autoscaling}).spec).not.toHaveProperty('replicas');
    expect(build({replicas: 3}).spec?.replicas).toBe(3);
  });

  test('takes no pod away before another one is available', () => {
    expect(build({}).spec).toMatchObject({
      minReadySeconds: 15,
      strategy: {type: 'RollingUpdate', rollingUpdate: {maxUnavailable: 0, maxSurge: '25%'}},
    });
  });

  test("pod labels of the spec can not take the operator's place", () => {
    const labels = build(full).spec?.template.metadata?.labels;
    expect(labels).toMatchObject({team: 'plumbing', 'app.kubernetes.io/instance': 'shop'});
    expect(labels).toMatchObject(build(full).spec?.selector.matchLabels ?? {});
  });

  test('replicas are handed over by an object that holds nothing else', () => {
    expect(replicasHandover(aMaintenanceApi(), 6)).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {name: 'shop', namespace: 'apis'},
      spec: {replicas: 6},
    });
  });
});
