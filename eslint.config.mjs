import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import jsdoc from 'eslint-plugin-jsdoc';
import {defineConfig, globalIgnores} from 'eslint/config';
import tseslint from 'typescript-eslint';

const tests = ['**/*.test.ts', 'test/**/*.ts'];

/** Rooms that decide: the same input gives the same answer, so no clock, chance, timer, process or output. */
const pureRooms = ['slo', 'desired', 'remediation'].map((room) => `operator/src/${room}/**/*.ts`);

const impureGlobals = [
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout',
].map((name) => ({name, message: 'This room is pure: take what it gives as an argument.'}));

const impureSyntax = [
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: 'This room is pure: take the time as an argument instead of calling Date.now.',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'This room is pure: new Date() reads the clock; give it a time.',
  },
  {
    selector: "CallExpression[callee.name='Date']",
    message: 'This room is pure: Date() reads the clock; take the time as an argument.',
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'This room is pure: Math.random gives another answer each time.',
  },
];

export default defineConfig(
  // k6 has modules, globals and a dialect of its own, and no types.
  globalIgnores(['**/dist/', '**/coverage/', '.artifacts/', '.bootstrap/', 'test/load-testing/']),
  {linterOptions: {reportUnusedDisableDirectives: 'error'}},
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname}},
    rules: {
      // A switch counts as one: naming every case is asked for, not complex.
      complexity: ['error', {max: 12, variant: 'modified'}],
      eqeqeq: 'error',
      'max-depth': ['error', 4],
      'max-lines': ['error', 400],
      'no-console': 'error',
      'no-warning-comments': ['error', {terms: ['todo', 'fixme', 'xxx']}],
      '@typescript-eslint/consistent-type-imports': 'error',
      // Brackets say that a key of an open map may be absent.
      '@typescript-eslint/dot-notation': ['error', {allowIndexSignaturePropertyAccess: true}],
      '@typescript-eslint/max-params': ['error', {max: 5}],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        {ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true},
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // It would have `!` in place of a cast, which no-non-null-assertion refuses.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // `for (;;)` and `while (true)` are how a loop says that it ends from within.
      '@typescript-eslint/no-unnecessary-condition': ['error', {allowConstantLoopConditions: 'only-allowed-literals'}],
      // `const {managedFields: _managedFields, ...rest} = metadata` is how a field is left out; unmarked it is one forgotten.
      '@typescript-eslint/no-unused-vars': ['error', {argsIgnorePattern: '^_', varsIgnorePattern: '^_'}],
      // A number in a template prints as one expects; only objects and nullish values surprise.
      '@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true, allowBoolean: true}],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', {considerDefaultExhaustiveForUnions: false}],
    },
  },
  {
    // A function or class that others may use says what it is for; parameters speak by their types, and get a line
    // where they don't. A group of options speaks by its fields.
    files: ['operator/src/**/*.ts'],
    ignores: tests,
    plugins: {jsdoc},
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: {esm: true},
          require: {ClassDeclaration: true, FunctionDeclaration: true},
          enableFixer: false,
        },
      ],
      'jsdoc/require-description': ['error', {contexts: ['ClassDeclaration', 'FunctionDeclaration']}],
      'jsdoc/no-types': 'error',
    },
  },
  {
    files: pureRooms,
    ignores: tests,
    rules: {
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-syntax': ['error', ...impureSyntax],
      'no-restricted-imports': [
        'error',
        {
          paths: ['crypto', 'node:crypto'].map((name) => ({
            name,
            allowImportNames: ['createHash'],
            message: 'This room is pure: of crypto only createHash gives the same answer each time.',
          })),
        },
      ],
    },
  },
  {
    files: ['hack/**', 'test/**', 'operator/src/cli/**'],
    rules: {'no-console': 'off'},
  },
  {
    files: tests,
    rules: {
      // Jest's matchers are typed `any`, its mocks are unbound by nature, and a fake of an async port needn't await.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    // Plain JavaScript runs before anything is installed, or configures the tools: no types to check it against.
    files: ['**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {globals: Object.fromEntries(['console', 'process', 'URL'].map((name) => [name, 'readonly']))},
  },
  prettier,
);
