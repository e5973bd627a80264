import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import type {RouteOptions} from 'fastify';
import {PROBLEM_CODES} from '../problems.ts';
import {createTestApp, TEST_TOKEN, type TestApp} from '../testing/test-app.ts';
import {OPERATIONS, problemsOf, SCHEMAS, type Operation} from './operations.ts';

const PREFIX = '/api/v1';

let api: TestApp;
let routes: RouteOptions[];
beforeEach(async () => {
  api = createTestApp();
  routes = [];
  api.app.addHook('onRoute', (route) => void routes.push(route));
  await api.app.ready();
});
afterEach(() => api.app.close());

interface Described {
  readonly info: {readonly version: string};
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, {readonly parameters: readonly {readonly name: string}[]}>>>
  >;
}

async function describedApi(): Promise<Described> {
  const response = await api.app.inject({method: 'GET', url: `${PREFIX}/openapi.json`});
  expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  return response.json<Described>();
}

function routeOf({method, path}: Operation): RouteOptions | undefined {
  const url = PREFIX + path.replace('{id}', ':id');
  return routes.find((route) => route.url === url && route.method === method.toUpperCase());
}

describe('the description', () => {
  test('is there without a token, and of this release', async () => {
    expect((await describedApi()).info.version).toBe('1.2.3');
  });

  test('has every route of the API, and none besides', () => {
    const served = routes
      .filter(({url, method, schema}) => url.startsWith(`${PREFIX}/tasks`) && schema !== undefined && method !== 'HEAD')
      .map(({url, method}) => `${String(method)} ${url}`);
    const described = OPERATIONS.map(
      ({method, path}) => `${method.toUpperCase()} ${PREFIX}${path.replace('{id}', ':id')}`,
    );
    expect(described.sort()).toEqual(served.sort());
  });

  test.each(OPERATIONS.map((operation): [string, Operation] => [operation.operationId, operation]))(
    'of %s is made of the very schemas that requests are validated by and answers written by',
    (_id, operation) => {
      const {schema} = routeOf(operation) ?? {};
      expect(schema?.body).toBe(operation.body && SCHEMAS[operation.body.schema]);
      expect(schema?.querystring).toBe(operation.query);
      const {status, schema: name} = operation.success;
      expect((schema?.response as Record<number, unknown> | undefined)?.[status]).toBe(name && SCHEMAS[name]);
    },
  );

  test('refers to nothing that is not there', async () => {
    const document = await describedApi();
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
    let followed = 0;
    for (const [, path = ''] of references) {
      followed++;
      const found = path
        .split('/')
        .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document);
      expect([path, found]).toEqual([path, expect.any(Object)]);
    }
    expect(followed).toBeGreaterThan(50);
  });

  test('links to operations and to parameters that they have', async () => {
    const {paths} = await describedApi();
    for (const {success, operationId} of OPERATIONS) {
      for (const [name, link] of Object.entries(success.links ?? {})) {
        const target = OPERATIONS.find((operation) => operation.operationId === link.operationId);
        const taken = paths[target?.path ?? '']?.[target?.method ?? '']?.parameters.map((parameter) => parameter.name);
        expect([operationId, name, taken]).toEqual([
          operationId,
          name,
          expect.arrayContaining(Object.keys(link.parameters)),
        ]);
      }
    }
  });

  test('has every problem that the service knows, and every operation a name of its own', () => {
    const described = new Set(OPERATIONS.flatMap(problemsOf));
    // What isn't an operation has no place in the description.
    const others = ['route-not-found', 'method-not-allowed'];
    expect(PROBLEM_CODES.filter((code) => !described.has(code))).toEqual(others);
    expect(new Set(OPERATIONS.map(({operationId}) => operationId)).size).toBe(OPERATIONS.length);
  });

  test('has examples that are taken', async () => {
    const headers = {authorization: `Bearer ${TEST_TOKEN}`};
    const created = await api.app.inject({method: 'POST', url: `${PREFIX}/tasks`, payload: {title: 'a'}, headers});
    const {id} = created.json<{id: string}>();
    for (const {method, path, body, success} of OPERATIONS.filter((operation) => operation.body !== undefined)) {
      const url = PREFIX + path.replace('{id}', id);
      const answer = await api.app.inject({
        method: method === 'patch' ? 'PATCH' : 'POST',
        url,
        payload: body?.example ?? {},
        headers,
      });
      expect([url, answer.statusCode]).toEqual([url, success.status]);
    }
  });
});
