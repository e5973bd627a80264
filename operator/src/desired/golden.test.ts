import {describe, expect, test} from '@jest/globals';
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {stringify} from 'yaml';
import {controllerRevision, desiredObjects, replicasHandover} from './index.ts';
import type {DesiredInput} from './objects.ts';
import {scenarios} from './testing/scenarios.ts';

const folder = join(import.meta.dirname, 'golden');
const update = process.env['UPDATE_GOLDEN'] === '1';

function render(input: DesiredInput): string {
  const objects = [
    ...desiredObjects(input),
    controllerRevision(input.api, {...input.revision, revision: 1}),
    replicasHandover(input.api, 4),
  ];
  return objects.map((object) => `---\n${stringify(object, {lineWidth: 0, aliasDuplicateObjects: false})}`).join('');
}

// UPDATE_GOLDEN=1 writes them; a change of a golden file is a change of what runs in clusters, and is read as such.
describe('golden files', () => {
  test.each(Object.keys(scenarios))('%s', (name) => {
    const input = scenarios[name];
    if (input === undefined) throw new Error(`No scenario ${name}`);
    const file = join(folder, `${name}.yaml`);
    const rendered = render(input);
    if (update) writeFileSync(file, rendered);
    expect(existsSync(file)).toBe(true);
    expect(rendered).toBe(readFileSync(file, 'utf8'));
  });

  test('are one for each scenario', () => {
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(scenarios)
        .map((name) => `${name}.yaml`)
        .sort(),
    );
  });
});
