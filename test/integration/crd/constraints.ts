import {nodes, type Node, type Rule, type Schema} from '../../../hack/generate/schema.ts';

/** One thing that a CRD's schema asks of a value, where it stands, and the schema that asks it. */
export interface Constraint {
  /** What the cases of a test are keyed by. */
  readonly id: string;
  readonly path: string;
  readonly kind: ConstraintKind;
  readonly schema: Schema;
  /** Of kind `required`: the member; of kind `rule`: the message. */
  readonly detail?: string;
  readonly rule?: Rule;
}

const KEYWORDS = ['format', 'enum', 'minimum', 'maximum', 'maxLength', 'pattern', 'maxItems', 'maxProperties'] as const;

/** `unique`: the items of a list differ in its keys. */
export type ConstraintKind = (typeof KEYWORDS)[number] | 'required' | 'unique' | 'rule';

/** Keywords that say what a value is, but refuse nothing beyond its type. */
const DESCRIBING = new Set([
  'description',
  'type',
  'default',
  'properties',
  'items',
  'additionalProperties',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-map-keys',
]);

function constraintsAt({path, schema}: Node): readonly Constraint[] {
  return Object.keys(schema).flatMap((keyword): readonly Constraint[] => {
    if (DESCRIBING.has(keyword)) return [];
    const kind = KEYWORDS.find((known) => known === keyword);
    if (kind !== undefined) return [{id: `${path} ${kind}`, path, kind, schema}];
    if (keyword === 'required') {
      return (schema.required ?? []).map((detail) => ({
        id: `${path} required ${detail}`,
        path,
        kind: 'required',
        schema,
        detail,
      }));
    }
    if (keyword === 'x-kubernetes-list-type') {
      return schema['x-kubernetes-list-type'] === 'map' ? [{id: `${path} unique`, path, kind: 'unique', schema}] : [];
    }
    if (keyword === 'x-kubernetes-validations') {
      return (schema['x-kubernetes-validations'] ?? []).map((rule) => {
        const detail = rule.message ?? rule.rule;
        return {id: `${path} rule: ${detail}`, path, kind: 'rule', schema, detail, rule};
      });
    }
    throw new Error(`${path}: nothing is known of ${keyword}, so it can not be tested`);
  });
}

/**
 * Every constraint of a schema.
 *
 * @throws Error for a keyword that isn't known, or two constraints that can't be told apart
 */
export function constraintsOf(root: Node): readonly Constraint[] {
  const all = [...nodes(root)].flatMap(constraintsAt);
  const twice = all.find(({id}, index) => all.findIndex((other) => other.id === id) !== index);
  if (twice !== undefined) throw new Error(`"${twice.id}" is there twice`);
  return all;
}
