import {canonicalHash} from './canonical.ts';
import {templates, type Templates} from './templates.ts';
import {managedDatabase, type MaintenanceApi, type ManagedDatabase} from '../api/v1alpha1/index.ts';

/** The generation of templates that this operator renders wherever pods are made anew. */
export const RENDER_VERSION = Math.max(...Object.keys(templates).map(Number));

/** What is there was rendered by a newer operator, or one so old that this one doesn't know how any more. */
export class UnknownRenderVersion extends Error {
  override readonly name = 'UnknownRenderVersion';

  constructor(version: number) {
    const known = Object.keys(templates).join(', ');
    super(`Its pods have render version ${version}, and this operator knows ${known}: it leaves them alone`);
  }
}

/**
 * How pods of a generation are made.
 *
 * @throws UnknownRenderVersion when this operator doesn't know it
 */
export function templatesOf(version: number): Templates {
  const found = templates[version];
  if (found === undefined) throw new UnknownRenderVersion(version);
  return found;
}

const HASH_LENGTH = 12;

/** Tells one pod template of the database from another of the same generation: it is another if the spec asks for that. */
export function databaseTemplateHash(
  {metadata: {name}, spec}: MaintenanceApi,
  database: ManagedDatabase,
  version: number,
): string {
  return canonicalHash(templatesOf(version).databasePod(name, spec, database)).slice(0, HASH_LENGTH);
}

/** What the database's StatefulSet says of its own template. */
export interface RenderedDatabase {
  readonly version: number;
  /** undefined: it was made by an operator that didn't note it. */
  readonly templateHash: string | undefined;
}

/**
 * The generation to render the database by: the one that it has, until its pod is replaced anyway, because the spec asks
 * for another one, or until it may be. So an upgrade of the operator alone restarts no database.
 *
 * @param rendered - the one that is there; undefined: none
 * @param mayReplace - its pod may be replaced now for the newest generation
 * @throws UnknownRenderVersion when a newer operator rendered it
 */
export function databaseVersion(
  api: MaintenanceApi,
  rendered: RenderedDatabase | undefined,
  mayReplace: boolean,
): number {
  const database = managedDatabase(api.spec);
  if (rendered === undefined || database === undefined) return RENDER_VERSION;
  const {version, templateHash} = rendered;
  if (version >= RENDER_VERSION) return version;
  const asked = templateHash !== undefined && templateHash !== databaseTemplateHash(api, database, version);
  return asked || mayReplace ? RENDER_VERSION : version;
}
