import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {parse} from 'yaml';
import {controlPlane, type ControlPlane} from '../../../hack/cluster/index.ts';
import {rootOf, type Crd} from '../../../hack/generate/crd.ts';
import {constraintsOf, type Constraint} from './constraints.ts';
import {placed, type Json} from './objects.ts';
import type {Try} from './rule-cases.ts';
import {Server, type Verdict} from './server.ts';

export const STRICT = 'fieldValidation=Strict';

/** A generated CRD, with all that it refuses. */
export class Definition {
  readonly crd: Crd;
  readonly root: ReturnType<typeof rootOf>;
  readonly constraints: readonly Constraint[];
  /** Path of its objects in the namespace `default`. */
  readonly collection: string;
  readonly #spec: Json;

  private constructor(crd: Crd, spec: Json) {
    this.crd = crd;
    this.root = rootOf(crd);
    this.constraints = constraintsOf(this.root);
    this.collection = `/apis/${crd.spec.group}/v1alpha1/namespaces/default/${crd.spec.names.plural}`;
    this.#spec = spec;
  }

  /** @param file - its name below crds @param spec - the least that an object of it must say */
  static async read(file: string, spec: Json): Promise<Definition> {
    const text = await readFile(join(import.meta.dirname, '../../../crds', file), 'utf8');
    return new Definition(parse(text, {version: '1.1'}) as Crd, spec);
  }

  /** The least object. */
  base(name: string): Json {
    const {group, names} = this.crd.spec;
    return {apiVersion: `${group}/v1alpha1`, kind: names.kind, metadata: {name}, spec: this.#spec};
  }
}

/** A definition that an API server of its own holds objects against. */
export class Trial {
  readonly server: Server;
  /** The least object, as the API server stored it. */
  readonly stored: Json;
  readonly #definition: Definition;
  readonly #control: ControlPlane;
  #named = 0;

  private constructor(definition: Definition, control: ControlPlane, server: Server, stored: Json) {
    this.#definition = definition;
    this.#control = control;
    this.server = server;
    this.stored = stored;
  }

  static async start(definition: Definition): Promise<Trial> {
    const control = await controlPlane();
    const server = new Server(await readFile(control.kubeconfigPath, 'utf8'));
    const {collection, crd} = definition;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`;
    await server.must('PATCH', `${path}?fieldManager=test&force=true&${STRICT}`, crd);
    await server.served(collection);
    const stored = await server.must('POST', `${collection}?${STRICT}`, definition.base('stored'));
    return new Trial(definition, control, server, stored);
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.#control.stop();
  }

  created(object: Json): Promise<Json> {
    return this.server.must('POST', `${this.#definition.collection}?${STRICT}`, object);
  }

  /** What the API server would say to an object with this value at this path. */
  async verdictOn(path: string, {value, from}: Try): Promise<Verdict> {
    const {collection, root} = this.#definition;
    const base = (name: string): Json => this.#definition.base(name);
    if (path.split('.')[0] === 'status') {
      const object = placed(root.schema, {...this.stored, status: {}}, path, value);
      return this.server.send('PUT', `${collection}/stored/status?dryRun=All&${STRICT}`, object);
    }
    if (from === undefined) {
      const object = placed(root.schema, base('tried'), path, value);
      return this.server.send('POST', `${collection}?dryRun=All&${STRICT}`, object);
    }
    const name = `from-${String(this.#named++)}`;
    const before = await this.created(placed(root.schema, base(name), path, from));
    const {spec} = placed(root.schema, base(name), path, value);
    const verdict = await this.server.send('PUT', `${collection}/${name}?dryRun=All&${STRICT}`, {...before, spec});
    await this.server.must('DELETE', `${collection}/${name}`);
    return verdict;
  }
}
