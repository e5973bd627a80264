/**
 * A structural schema, as a CustomResourceDefinition has it: the part of OpenAPI 3.0 that this project uses. Anything
 * that zod writes beyond it is refused by {@link toStructural} instead of being dropped in silence.
 */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly Rule[];
}

/** A rule in the Common Expression Language. */
export interface Rule {
  readonly rule: string;
  readonly message?: string;
}

/** A schema and where it stands: `spec.env[].name` is a member of a list's items, `labels{}` the value of a map. */
export interface Node {
  readonly path: string;
  /** Name of the property; undefined for items of a list, values of a map and the root. */
  readonly property?: string;
  readonly schema: Schema;
  readonly required: boolean;
  readonly parent?: Node;
}

/** The keys of {@link Schema} in the order in which they are written. */
const KEYS = [
  'description',
  'type',
  'format',
  'x-kubernetes-int-or-string',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'items',
  'minProperties',
  'maxProperties',
  'required',
  'properties',
  'additionalProperties',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
] as const satisfies readonly (keyof Schema)[];

/** What zod wrote can't be said in a structural schema. */
export class NotStructural extends Error {
  constructor(path: string, what: string) {
    super(`${path}: ${what}`);
    this.name = 'NotStructural';
  }
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One schema for what is an integer or a string: each bound holds for the one that it is about. */
function intOrString(json: Json, path: string): Json {
  const {anyOf, ...rest} = json;
  if (!Array.isArray(anyOf)) throw new NotStructural(path, 'int-or-string without anyOf');
  const bounds: Record<string, unknown> = {};
  for (const branch of anyOf as Json[]) {
    if (branch.type !== 'integer' && branch.type !== 'string') {
      throw new NotStructural(path, `int-or-string with a branch of type ${String(branch.type)}`);
    }
    for (const [key, value] of Object.entries(branch)) if (key !== 'type') bounds[key] = value;
  }
  return {...rest, ...bounds};
}

function normalised(json: Json, path: string): Json {
  const result: Record<string, unknown> = {
    ...(json['x-kubernetes-int-or-string'] === true ? intOrString(json, path) : json),
  };
  // Whatever is let through unseen has no schema for its members.
  if (result['x-kubernetes-preserve-unknown-fields'] === true) delete result.additionalProperties;
  // The bounds of a safe integer say nothing beside a list of the values.
  if (result.type === 'integer' && result.enum !== undefined) {
    delete result.minimum;
    delete result.maximum;
  }
  if (typeof result.pattern === 'string') result.pattern = result.pattern.replaceAll(String.raw`\/`, '/');
  return result;
}

/**
 * The structural schema for what `z.toJSONSchema(…, {target: 'openapi-3.0', io: 'input'})` wrote.
 *
 * @throws {NotStructural} for a keyword that a structural schema hasn't, or that this project doesn't use
 */
export function toStructural(json: unknown, path = ''): Schema {
  if (!isObject(json)) throw new NotStructural(path, 'not a schema');
  const {properties, items, additionalProperties, ...rest} = normalised(json, path);
  const unknown = Object.keys(rest).filter((key) => !(KEYS as readonly string[]).includes(key));
  if (unknown.length > 0) throw new NotStructural(path, `${unknown.join(', ')} can not be written`);
  const whole: Json = {
    ...rest,
    ...(isObject(properties) && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [name, toStructural(member, join(path, name))]),
      ),
    }),
    ...(items !== undefined && {items: toStructural(items, `${path}[]`)}),
    ...(additionalProperties !== undefined && {
      additionalProperties: toStructural(additionalProperties, `${path}{}`),
    }),
  };
  return Object.fromEntries(KEYS.filter((key) => whole[key] !== undefined).map((key) => [key, whole[key]]));
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** The nodes of a schema, itself first, each before its members. */
export function* nodes(root: Node): Generator<Node> {
  yield root;
  const {schema, path} = root;
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const required = schema.required?.includes(name) ?? false;
    yield* nodes({path: join(path, name), property: name, schema: member, required, parent: root});
  }
  if (schema.items !== undefined) {
    yield* nodes({path: `${path}[]`, schema: schema.items, required: false, parent: root});
  }
  if (schema.additionalProperties !== undefined) {
    yield* nodes({path: `${path}{}`, schema: schema.additionalProperties, required: false, parent: root});
  }
}
