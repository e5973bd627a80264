import {createRequire} from 'node:module';
import {dirname} from 'node:path';
import {StandaloneValidator} from '@fastify/ajv-compiler';
import type {Plugin} from 'esbuild';

const VALIDATORS = '@fastify/ajv-compiler';
const SERIALIZERS = '@fastify/fast-json-stringify-compiler';
const NAMESPACE = 'compiled-validator';

/** What checks the parts of requests, as JavaScript that needs no compiler. */
interface Compiled {
  /** CommonJS modules that export one validator each. */
  readonly modules: readonly string[];
  /** Of the part of a route's requests (`POST /api/v1/tasks body`), which of the modules it is. */
  readonly routes: ReadonlyMap<string, number>;
}

/**
 * Puts the validators of the API's schemas into its bundle, in place of what compiles them when a process starts: that would
 * be 4 MiB of every pod's memory, and a part of the time until it is ready. Answers are written by the engine's own
 * JSON.stringify (app.ts), so that the compiler of serializers isn't needed either.
 */
export function compiledValidators(): Plugin {
  return {
    name: 'compiled-validators',
    setup(build) {
      const folder = dirname(createRequire(import.meta.url).resolve(VALIDATORS));
      let compiled: Promise<Compiled> | undefined;
      const once = async (): Promise<Compiled> => (compiled ??= compile());
      build.onResolve({filter: /^@fastify\//}, ({path}) =>
        [VALIDATORS, SERIALIZERS].includes(path) ? {path, namespace: NAMESPACE} : undefined,
      );
      build.onResolve({filter: /^compiled:\d+$/, namespace: NAMESPACE}, ({path}) => ({path, namespace: NAMESPACE}));
      build.onLoad({filter: /.*/, namespace: NAMESPACE}, async ({path}) => {
        if (path === SERIALIZERS) return {contents: `module.exports = () => {throw new Error('no serializers here')};`};
        const {modules, routes} = await once();
        if (path === VALIDATORS) return {contents: selector(routes), resolveDir: folder};
        return {contents: modules[Number(path.slice('compiled:'.length))] ?? '', resolveDir: folder};
      });
    },
  };
}

/** What Fastify takes a compiler of validators from (`schemaController.compilersFactory.buildValidator`). */
function selector(routes: Compiled['routes']): string {
  const entries = [...routes].map(([route, index]) => `${JSON.stringify(route)}: require('compiled:${String(index)}')`);
  return `
    const validators = {${entries.join(', ')}};
    module.exports = () => () => ({method, url, httpPart}) => {
      const validator = validators[[method, url, httpPart].join(' ')];
      if (validator === undefined) throw new Error([method, url, httpPart, 'has no validator in this bundle'].join(' '));
      return validator;
    };`;
}

async function compile(): Promise<Compiled> {
  const {createTestApp} = await import('../api-server/src/testing/test-app.ts');
  const {app} = createTestApp();
  const modules: string[] = [];
  const routes = new Map<string, number>();
  const buildValidator = StandaloneValidator({
    readMode: false,
    storeFunction: ({method, url, httpPart}, code) => {
      if (!modules.includes(code)) modules.push(code);
      routes.set([method, url, httpPart].join(' '), modules.indexOf(code));
    },
  });
  app.setSchemaController({compilersFactory: {buildValidator}});
  await app.ready();
  await app.close();
  return {modules, routes};
}
