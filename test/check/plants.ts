import {allowedImports, rooms} from './skeleton.ts';

/** A violation: the file that holds it, its content, and the rule that must be named for it; '' if it only helps. */
export interface Plant {
  readonly rule: string;
  readonly file: string;
  readonly content: string;
}

const pure = 'operator/src/desired';

const impure: readonly (readonly [rule: string, name: string, expression: string])[] = [
  ['no-restricted-syntax', 'date-now', 'Date.now()'],
  ['no-restricted-syntax', 'new-date', 'new Date()'],
  ['no-restricted-syntax', 'date', 'Date()'],
  ['no-restricted-syntax', 'random', 'Math.random()'],
  ['no-restricted-globals', 'timer', 'setTimeout(String, 1)'],
  ['no-restricted-globals', 'process', 'process.pid'],
  ['no-restricted-globals', 'console', 'console'],
  ['no-restricted-globals', 'fetch', 'fetch'],
  ['no-restricted-globals', 'performance', 'performance.now()'],
];

const nested = (depth: number): string => 'if (n > 0) {\n'.repeat(depth) + 'n -= 1;\n' + '}\n'.repeat(depth);

/** One a rule of ESLint that was chosen for this repository. */
export const lintPlants: readonly Plant[] = [
  ...impure.map(([rule, name, expression]) => ({
    rule,
    file: `${pure}/${name}.ts`,
    content: `export const planted = [${expression}];\n`,
  })),
  {
    rule: 'no-restricted-imports',
    file: `${pure}/uuid.ts`,
    content: "import {randomUUID} from 'node:crypto';\n\nexport const planted = randomUUID;\n",
  },
  {
    rule: '@typescript-eslint/no-floating-promises',
    file: 'hack/floating.ts',
    content: "import {readFile} from 'node:fs/promises';\n\nreadFile('x');\n",
  },
  {
    rule: '@typescript-eslint/switch-exhaustiveness-check',
    file: 'hack/switch.ts',
    content: `export function planted(value: 'a' | 'b'): number {
  switch (value) {
    case 'a':
      return 1;
    default:
      return 2;
  }
}
`,
  },
  {rule: '@typescript-eslint/no-explicit-any', file: 'hack/any.ts', content: 'export const planted: any[] = [];\n'},
  {
    rule: '@typescript-eslint/no-non-null-assertion',
    file: 'hack/non-null.ts',
    content: 'export const planted = (value: string | undefined): string => value!;\n',
  },
  {
    rule: '@typescript-eslint/consistent-type-imports',
    file: 'hack/type-import.ts',
    content: "import {Stats} from 'node:fs';\n\nexport type Planted = Stats;\n",
  },
  {
    rule: '@typescript-eslint/no-unused-vars',
    file: 'hack/forgotten.ts',
    content: 'export function planted({a, ...rest}: Readonly<Record<string, number>>): object {\n  return rest;\n}\n',
  },
  {
    rule: 'complexity',
    file: 'hack/complexity.ts',
    content: `export const planted = (n: number): boolean => ${Array.from({length: 13}, (_, i) => `n === ${i}`).join(' || ')};\n`,
  },
  {
    rule: 'max-depth',
    file: 'hack/depth.ts',
    content: `export function planted(given: number): number {\nlet n = given;\n${nested(5)}return n;\n}\n`,
  },
  {
    rule: '@typescript-eslint/max-params',
    file: 'hack/params.ts',
    content: 'export const planted = (a = 1, b = 1, c = 1, d = 1, e = 1, f = 1): number => a + b + c + d + e + f;\n',
  },
  {rule: 'max-lines', file: 'hack/lines.ts', content: `export const planted = \`${'\n'.repeat(400)}\`;\n`},
  {rule: 'eqeqeq', file: 'hack/eqeqeq.ts', content: 'export const planted = (n: number): boolean => n == 1;\n'},
  {
    rule: 'no-warning-comments',
    file: 'hack/comment.ts',
    content: ['// TO', 'DO later\nexport const planted = 1;\n'].join(''),
  },
  {rule: 'no-console', file: 'api-server/src/print.ts', content: "console.log('planted');\n"},
  {
    rule: 'jsdoc/require-jsdoc',
    file: 'operator/src/runtime/undocumented.ts',
    content: 'export function planted(): number {\n  return 1;\n}\n',
  },
  {
    rule: 'syntax',
    file: 'hack/directive.ts',
    content: '// eslint-disable-next-line eqeqeq\nexport const planted = 1;\n',
  },
];

/** Every import of one room by another that the design doesn't allow. */
const roomPlants: readonly Plant[] = rooms.flatMap((from) =>
  rooms
    .filter((to) => to !== from && !allowedImports[from]?.includes(to))
    .map((to) => ({
      rule: `room-${from}`,
      file: `operator/src/${from}/sees-${to}.ts`,
      content: `import {${to}} from '../${to}/index.ts';\n\nexport const planted = ${to};\n`,
    })),
);

const importing = (rule: string, file: string, source: string): Plant => ({
  rule,
  file,
  content: `import '${source}';\n`,
});

/** One a rule of dependency-cruiser, and one a forbidden direction between rooms. */
export const structurePlants: readonly Plant[] = [
  ...roomPlants,
  importing('unknown-room', 'hack/unknown-room.ts', '../operator/src/elsewhere/index.ts'),
  {rule: '', file: 'operator/src/elsewhere/index.ts', content: "import '../api/index.ts';\n"},
  ...rooms.map((room) => importing(`room-${room}`, `operator/src/${room}/sees-wiring.ts`, '../wiring.ts')),
  {rule: '', file: 'operator/src/wiring.ts', content: "import 'pino';\n"},
  ...['slo', 'desired', 'remediation'].flatMap((room) => [
    importing('pure-no-core', `operator/src/${room}/core.ts`, 'node:fs'),
    importing('pure-no-package', `operator/src/${room}/package.ts`, 'pino'),
  ]),
  importing('operator-and-api-share-nothing', 'operator/src/runtime/api.ts', '../../../api-server/src/app.ts'),
  importing('operator-and-api-share-nothing', 'api-server/src/operator.ts', '../../operator/src/api/index.ts'),
  importing('nothing-imports-main', 'hack/main-of-operator.ts', '../operator/src/main.ts'),
  importing('nothing-imports-main', 'hack/main-of-program.ts', '../operator/src/cli/main.ts'),
  importing('nothing-imports-main', 'hack/main-of-api.ts', '../api-server/src/server.ts'),
  importing('product-not-to-tools', 'operator/src/runtime/tools.ts', '../../../hack/generate.ts'),
  importing('product-not-to-tools', 'api-server/src/tools.ts', '../../hack/generate.ts'),
  importing('no-import-of-tests', 'hack/imports-test.ts', '../operator/src/slo/index.test.ts'),
  importing('no-dev-dependency', 'operator/src/runtime/dev.ts', 'esbuild'),
  importing('no-dev-dependency', 'api-server/src/dev.ts', 'esbuild'),
  importing('no-undeclared-dependency', 'operator/src/runtime/undeclared.ts', 'acorn'),
  importing('no-unresolvable', 'hack/unresolvable.ts', './nowhere.ts'),
  importing('no-cycle', 'hack/cycle-a.ts', './cycle-b.ts'),
  importing('', 'hack/cycle-b.ts', './cycle-a.ts'),
  {rule: 'no-orphan', file: 'hack/orphan.ts', content: 'export const planted = 1;\n'},
];

export const typePlants: readonly Plant[] = [
  {rule: 'TS2322', file: 'hack/type.ts', content: "export const planted: number = 'text';\n"},
  {rule: 'TS1294', file: 'test/enum.ts', content: 'export enum Planted {\n  One,\n}\n'},
  {
    rule: 'TS2375',
    file: 'operator/src/runtime/exact.ts',
    content: 'export const planted: {readonly a?: string} = {a: undefined};\n',
  },
  {
    rule: 'TS2322',
    file: 'api-server/src/unchecked.ts',
    content: 'const list: string[] = [];\nexport const planted: string = list[0];\n',
  },
];

export const formatPlants: readonly Plant[] = [
  {rule: 'prettier', file: 'hack/quotes.ts', content: 'export const planted = "double";\n'},
  {rule: 'prettier', file: 'config/wide.yaml', content: 'a:    1\n'},
];

export const unusedPlants: readonly Plant[] = [
  {rule: 'unused-files', file: 'operator/src/runtime/unused.ts', content: 'export const planted = 1;\n'},
  {
    rule: 'unused-exports',
    file: 'api-server/src/app.ts',
    content: "export const app = 'tasks';\nexport const planted = 1;\n",
  },
  {
    rule: 'unused-dependencies',
    file: 'api-server/package.json',
    content: '{"name": "@skeleton/api-server", "type": "module", "dependencies": {"fastify": "*"}}\n',
  },
  {rule: 'unused-unlisted', file: 'hack/unlisted.ts', content: "import 'acorn';\n"},
];

export const generatedPlants: readonly Plant[] = [
  {rule: 'generated-stale', file: 'crds/crd.yaml', content: 'kind: Edited\n'},
  {rule: 'generated-left-over', file: 'crds/old.yaml', content: 'kind: Old\n'},
];
