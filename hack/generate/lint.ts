import type {Crd} from './crd.ts';
import {rootOf} from './crd.ts';
import {nodes, type Node} from './schema.ts';

/** One departure from the conventions that the generated CRD is held to. */
export interface LintFinding {
  readonly rule: string;
  readonly path: string;
  readonly message: string;
}

type Check = (node: Node) => string | undefined;

/** What the API server itself defines, bounds and describes. */
const BUILT_IN = new Set(['', 'apiVersion', 'kind', 'metadata']);

const DURATION_NAME = /(duration|timeout|interval|period|delay|deadline|cooldown|window|ttl)$/i;

function integerBounds({schema}: Node): string | undefined {
  const isInteger = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
  if (!isInteger || schema.enum !== undefined) return undefined;
  return schema.minimum === undefined || schema.maximum === undefined ? 'needs minimum and maximum' : undefined;
}

function stringBounds({schema}: Node): string | undefined {
  const isString = schema.type === 'string' || schema['x-kubernetes-int-or-string'] === true;
  return isString && schema.enum === undefined && schema.maxLength === undefined ? 'needs maxLength' : undefined;
}

function mapBounds({schema}: Node): string | undefined {
  const isMap = schema.additionalProperties !== undefined || schema['x-kubernetes-preserve-unknown-fields'] === true;
  return isMap && schema.maxProperties === undefined ? 'needs maxProperties' : undefined;
}

function listType({schema}: Node): string | undefined {
  if (schema.type !== 'array') return undefined;
  const type = schema['x-kubernetes-list-type'];
  if (type === undefined) return 'needs x-kubernetes-list-type';
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (type !== 'map') return keys.length > 0 ? 'only a list of type map has keys' : undefined;
  if (keys.length === 0) return 'a list of type map needs keys';
  const optional = keys.filter((key) => schema.items?.required?.includes(key) !== true);
  return optional.length > 0 ? `keys ${optional.join(', ')} must be required in its items` : undefined;
}

function duration({schema, property, path}: Node): string | undefined {
  if (schema.format === 'duration') return 'durations are integers whose name has the unit';
  // Status may show one to people ("5m"); nobody parses it.
  if (property === undefined || path.startsWith('status.')) return undefined;
  const isScalar = schema.type === 'string' || schema.type === 'integer' || schema.type === 'number';
  return isScalar && DURATION_NAME.test(property)
    ? 'a duration is an integer whose name has the unit, as in windowSeconds'
    : undefined;
}

function typed({schema}: Node): string | undefined {
  return schema.type === undefined && schema['x-kubernetes-int-or-string'] !== true ? 'needs a type' : undefined;
}

function ruleMessages({schema}: Node): string | undefined {
  const bad = schema['x-kubernetes-validations']?.find(({message}) => !/\b(must|may|immutable)\b/.test(message ?? ''));
  return bad === undefined ? undefined : `the message of "${bad.rule}" must say what must be so`;
}

/** Each rule by its name; it says what is wrong with a node, or nothing. */
const checks: Readonly<Record<string, Check>> = {
  'bounded-string': stringBounds,
  'bounded-integer': integerBounds,
  'bounded-list': ({schema}) =>
    schema.type === 'array' && schema.maxItems === undefined ? 'needs maxItems' : undefined,
  'bounded-map': mapBounds,
  'no-float': ({schema}) =>
    schema.type === 'number' || schema.format === 'float' || schema.format === 'double'
      ? 'floats are written as strings'
      : undefined,
  'no-duration': duration,
  'no-phase': ({property}) => (property?.toLowerCase() === 'phase' ? 'conditions say more than a phase' : undefined),
  'list-type': listType,
  'required-or-default': ({schema, required}) =>
    required && schema.default !== undefined
      ? 'a required field can not be left out, so its default is never used'
      : undefined,
  description: ({schema, property}) =>
    property !== undefined && !/\S.*\.$/.test(schema.description ?? '') ? 'needs a description, a sentence' : undefined,
  typed,
  'rule-message': ruleMessages,
};

function versionFindings(crd: Crd): LintFinding[] {
  const version = crd.spec.versions[0];
  const findings: LintFinding[] = [];
  const known = new Set([...nodes(rootOf(crd))].map(({path}) => path));
  for (const {name, jsonPath} of version.additionalPrinterColumns) {
    const field = jsonPath.replace(/^\./, '').replace(/\[\?.*?\]/, '[]');
    if (!known.has(field) && !field.startsWith('metadata.')) {
      findings.push({rule: 'column-path', path: jsonPath, message: `column ${name} shows a field that does not exist`});
    }
  }
  if (!('status' in version.subresources)) {
    findings.push({rule: 'status-subresource', path: 'status', message: 'status must be a subresource'});
  }
  return findings;
}

/** Holds a CRD, its status included, to the conventions; an empty answer means that it keeps them all. */
export function lintCrd(crd: Crd): readonly LintFinding[] {
  const findings = versionFindings(crd);
  for (const node of nodes(rootOf(crd))) {
    for (const [rule, check] of Object.entries(checks)) {
      if (BUILT_IN.has(node.path) && rule !== 'rule-message') continue;
      const message = check(node);
      if (message !== undefined) findings.push({rule, path: node.path, message});
    }
  }
  return findings;
}

/** Names of every rule of {@link lintCrd}. */
export const lintRules: readonly string[] = [...Object.keys(checks), 'column-path', 'status-subresource'];
