const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', {jsc: {parser: {syntax: 'typescript'}, target: 'es2024'}, module: {type: 'es6'}}],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.artifacts'],
};

/** One cluster for all stories of a run. */
const cluster = {
  globalSetup: '<rootDir>/test/e2e/setup.mjs',
  globalTeardown: '<rootDir>/test/e2e/teardown.mjs',
};

export default {
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/{operator,api-server,hack,test/harness,test/check,test/bench,test/docs}/**/*.test.ts'],
    },
    {
      ...common,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      globalSetup: '<rootDir>/test/integration/prepare.mjs',
    },
    {...common, ...cluster, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/!(*.long).test.ts']},
    {...common, ...cluster, displayName: 'long', testMatch: ['<rootDir>/test/e2e/**/*.long.test.ts']},
  ],
};
