import {describe, expect, test} from '@jest/globals';
import {parse} from 'yaml';

import {
  alerts,
  conditionTypes,
  events,
  labels,
  maintenanceApiSpec,
  reasons,
  resourceMetrics,
  runbookUrl,
} from '../../operator/src/api/v1alpha1/index.ts';
import {generate} from '../generate.ts';
import {maintenanceApiBackupCrd, maintenanceApiCrd, rootOf} from './crd.ts';
import {nodes, type Schema} from './schema.ts';

const files = await generate();
const file = (path: string) => {
  const content = files.get(path);
  if (content === undefined) throw new Error(`${path} is not generated`);
  return content;
};

describe('the CRD file', () => {
  // kubectl reads YAML 1.1; seen: an unquoted On became a boolean, and the API server refused the CRD.
  test.each(['1.1', '1.2'] as const)('means the same to a reader of YAML %s', (version) => {
    expect(parse(file('crds/maintenance-api.io_maintenanceapis.yaml'), {version})).toEqual(maintenanceApiCrd());
    const backups = file('crds/maintenance-api.io_maintenanceapibackups.yaml');
    expect(parse(backups, {version})).toEqual(maintenanceApiBackupCrd());
  });

  test('its defaults are those of the zod types', () => {
    const filled = (schema: Schema, value: unknown): unknown => {
      if (schema.properties === undefined || typeof value !== 'object' || value === null) return value;
      const given = value as Record<string, unknown>;
      const members = Object.entries(schema.properties).map(([name, member]) => [
        name,
        filled(member, given[name] ?? member.default),
      ]);
      return Object.fromEntries(members.filter(([, member]) => member !== undefined));
    };
    const image = 'example/api:1.0.0';
    const spec = rootOf(maintenanceApiCrd()).schema.properties?.spec ?? {};
    expect(filled(spec, {image})).toEqual(maintenanceApiSpec.parse({image}));
    expect(filled(spec, {image, autoscaling: {}})).toEqual(maintenanceApiSpec.parse({image, autoscaling: {}}));
  });
});

describe('the reference', () => {
  const pageLines = file('docs/reference/maintenance-api.md').split('\n');

  test.each([...nodes(rootOf(maintenanceApiBackupCrd()))].filter(({path}) => /^(spec|status)\./.test(path)))(
    'on backups has a row for $path',
    ({path}) => {
      const lines = file('docs/reference/maintenance-api-backup.md').split('\n');
      expect(lines.filter((line) => line.startsWith(`| \`${path}\` |`))).toHaveLength(1);
    },
  );

  test.each([...nodes(rootOf(maintenanceApiCrd()))].filter(({path}) => /^(spec|status)\./.test(path)))(
    'has a row for $path',
    ({path, property}) => {
      if (property === undefined) return;
      expect(pageLines.filter((line) => line.startsWith(`| \`${path}\` |`))).toHaveLength(1);
    },
  );

  test.each(
    [...nodes(rootOf(maintenanceApiCrd()))].flatMap(({path, schema}) =>
      (schema['x-kubernetes-validations'] ?? []).map(({message}) => ({path, message})),
    ),
  )('says what must be so at "$path": $message', ({path, message}) => {
    expect(pageLines.filter((line) => line.startsWith('- ') && line.endsWith(`: ${message}.`))).not.toEqual([]);
    expect(pageLines.join('\n')).toContain(path === '' ? '`metadata.name`: ' : `- \`${path}\``);
  });

  test.each([
    ['conditions', [...conditionTypes, ...Object.keys(reasons)]],
    ['events', Object.keys(events)],
    ['labels', Object.values(labels)],
    ['metrics', Object.keys(resourceMetrics)],
  ])('%s.md lists each of them', (name, keys) => {
    const listed = file(`docs/reference/${name}.md`)
      .split('\n')
      .flatMap((line) => /^\| `([^`]+)` \|/.exec(line)?.[1] ?? []);
    expect(listed).toEqual(expect.arrayContaining(keys));
  });

  test.each(Object.keys(alerts) as (keyof typeof alerts)[])('alerts.md has the runbook of %s', (alert) => {
    const headings = file('docs/reference/alerts.md').match(/^## .+$/gm) ?? [];
    // As the forges make an anchor of a heading.
    const anchors = headings.map((heading) => `#${heading.slice(3).toLowerCase()}`);
    expect(anchors.filter((anchor) => runbookUrl('', alert) === anchor)).toHaveLength(1);
  });

  test('ends every table row with a bar, so that no text broke out of its cell', () => {
    const rows = [...files].filter(([path]) => path.endsWith('.md')).flatMap(([, content]) => content.split('\n'));
    const broken = rows.filter((line) => line.startsWith('|') && !line.endsWith(' |'));
    expect(broken).toEqual([]);
  });
});
