/** One migration of this image: a file `<number>_<name>.sql` with a header and one statement. */
export interface Migration {
  readonly version: number;
  readonly file: string;
  /** Whether the release before this migration can work with the schema after it. */
  readonly previousCanRead: boolean;
  readonly statement: string;
}

/** The image's migration files aren't usable. */
export class MigrationFileError extends Error {
  override readonly name = 'MigrationFileError';
}

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;
const HEADER = /^-- previous_can_read: (true|false)$/;

/**
 * Reads one migration file.
 *
 * A file holds exactly one statement: MySQL makes each change of a table atomic by itself but can't put two of them, or
 * one of them and the record of it, into a transaction. With one statement a file, "was it done?" has a yes or a no.
 *
 * @throws {MigrationFileError} naming the file and what must be so.
 */
export function parseMigration(file: string, text: string): Migration {
  const number = FILE_NAME.exec(file)?.[1];
  if (number === undefined) {
    throw new MigrationFileError(`${file}: the name must be four digits, an underscore, a name, and .sql`);
  }
  const [firstLine = '', ...rest] = text.split(/\r?\n/);
  const header = HEADER.exec(firstLine)?.[1];
  if (header === undefined) {
    throw new MigrationFileError(`${file}: the first line must be "-- previous_can_read: true" or "… false"`);
  }
  const statements = splitStatements(rest.join('\n'));
  const [statement] = statements;
  if (statement === undefined || statements.length > 1) {
    throw new MigrationFileError(`${file}: it must hold exactly one statement, and has ${statements.length}`);
  }
  return {version: Number(number), file, previousCanRead: header === 'true', statement};
}

/**
 * Puts migrations in order.
 *
 * @throws {MigrationFileError} unless they are numbered 1, 2, 3, … without a gap or a double.
 */
export function orderMigrations(migrations: readonly Migration[]): readonly Migration[] {
  const ordered = [...migrations].sort((a, b) => a.version - b.version);
  for (const [index, {version, file}] of ordered.entries()) {
    if (version !== index + 1) throw new MigrationFileError(`${file}: number ${index + 1} must come here`);
  }
  return ordered;
}

/** What isn't a statement's own text: comments, and what is quoted, where a semicolon ends nothing. */
const TOKEN =
  /(?<comment>--(?=\s|$)[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)|(?<quoted>'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`)|(?<end>;)|[\s\S]/g;

/** Cuts SQL at the semicolons outside quotes and comments, and drops the comments. */
function splitStatements(sql: string): readonly string[] {
  const statements: string[] = [];
  let current = '';
  for (const {0: text, groups} of sql.matchAll(TOKEN)) {
    if (groups?.end !== undefined) {
      statements.push(current.trim());
      current = '';
    } else {
      current += groups?.comment === undefined ? text : ' ';
    }
  }
  return [...statements, current.trim()].filter((statement) => statement !== '');
}
