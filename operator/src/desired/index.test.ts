import {describe, expect, test} from '@jest/globals';
import {childLabels, labels, NAME_PATTERN, type Component} from '../api/v1alpha1/index.ts';
import {builders, desiredObjects} from './index.ts';
import {childNames, databaseHosts, databasePodHost, databasePodName, revisionName} from './names.ts';
import type {DesiredInput} from './objects.ts';
import {aMaintenanceApi, desiredInput, externalDatabase, minimalBackup, scenarios} from './testing/scenarios.ts';

interface Object_ {
  metadata: {name: string; labels: Record<string, string>; ownerReferences: object[]};
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

/** Every value in JSON that the API server would not store, by path. */
function unstored(value: unknown, path = ''): string[] {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return [path];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, member]) => unstored(member, `${path}/${key}`));
}

const all = Object.entries(scenarios);

describe('desiredObjects', () => {
  test.each(all)('of %s does not change its input, and gives the same each time', (_, input) => {
    const frozen: DesiredInput = deepFreeze(structuredClone(input));
    expect(JSON.stringify(desiredObjects(frozen))).toBe(JSON.stringify(desiredObjects(structuredClone(input))));
  });

  test.each(all)('of %s is plain JSON without empty values', (_, input) => {
    const objects = desiredObjects(input);
    expect(JSON.parse(JSON.stringify(objects))).toEqual(objects);
    expect(unstored(objects)).toEqual([]);
  });

  test.each(all)('of %s belongs to the resource and carries its labels', (_, input) => {
    const {api} = input;
    for (const {metadata} of desiredObjects(input) as unknown as Object_[]) {
      const component = metadata.labels[labels.component] as Component;
      expect(['api', 'database', 'backup']).toContain(component);
      expect(metadata.labels).toMatchObject(childLabels(api.metadata.name, component));
      expect(metadata.ownerReferences).toEqual([
        {
          apiVersion: 'maintenance-api.io/v1alpha1',
          kind: 'MaintenanceApi',
          name: api.metadata.name,
          uid: api.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ]);
    }
  });

  test('has what pods refer to before the pods', () => {
    const input = desiredInput(aMaintenanceApi({monitoring: {rulesAs: 'None'}}));
    const kinds = desiredObjects(input).map(({kind}) => kind);
    for (const before of ['ServiceAccount', 'ConfigMap', 'Service']) {
      expect(kinds.lastIndexOf(before)).toBeLessThan(kinds.indexOf('StatefulSet'));
      expect(kinds.lastIndexOf(before)).toBeLessThan(kinds.indexOf('Deployment'));
    }
    // No Ingress, no HTTPRoute, no PodMonitor, no backups, and the alert rules in neither of their two forms.
    expect(kinds).toHaveLength(Object.keys(builders).length - 7);
  });

  test('has nothing of a server where somebody else runs one, and a ServiceAccount for backups', () => {
    const named = (api: ReturnType<typeof aMaintenanceApi>): string[] =>
      desiredObjects(desiredInput(api))
        .filter(({metadata}) => metadata.labels?.[labels.component] === 'database')
        .map(({kind, metadata}) => `${kind}/${metadata.name}`);
    expect(named(aMaintenanceApi({database: externalDatabase}))).toEqual([]);
    expect(named(aMaintenanceApi({database: externalDatabase, backup: minimalBackup}))).toEqual([
      'ServiceAccount/shop-mysql',
    ]);
    expect(named(aMaintenanceApi())).toContain('StatefulSet/shop-mysql');
  });

  test('has no object twice', () => {
    for (const [, input] of all) {
      const keys = desiredObjects(input).map(({kind, metadata}) => `${kind}/${metadata.name}`);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test('never mounts the key of the authority', () => {
    for (const [, input] of all) expect(JSON.stringify(desiredObjects(input))).not.toContain('-mysql-ca');
  });
});

describe('the database', () => {
  test("claims volumes that carry no instance, neither by the claim's labels nor by the selector copied to them", () => {
    const {statefulSet} = builders;
    const built = statefulSet?.(desiredInput(aMaintenanceApi())) as unknown as {
      spec: {
        selector: {matchLabels: Record<string, string>};
        template: {metadata: {labels: Record<string, string>}};
        volumeClaimTemplates: {metadata: {labels: Record<string, string>; annotations: Record<string, string>}}[];
      };
    };
    const [claim] = built.spec.volumeClaimTemplates;
    expect({...claim?.metadata.labels, ...built.spec.selector.matchLabels}).not.toHaveProperty([labels.instance]);
    expect(claim?.metadata.annotations).toEqual({'argocd.argoproj.io/sync-options': 'Prune=false'});
    expect(built.spec.template.metadata.labels).toMatchObject(built.spec.selector.matchLabels);
  });
});

describe('names', () => {
  const longest = 'a'.repeat(40);

  test('fit a label for the longest name of a resource', () => {
    expect(longest).toMatch(new RegExp(NAME_PATTERN));
    expect(`${longest}a`).not.toMatch(new RegExp(NAME_PATTERN));
    const {databaseRole, ...others} = childNames(longest);
    const names = [
      ...Object.values(others),
      ...Object.values(databaseRole),
      revisionName(longest, '0'.repeat(12)),
      databasePodName(longest, 9),
      // The StatefulSet controller labels its pods with the name of their revision.
      `${childNames(longest).database}-${'0'.repeat(10)}`,
    ];
    for (const name of names) expect(name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    expect(new Set(Object.values(databaseRole)).size).toBe(5);
  });

  test("the database's certificate names every host by which it is reached", () => {
    const {dns} = databaseHosts('shop', 'apis');
    expect(dns).toContain(childNames('shop').database);
    const [, ...parent] = databasePodHost('shop', 'apis', 0).split('.');
    expect(dns).toContain(['*', ...parent].join('.'));
  });
});
