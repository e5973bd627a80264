/**
 * What a room of the operator may see of the others, as the design has it. Written down here a second time, apart
 * from dependency-cruiser's configuration, so that a slip in either shows.
 */
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  api: [],
  runtime: [],
  slo: ['api'],
  desired: ['api'],
  remediation: ['api', 'slo'],
  observe: ['api', 'runtime'],
  act: ['api', 'runtime'],
  controller: ['api', 'runtime', 'observe', 'slo', 'desired', 'remediation', 'act'],
  backup: ['api'],
  cli: ['api', 'runtime', 'slo'],
};

export const rooms = Object.keys(allowedImports);

/** A module that uses the rooms it names, and is used by what asks for `name`. */
function roomModule(name: string, seen: readonly string[]): string {
  const imports = seen.map((room) => `import {${room}} from '../${room}/index.ts';\n`).join('');
  return `${imports}${imports === '' ? '' : '\n'}export const ${name} = [${[`'${name}'`, ...seen].join(', ')}].flat();\n`;
}

const packageJson = (content: Readonly<Record<string, unknown>>): string => `${JSON.stringify(content, null, 2)}\n`;

const developmentDependencies = [
  ...[
    '@eslint/js',
    '@jest/globals',
    '@swc/core',
    '@swc/jest',
    '@types/node',
    'dependency-cruiser',
    'esbuild',
    'eslint',
  ],
  ...['eslint-config-prettier', 'eslint-plugin-jsdoc', 'jest', 'knip', 'kubernetes-types', 'prettier', 'typescript'],
  ...['typescript-eslint', 'pino'],
];

/** A repository as small as can be that keeps every rule and uses every import that is allowed. */
export const skeleton: Readonly<Record<string, string>> = {
  'package.json': packageJson({
    name: 'skeleton',
    private: true,
    type: 'module',
    workspaces: ['operator', 'api-server'],
    scripts: {check: 'node hack/check.ts', test: 'node hack/test.ts all'},
    devDependencies: Object.fromEntries(developmentDependencies.map((name) => [name, '*'])),
  }),
  'operator/package.json': packageJson({
    name: '@skeleton/operator',
    private: true,
    type: 'module',
    dependencies: {pino: '*'},
  }),
  'api-server/package.json': packageJson({name: '@skeleton/api-server', private: true, type: 'module'}),
  ...Object.fromEntries(
    Object.entries(allowedImports).map(([room, seen]) => [`operator/src/${room}/index.ts`, roomModule(room, seen)]),
  ),
  'operator/src/backup/main.ts': "import {backup} from './index.ts';\n\nprocess.stdout.write(backup.join());\n",
  'operator/src/cli/main.ts': "import {cli} from './index.ts';\n\nconsole.log(cli.join());\n",
  'operator/src/main.ts': `import {pino} from 'pino';

import {controller} from './controller/index.ts';

pino().info(controller.join());
`,
  // Pure code may name a given time, hash, and use Kubernetes' types.
  'operator/src/slo/index.ts': `import {createHash} from 'node:crypto';

import type {Lease} from 'kubernetes-types/coordination/v1.js';

import {api} from '../api/index.ts';

const kind: Lease['kind'] = 'Lease';
const digest = createHash('sha256').update(kind).digest('hex');

export const slo = [...api, new Date(0).toISOString(), digest];
`,
  'operator/src/slo/index.test.ts': `import {expect, test} from '@jest/globals';

import {slo} from './index.ts';

test('has what it is made of', () => {
  expect(slo).toContain('api');
});
`,
  'api-server/src/server.ts': "import {app} from './app.ts';\n\nprocess.stdout.write(app);\n",
  'api-server/src/app.ts': "export const app = 'tasks';\n",
  'hack/generate.ts': `import {join} from 'node:path';

import {pino} from 'pino';

/** What is generated, by path. */
export function generate(): Promise<Map<string, string>> {
  pino({level: 'silent'}).info('generating');
  return Promise.resolve(new Map([[join('crds', 'crd.yaml'), 'kind: CustomResourceDefinition\\n']]));
}
`,
  'crds/crd.yaml': 'kind: CustomResourceDefinition\n',
  'test/README.md': '# Tests\n',
};
