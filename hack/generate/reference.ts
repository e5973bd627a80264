import {type Crd, rootOf} from './crd.ts';
import {cell, code, page, table} from './markdown.ts';
import {nodes, type Node, type Schema} from './schema.ts';

function typeName(schema: Schema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'anything' : typeName(schema.items)}`;
  if (schema.additionalProperties !== undefined) return `map to ${typeName(schema.additionalProperties)}`;
  return schema.format ?? schema.type ?? '';
}

function range(what: string, least: number | undefined, most: number | undefined): string | undefined {
  if (least === undefined && most === undefined) return undefined;
  if (least === undefined) return `${what}≤ ${most}`;
  return most === undefined ? `${what}≥ ${least}` : `${what}${least} – ${most}`;
}

function bounds(schema: Schema): readonly string[] {
  // The largest safe integer is what any JSON parser holds, not a limit of ours.
  const maximum = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum;
  return [
    schema.enum?.map((value) => code(String(value))).join(', '),
    range('', schema.minimum, maximum),
    range('length ', schema.minLength, schema.maxLength),
    schema.pattern === undefined ? undefined : code(schema.pattern),
    range('items ', schema.minItems, schema.maxItems),
    range('entries ', schema.minProperties, schema.maxProperties),
    ...(schema.items === undefined ? [] : bounds(schema.items).map((bound) => `each: ${bound}`)),
    ...(schema.additionalProperties === undefined
      ? []
      : bounds(schema.additionalProperties).map((bound) => `each: ${bound}`)),
  ].filter((bound) => bound !== undefined && bound !== '') as string[];
}

function defaultOf({schema, required}: Node): string {
  if (required) return '**required**';
  // A group's default is empty: its members have their own.
  if (schema.default === undefined || JSON.stringify(schema.default) === '{}') return '';
  return code(JSON.stringify(schema.default));
}

function row(node: Node): readonly string[] {
  const {path, schema} = node;
  return [code(path), typeName(schema), defaultOf(node), bounds(schema).join('<br>'), cell(schema.description ?? '')];
}

function rulesOf(all: readonly Node[]): string {
  const lines = all.flatMap(({path, schema}) =>
    (schema['x-kubernetes-validations'] ?? []).map(({rule, message}) => {
      const when = rule.includes('oldSelf') ? ' (on updates)' : '';
      return `- ${code(path === '' ? 'metadata.name' : path)}${when}: ${message ?? rule}.`;
    }),
  );
  return lines.length === 0 ? '' : `Rules:\n\n${lines.join('\n')}`;
}

const head = ['Field', 'Type', 'Default', 'Bounds', 'What it is'];

function section(title: string, node: Node): string {
  const all = [...nodes(node)];
  const fields = all.filter(({property}) => property !== undefined);
  return [`### ${title}`, table(head, fields.map(row)), rulesOf(all)].filter((block) => block !== '').join('\n\n');
}

function children(node: Node): readonly Node[] {
  return [...nodes(node)].filter(({parent}) => parent === node);
}

/** One part of the object: a table for its plain fields, then a section for each group. */
function part(node: Node): string {
  const members = children(node);
  const groups = members.filter(({schema}) => schema.properties !== undefined || schema.items !== undefined);
  const plain = members.filter((member) => !groups.includes(member));
  return [
    node.schema.description ?? '',
    plain.length === 0 ? '' : table(head, plain.map(row)),
    rulesOf([node, ...plain]),
    ...groups.map((group) => section(group.path, group)),
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}

/** The page on a kind: every field of its CRD with its type, default, bounds and rules. */
export function kindPage(crd: Crd): string {
  const root = rootOf(crd);
  const {names, group, versions} = crd.spec;
  const [version] = versions;
  const parts = children(root);
  const named = (name: string) => parts.filter(({property}) => property === name).map(part);
  const columns = version.additionalPrinterColumns.map(({name, description, jsonPath, priority}) => [
    name.toUpperCase(),
    priority === 1 ? '`-o wide`' : 'always',
    code(jsonPath),
    cell(description),
  ]);
  return page(
    names.kind,
    '`operator/src/api/v1alpha1`',
    root.schema.description ?? '',
    `${code(`${group}/${version.name}`)}, namespaced; short name ${names.shortNames.map(code).join(', ')}, ` +
      `category ${names.categories.map(code).join(', ')}. \`name[]\` is an item of a list, \`name{}\` a value of a map. ` +
      'The API server refuses what breaks a bound or a rule; kubectl asks it to refuse unknown fields too.',
    rulesOf([root]),
    '## Spec',
    ...named('spec'),
    '## Status',
    ...named('status'),
    '## Columns',
    table(['Column', 'Shown', 'Field', 'What it is'], columns),
  );
}
