import type {KubeClient} from './client.ts';
import type {Json, JsonObject} from './owned-fields.ts';
import type {WritableObject} from './types.ts';

/** What is kept of a schema: which fields there are. */
interface Shape {
  /** Fields by name; undefined = any field will do. */
  fields: Map<string, Shape> | undefined;
  /** Of the items of a list or the values of a map. */
  elements: Shape | undefined;
}

/** The parts of an OpenAPI v3 schema that are read. */
interface Schema {
  $ref?: string;
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-group-version-kind'?: {group: string; version: string; kind: string}[];
}

/** An object without the fields that the server doesn't know. */
export interface Pruned<O> {
  readonly object: O;
  /** Paths of the fields left out, as in `.spec.behavior.scaleUp.tolerance`. */
  readonly unknown: readonly string[];
}

/** The documents are large (a megabyte), and made on demand after an API server's start. */
const DOCUMENT_TIMEOUT_MS = 20_000;

const ANYTHING: Shape = {fields: undefined, elements: undefined};

/**
 * The fields that this API server knows, from its `/openapi/v3`. Fetched per group and version when first asked for; of
 * a document of a megabyte the names of the fields of the kinds in use remain.
 */
export class OpenApiSchemas {
  readonly #client: Pick<KubeClient, 'request'>;
  readonly #kinds: ReadonlySet<string>;
  #index: Promise<Record<string, {serverRelativeURL: string}>> | undefined;
  readonly #shapes = new Map<string, Promise<ReadonlyMap<string, Shape>>>();

  /** `kinds`: those that will be asked for. */
  constructor(client: Pick<KubeClient, 'request'>, kinds: readonly string[]) {
    this.#client = client;
    this.#kinds = new Set(kinds);
  }

  /** Whether the schema of this version is there already. */
  has(apiVersion: string): boolean {
    return this.#shapes.has(apiVersion);
  }

  /** Leaves out what the server would refuse with "field not declared in schema". @throws ApiError */
  async prune<O extends WritableObject>(object: O): Promise<Pruned<O>> {
    const shape = (await this.#shapesOf(object.apiVersion)).get(object.kind);
    const unknown: string[] = [];
    if (shape === undefined) {
      return {object, unknown};
    }
    const pruned = pruneValue(JSON.parse(JSON.stringify(object)) as Json, shape, '', unknown);
    return {object: unknown.length === 0 ? object : (pruned as unknown as O), unknown};
  }

  /** Forgets everything: the server may be another one. */
  clear(): void {
    this.#index = undefined;
    this.#shapes.clear();
  }

  #shapesOf(apiVersion: string): Promise<ReadonlyMap<string, Shape>> {
    const known = this.#shapes.get(apiVersion);
    if (known !== undefined) {
      return known;
    }
    const fetching = this.#fetch(apiVersion);
    this.#shapes.set(apiVersion, fetching);
    fetching.then(
      (shapes) => {
        // A CRD's document appears some time after the CRD.
        if (shapes.size === 0) {
          this.clear();
        }
      },
      () => {
        this.clear();
      },
    );
    return fetching;
  }

  async #fetch(apiVersion: string): Promise<ReadonlyMap<string, Shape>> {
    this.#index ??= this.#get<{paths: Record<string, {serverRelativeURL: string}>}>('/openapi/v3').then(
      ({paths}) => paths,
    );
    const path = apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
    const url = (await this.#index)[path]?.serverRelativeURL;
    if (url === undefined) {
      return new Map();
    }
    const document = await this.#get<{components?: {schemas?: Record<string, Schema>}}>(url);
    return shapesOf(document.components?.schemas ?? {}, apiVersion, this.#kinds);
  }

  #get<T>(path: string): Promise<T> {
    return this.#client.request<T>({method: 'GET', path, timeoutMs: DOCUMENT_TIMEOUT_MS});
  }
}

/** Shapes of the wanted kinds of one version, and of what they refer to. */
function shapesOf(
  schemas: Readonly<Record<string, Schema>>,
  apiVersion: string,
  kinds: ReadonlySet<string>,
): Map<string, Shape> {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const byReference = new Map<string, Shape>();
  const shapes = new Map<string, Shape>();
  for (const [name, schema] of Object.entries(schemas)) {
    for (const gvk of schema['x-kubernetes-group-version-kind'] ?? []) {
      if (gvk.group === group && gvk.version === version && kinds.has(gvk.kind)) {
        shapes.set(gvk.kind, referredShape(schemas, name, byReference));
      }
    }
  }
  return shapes;
}

function referredShape(schemas: Readonly<Record<string, Schema>>, name: string, known: Map<string, Shape>): Shape {
  const existing = known.get(name);
  if (existing !== undefined) {
    return existing;
  }
  const schema = schemas[name];
  if (schema === undefined) {
    return ANYTHING;
  }
  // Entered before its content: schemas may refer to themselves.
  const shape: Shape = {fields: undefined, elements: undefined};
  known.set(name, shape);
  Object.assign(shape, shapeOf(schemas, schema, known));
  return shape;
}

function shapeOf(schemas: Readonly<Record<string, Schema>>, schema: Schema, known: Map<string, Shape>): Shape {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (reference !== undefined) {
    return referredShape(schemas, reference.slice(reference.lastIndexOf('/') + 1), known);
  }
  const elements = schema.items ?? schema.additionalProperties;
  if (typeof elements === 'object') {
    return {fields: undefined, elements: shapeOf(schemas, elements, known)};
  }
  if (schema.properties === undefined || schema['x-kubernetes-preserve-unknown-fields'] === true) {
    return ANYTHING;
  }
  const fields = Object.entries(schema.properties).map(
    ([name, property]) => [name, shapeOf(schemas, property, known)] as const,
  );
  return {fields: new Map(fields), elements: undefined};
}

function pruneValue(value: Json, shape: Shape, path: string, unknown: string[]): Json {
  const {fields, elements} = shape;
  if (Array.isArray(value)) {
    return elements === undefined
      ? value
      : value.map((item, index) => pruneValue(item, elements, `${path}[${index}]`, unknown));
  }
  if (typeof value !== 'object' || value === null || (fields === undefined && elements === undefined)) {
    return value;
  }
  const kept: JsonObject = {};
  for (const [name, child] of Object.entries(value)) {
    const childShape = fields === undefined ? elements : fields.get(name);
    if (childShape === undefined) {
      unknown.push(`${path}.${name}`);
    } else {
      kept[name] = pruneValue(child, childShape, `${path}.${name}`, unknown);
    }
  }
  return kept;
}
