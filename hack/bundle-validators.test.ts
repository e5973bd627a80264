import {execFileSync} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import AjvCompiler from '@fastify/ajv-compiler';
import {afterAll, beforeAll, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {createTestApp} from '../api-server/src/testing/test-app.ts';
import {compiledValidators} from './bundle-validators.ts';
import {bundle} from './bundle.ts';

/** Every error comes with its schema. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const project = fileURLToPath(new URL('..', import.meta.url));

/** What a validator says of a value. */
interface Verdict {
  readonly valid: boolean;
  readonly errors: unknown;
}

type Validator = ((value: unknown) => boolean) & {readonly errors?: unknown};
type Case = readonly [route: string, value: unknown];

/** The validators that Fastify compiles when the API starts, by route and part. */
const fastifys = new Map<string, Validator>();
let folder: string;

/** Reads cases and writes what the bundle's validators say of each. */
const JUDGE = `
  import {readFileSync} from 'node:fs';
  import selector from '@fastify/ajv-compiler';
  const compile = selector()();
  const validatorOf = (route) => {
    const [method, url, httpPart] = route.split(' ');
    return compile({method, url, httpPart, schema: {}});
  };
  const verdicts = JSON.parse(readFileSync(0, 'utf8')).map(([route, value]) => {
    const validator = validatorOf(route);
    return {valid: validator(value), errors: validator.errors};
  });
  console.log(JSON.stringify(verdicts));
`;

function judge(cases: readonly Case[]): readonly Verdict[] {
  const input = JSON.stringify(cases);
  const answer = execFileSync(process.execPath, [join(folder, 'out/judge.mjs')], {
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return JSON.parse(answer.toString()) as Verdict[];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-validators-test-'));
  await writeFile(join(folder, 'judge.ts'), JUDGE);
  const entry = relative(project, join(folder, 'judge.ts'));
  const judges = {name: 'judge', entry, output: 'judge.mjs', folders: [], plugins: [compiledValidators()]};
  await bundle(judges, join(folder, 'out'));
  const {app} = createTestApp();
  const buildValidator: ReturnType<typeof AjvCompiler> = (schemas, options) => {
    const compile = AjvCompiler()(schemas, options) as (route: unknown) => Validator;
    return ((route: {method: string; url: string; httpPart: string}) => {
      const validator = compile(route);
      fastifys.set([route.method, route.url, route.httpPart].join(' '), validator);
      return validator;
    }) as ReturnType<ReturnType<typeof AjvCompiler>>;
  };
  app.setSchemaController({compilersFactory: {buildValidator}});
  await app.ready();
  await app.close();
});

afterAll(async () => rm(folder, {recursive: true}));

const text = fc.oneof(
  fc.constantFrom('', ' ', 'open', 'done', 'high', 'a-label', 'Not a label', 'FREQ=DAILY', 'Europe/Paris', '20', '0'),
  fc.constantFrom('2026-03-01T09:00:00+01:00', '2026-02-30T09:00:00Z', '1969-01-01T00:00:00Z', '🛠'.repeat(201)),
  fc.string(),
);
const value = fc.oneof(
  {arbitrary: text, weight: 4},
  fc.constantFrom(null, true, 1, 2.5, [], {}),
  fc.array(text, {maxLength: 12}),
  fc.record({rule: text, timeZone: text}, {requiredKeys: []}),
);
const fields = {
  ...{title: value, description: value, status: value, priority: value, dueAt: value, assignee: value, labels: value},
  ...{recurrence: value, limit: value, cursor: value, sort: value, order: value, overdue: value, deleted: value},
  ...{id: value, extra: value},
};
const part = fc.oneof({arbitrary: fc.record(fields, {requiredKeys: []}), weight: 5}, value);

test('a bundle says of every request what Fastify says', () => {
  const routes = [...fastifys.keys()].sort();
  expect(routes.length).toBeGreaterThan(8);
  const bulk = fc.record({tasks: fc.array(part, {maxLength: 3})});
  const cases: Case[] = [
    ['POST /api/v1/tasks body', {title: 'Grease the pump', dueAt: '2026-03-01T09:00:00+01:00', labels: ['a']}],
    ...routes.flatMap((route) =>
      fc.sample(fc.oneof(part, bulk), {numRuns: 200, seed: 1}).map((one): Case => [route, one]),
    ),
  ];
  const said = judge(cases);
  const expected = cases.map(([route, one]): Verdict => {
    const validator = fastifys.get(route);
    return {valid: validator?.(one) ?? false, errors: validator?.errors};
  });
  // Of all of them together, each with its schemas, a difference would take minutes to show.
  const different = cases.filter((_, index) => JSON.stringify(said[index]) !== JSON.stringify(expected[index]));
  expect(different.slice(0, 3)).toEqual([]);
  const valid = said.filter((one) => one.valid).length;
  expect(valid).toBeGreaterThan(100);
  expect(said.length - valid).toBeGreaterThan(100);
});

test('a route that it was not compiled for is refused when the process starts', () => {
  expect(() => judge([['GET /api/v1/others querystring', {}]])).toThrow(
    'GET /api/v1/others querystring has no validator in this bundle',
  );
});
