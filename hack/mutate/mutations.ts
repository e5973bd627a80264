import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

/** One way to break the product that a named test must notice. */
export interface Mutation {
  /** What is broken, in a few words; unique. */
  readonly name: string;
  /** File of the product, relative to the root. */
  readonly file: string;
  /** Text that occurs in it exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly kind: 'unit' | 'integration';
  /** The test file that must turn red, relative to the root. */
  readonly test: string;
}

const fields = ['name', 'file', 'find', 'replace', 'kind', 'test'] as const;

function isMutation(value: unknown): value is Mutation {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Readonly<Record<string, unknown>>;
  const complete = fields.every((field) => typeof entry[field] === 'string');
  return (
    complete && Object.keys(entry).length === fields.length && ['unit', 'integration'].includes(String(entry.kind))
  );
}

/** Reads the list of mutations. Throws an Error that names the first entry that has not exactly the fields it must. */
export function readMutations(path: string): Mutation[] {
  const list: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(list)) throw new Error(`${path}: not a list`);
  return list.map((entry: unknown, at) => {
    if (!isMutation(entry)) throw new Error(`${path}: entry ${at} must have ${fields.join(', ')}, and nothing else`);
    return entry;
  });
}

/**
 * Why a mutation can't be applied to the tree at `root`; undefined when it can. A list that no longer fits the
 * product would otherwise pass for one that the tests withstand.
 */
export function misfit(root: string, {file, find, replace, test}: Mutation): string | undefined {
  if (!existsSync(join(root, test))) return `no test file ${test}`;
  if (!existsSync(join(root, file))) return `no file ${file}`;
  if (find === replace) return 'changes nothing';
  const found = find === '' ? 0 : readFileSync(join(root, file), 'utf8').split(find).length - 1;
  return found === 1 ? undefined : `its text occurs ${found} times in ${file}, not once`;
}
