import {describe, expect, test} from '@jest/globals';
import type {KubeRequest} from './client.ts';
import {OpenApiSchemas} from './openapi.ts';

const schemas = {
  'k8s.Hpa': {
    'x-kubernetes-group-version-kind': [{group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler'}],
    properties: {
      apiVersion: {type: 'string'},
      kind: {type: 'string'},
      metadata: {allOf: [{$ref: '#/components/schemas/k8s.Meta'}], default: {}},
      spec: {$ref: '#/components/schemas/k8s.Spec'},
    },
  },
  'k8s.Meta': {properties: {name: {}, namespace: {}, labels: {additionalProperties: {type: 'string'}}}},
  'k8s.Spec': {
    properties: {
      max: {type: 'integer'},
      rules: {type: 'array', items: {allOf: [{$ref: '#/components/schemas/k8s.Rule'}]}},
      byName: {additionalProperties: {$ref: '#/components/schemas/k8s.Rule'}},
      raw: {type: 'object'},
      open: {'x-kubernetes-preserve-unknown-fields': true, properties: {known: {}}},
    },
  },
  'k8s.Rule': {properties: {name: {}, nested: {$ref: '#/components/schemas/k8s.Rule'}}},
};

function aServer() {
  const paths: string[] = [];
  let known = true;
  const client = {
    async request<T>({path}: KubeRequest): Promise<T> {
      paths.push(path);
      const index = {
        paths: known ? {'apis/autoscaling/v2': {serverRelativeURL: '/openapi/v3/apis/autoscaling/v2?h=1'}} : {},
      };
      return (path === '/openapi/v3' ? index : {components: {schemas}}) as T;
    },
  };
  return {paths, client, forget: () => (known = false), learn: () => (known = true)};
}

function anHpa(spec: object) {
  return {apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: {name: 'h', namespace: 'n'}, spec};
}

const kinds = ['HorizontalPodAutoscaler'];

describe('pruning', () => {
  test('an object of known fields is left as it is', async () => {
    const object = anHpa({max: 3, rules: [{name: 'a', nested: {nested: {name: 'b'}}}], byName: {x: {name: 'c'}}});
    const pruned = await new OpenApiSchemas(aServer().client, kinds).prune(object);
    expect(pruned).toEqual({object, unknown: []});
    expect(pruned.object).toBe(object);
  });

  test('unknown fields are left out, at every depth, and named', async () => {
    const pruned = await new OpenApiSchemas(aServer().client, kinds).prune(
      anHpa({max: 3, tolerance: '0', rules: [{name: 'a'}, {nested: {nope: 1}}], byName: {x: {nope: 1}}}),
    );
    expect(pruned.object.spec).toEqual({max: 3, rules: [{name: 'a'}, {nested: {}}], byName: {x: {}}});
    expect(pruned.unknown).toEqual(['.spec.tolerance', '.spec.rules[1].nested.nope', '.spec.byName.x.nope']);
  });

  test('where the server takes anything, so do we', async () => {
    const object = anHpa({raw: {a: {b: 1}}, open: {known: 1, other: 2}});
    expect((await new OpenApiSchemas(aServer().client, kinds).prune(object)).unknown).toEqual([]);
  });

  test('a kind of a version that the server does not describe is left as it is', async () => {
    const object = {...anHpa({nope: 1}), apiVersion: 'other/v1'};
    expect((await new OpenApiSchemas(aServer().client, kinds).prune(object)).object).toBe(object);
  });
});

describe('fetching', () => {
  test('is done once for all objects of a version, also when they come together', async () => {
    const {client, paths} = aServer();
    const cache = new OpenApiSchemas(client, kinds);
    await Promise.all([cache.prune(anHpa({})), cache.prune(anHpa({}))]);
    await cache.prune(anHpa({}));
    expect(paths).toEqual(['/openapi/v3', '/openapi/v3/apis/autoscaling/v2?h=1']);
    cache.clear();
    await cache.prune(anHpa({}));
    expect(paths).toHaveLength(4);
  });

  test('a version that appears later is found then', async () => {
    const server = aServer();
    server.forget();
    const cache = new OpenApiSchemas(server.client, kinds);
    expect((await cache.prune(anHpa({nope: 1}))).unknown).toEqual([]);
    server.learn();
    expect((await cache.prune(anHpa({nope: 1}))).unknown).toEqual(['.spec.nope']);
  });

  test('a failure is not remembered', async () => {
    const server = aServer();
    let broken = true;
    const client = {
      request<T>(request: KubeRequest): Promise<T> {
        return broken ? Promise.reject(new Error('away')) : server.client.request<T>(request);
      },
    };
    const cache = new OpenApiSchemas(client, kinds);
    await expect(cache.prune(anHpa({nope: 1}))).rejects.toThrow('away');
    broken = false;
    expect((await cache.prune(anHpa({nope: 1}))).unknown).toEqual(['.spec.nope']);
  });
});
