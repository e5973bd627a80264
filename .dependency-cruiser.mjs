/**
 * The rooms of operator/src and what each may see of the others, besides itself. A room that isn't named here, and
 * an import that isn't, is refused; the reasons stand in docs/explanation/architecture.md.
 */
const rooms = {
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

const pureRooms = '^operator/src/(slo|desired|remediation)/';
const test = String.raw`\.test\.ts$`;
const main = String.raw`(^|/)main\.ts$|^api-server/src/server\.ts$`;

const roomRules = Object.entries(rooms).map(([room, seen]) => ({
  name: `room-${room}`,
  comment: `${room} sees ${seen.length === 0 ? 'nothing of ours' : `only ${seen.join(', ')}`}.`,
  severity: 'error',
  from: {path: `^operator/src/${room}/`},
  to: {path: '^operator/src/', pathNot: `^operator/src/(${[room, ...seen].join('|')})/`},
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...roomRules,
    {
      name: 'unknown-room',
      comment: 'A new room needs its line in the table of rooms, so that it is decided what it may see.',
      severity: 'error',
      from: {},
      // What stands beside main.ts wires too, and no room may see it.
      to: {path: `^operator/src/(?!(${Object.keys(rooms).join('|')})/)[^/]+/`},
    },
    {
      name: 'pure-no-core',
      comment: 'Rooms that decide have no file system, network, process or clock; node:crypto is there for its hashes.',
      severity: 'error',
      from: {path: pureRooms, pathNot: test},
      to: {dependencyTypes: ['core'], pathNot: '^(node:)?crypto$'},
    },
    {
      name: 'pure-no-package',
      comment: 'Rooms that decide use no client and no logger; the types of Kubernetes are only types.',
      severity: 'error',
      from: {path: pureRooms, pathNot: test},
      to: {path: 'node_modules/', dependencyTypesNot: ['type-only']},
    },
    {
      name: 'operator-and-api-share-nothing',
      comment: 'The API is one image among those that keep the contract; the operator knows it by HTTP alone.',
      severity: 'error',
      from: {path: '^(operator|api-server)/'},
      to: {path: '^(operator|api-server)/', pathNot: '^$1/'},
    },
    {
      name: 'nothing-imports-main',
      comment: 'A program is started, not imported.',
      severity: 'error',
      from: {},
      to: {path: main},
    },
    {
      name: 'product-not-to-tools',
      comment: 'What is shipped must not need what builds or tests it.',
      severity: 'error',
      from: {path: '^(operator|api-server)/src/', pathNot: test},
      to: {path: '^(hack|test)/'},
    },
    {
      name: 'no-import-of-tests',
      severity: 'error',
      comment: 'A test that others need belongs to a helper.',
      from: {},
      to: {path: test},
    },
    {
      name: 'no-dev-dependency',
      comment: 'A dev dependency is absent from the image. Types vanish at build time and may come from one.',
      severity: 'error',
      from: {path: '^(operator|api-server)/src/', pathNot: test},
      // One that the workspace names too is `npm` as well as `npm-dev`.
      to: {dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only']},
    },
    {
      name: 'no-undeclared-dependency',
      comment: 'A package that no package.json names is there by accident and may vanish with the next lock.',
      severity: 'error',
      from: {},
      to: {dependencyTypes: ['npm-no-pkg', 'npm-unknown']},
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      // Modules of k6 are inside k6.
      to: {couldNotResolve: true, pathNot: '^k6(/|$)'},
    },
    {
      name: 'no-cycle',
      comment: 'Two modules that need each other are one module, or share a third.',
      severity: 'error',
      from: {},
      to: {circular: true},
    },
    {
      name: 'no-orphan',
      comment: 'A module that uses nothing and is used by nothing is dead, or not wired yet.',
      severity: 'error',
      from: {orphan: true, pathNot: [test, '^hack/test/live-reporter.mjs$']},
      to: {},
    },
  ],
  options: {
    doNotFollow: {path: 'node_modules'},
    exclude: {path: String.raw`^((operator|api-server)/)?(dist|coverage)/|^\.artifacts/`},
    combinedDependencies: true,
    tsPreCompilationDeps: true,
    tsConfig: {fileName: 'tsconfig.json'},
    enhancedResolveOptions: {exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types']},
  },
};
