import {createRequire} from 'node:module';
import {dirname} from 'node:path';
import {StandaloneValidator} from '@fastify/ajv-compiler';
import type {Plugin} from 'esbuild';

const VALIDATORS = '@fastify/ajv-compiler';
const SERIALIZERS = '@fastify/fast-json-stringify-compiler';
const NAMESPACE = 'compiled-validator';
/** Of the names of the modules, which are numbers. */
const PREFIX = 'compiled:';

/**
 * What checks the parts of requests: of the part of a route's requests (`POST /api/v1/tasks body`) a CommonJS module that
 * exports its validator and needs no compiler.
 */
type Compiled = ReadonlyMap<string, string>;

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
      let compiling: Promise<Compiled> | undefined;
      const once = async (): Promise<Compiled> => (compiling ??= compile());
      build.onResolve({filter: /^@fastify\//}, ({path}) =>
        [VALIDATORS, SERIALIZERS].includes(path) ? {path, namespace: NAMESPACE} : undefined,
      );
      build.onResolve({filter: /^compiled:\d+$/, namespace: NAMESPACE}, ({path}) => ({path, namespace: NAMESPACE}));
      build.onLoad({filter: /.*/, namespace: NAMESPACE}, async ({path}) => {
        if (path === SERIALIZERS) return {contents: `module.exports = () => {throw new Error('no serializers here')};`};
        const compiled = await once();
        const contents =
          path === VALIDATORS ? selector(compiled) : modulesOf(compiled)[Number(path.slice(PREFIX.length))];
        return contents === undefined ? undefined : {contents, resolveDir: folder};
      });
    },
  };
}

/** Each of the modules once: many routes have the same parts. */
function modulesOf(compiled: Compiled): readonly string[] {
  return [...new Set(compiled.values())];
}

/** What Fastify takes a compiler of validators from (`schemaController.compilersFactory.buildValidator`). */
function selector(compiled: Compiled): string {
  const modules = modulesOf(compiled);
  const entries = [...compiled].map(
    ([route, code]) => `${JSON.stringify(route)}: require('${PREFIX}${String(modules.indexOf(code))}')`,
  );
  return `
    const validators = {${entries.join(', ')}};
    module.exports = () => () => ({method, url, httpPart}) => {
      const route = [method, url, httpPart].join(' ');
      const validator = validators[route];
      if (validator === undefined) throw new Error(route + ' has no validator in this bundle');
      return validator;
    };`;
}

async function compile(): Promise<Compiled> {
  const {createTestApp} = await import('../api-server/src/testing/test-app.ts');
  const {app} = createTestApp();
  const compiled = new Map<string, string>();
  const buildValidator = StandaloneValidator({
    readMode: false,
    storeFunction: ({method, url, httpPart}, code) => void compiled.set([method, url, httpPart].join(' '), code),
  });
  app.setSchemaController({compilersFactory: {buildValidator}});
  await app.ready();
  await app.close();
  return compiled;
}
