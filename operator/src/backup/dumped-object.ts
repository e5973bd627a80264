/** Kinds of objects that a schema holds and a dump must have. */
const kinds = ['TABLE', 'VIEW', 'TRIGGER', 'PROCEDURE', 'FUNCTION', 'EVENT'] as const;
export type ObjectKind = (typeof kinds)[number];

export interface DumpedObject {
  readonly kind: ObjectKind;
  readonly name: string;
}

/** A quoted name, the marks around code of a version, or a word. */
const TOKEN = /`(?:[^`]|``)*`|\/\*!\d*|\*\/|[^\s`*/]+|[*/]/g;

/**
 * What a statement of a dump creates.
 *
 * @param statement - its text, or as much of the start as holds the name
 * @returns undefined when it creates nothing that is listed here
 */
export function createdObject(statement: string): DumpedObject | undefined {
  const tokens = (statement.match(TOKEN) ?? []).filter((token) => !token.startsWith('/*!') && token !== '*/');
  if (tokens[0] !== 'CREATE') return undefined;
  const at = tokens.findIndex((token) => kinds.some((kind) => kind === token));
  const kind = kinds.find((one) => one === tokens[at]);
  const name = tokens[at + 1];
  if (kind === undefined || name?.startsWith('`') !== true) return undefined;
  return {kind, name: name.slice(1, -1).replaceAll('``', '`')};
}
