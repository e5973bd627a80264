import {describe, expect, test} from '@jest/globals';
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {stringify} from 'yaml';
import {managedDatabase} from '../api/v1alpha1/index.ts';
import {
  databaseTemplateHash,
  databaseVersion,
  RENDER_VERSION,
  templatesOf,
  UnknownRenderVersion,
} from './render-version.ts';
import {templates} from './templates.ts';
import {aMaintenanceApi, scenarios} from './testing/scenarios.ts';

const folder = join(import.meta.dirname, 'golden-templates');
const versions = Object.keys(templates).map(Number);
const RENDERED = ['defaults', 'full'] as const;

/** Everything that restarts pods when it changes: their templates, and the names that templates are told apart by. */
function rendered(version: number, scenario: (typeof RENDERED)[number]): string {
  const input = scenarios[scenario];
  if (input === undefined) throw new Error(`No scenario ${scenario}`);
  const {api, revision} = input;
  const {name} = api.metadata;
  const database = managedDatabase(api.spec);
  if (database === undefined) throw new Error(`${scenario} has no managed database`);
  const {apiPod, databasePod, databaseFiles} = templatesOf(version);
  return stringify(
    {
      revision: revision.hash,
      databaseTemplate: databaseTemplateHash(api, database, version),
      apiPod: apiPod(name, revision),
      databasePod: databasePod(name, api.spec, database),
      databaseFiles: databaseFiles(api.spec, database),
    },
    {lineWidth: 0, aliasDuplicateObjects: false},
  );
}

// UPDATE_GOLDEN=1 writes what isn't there. It never changes a file: a template that was released stays as it is, and a
// changed one is another generation.
describe('templates of every generation are rendered as they always were', () => {
  test.each(versions.flatMap((version) => RENDERED.map((scenario) => [version, scenario] as const)))(
    '%i, %s',
    (version, scenario) => {
      const file = join(folder, `${String(version)}-${scenario}.yaml`);
      if (process.env['UPDATE_GOLDEN'] === '1' && !existsSync(file)) writeFileSync(file, rendered(version, scenario));
      expect(rendered(version, scenario)).toBe(readFileSync(file, 'utf8'));
    },
  );

  test('and none is forgotten', () => {
    const wanted = versions.flatMap((version) => RENDERED.map((scenario) => `${String(version)}-${scenario}.yaml`));
    expect(readdirSync(folder).sort()).toEqual(wanted.sort());
    expect(versions).toEqual(Array.from({length: RENDER_VERSION}, (_, index) => index + 1));
  });
});

describe('the generation of the database', () => {
  const api = aMaintenanceApi();
  const old = {version: RENDER_VERSION - 1, templateHash: undefined};

  test('is the newest for a new one', () => {
    expect(databaseVersion(api, undefined, false)).toBe(RENDER_VERSION);
  });

  test('stays, until its pod may be replaced', () => {
    expect(databaseVersion(api, old, false)).toBe(RENDER_VERSION - 1);
    expect(databaseVersion(api, old, true)).toBe(RENDER_VERSION);
  });

  test('of a newer operator, or one that is not known any more, is never changed', () => {
    const newer = {version: RENDER_VERSION + 1, templateHash: 'other'};
    expect(databaseVersion(api, newer, true)).toBe(RENDER_VERSION + 1);
    expect(() => templatesOf(RENDER_VERSION + 1)).toThrow(UnknownRenderVersion);
    expect(() => databaseVersion(api, {...old, templateHash: 'other'}, false)).toThrow(UnknownRenderVersion);
  });
});
