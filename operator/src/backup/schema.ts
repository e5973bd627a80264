import {createConnection, type Connection, type RowDataPacket} from 'mysql2/promise';
import type {DumpedObject, ObjectKind} from './dumped-object.ts';
import {BackupFailure} from './failure.ts';

export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Certificates of the authorities to trust, PEM. */
  readonly ca: string;
  /** Whether the certificate must be the host's. */
  readonly verifyIdentity: boolean;
}

/** What is known of the schema at one moment. */
export interface Catalogue {
  readonly objects: readonly DumpedObject[];
  readonly serverVersion: string;
  readonly gtidExecuted: string;
  /** The newest migration; undefined where the API keeps no list of them. */
  readonly schemaVersion: number | undefined;
}

/** The lock that migrations take too (docs/reference/image-contract.md). */
const LOCK_NAME = 'maintenance-api.schema';
const CONNECT_TIMEOUT_MS = 10_000;
/** A large catalogue takes seconds; one that takes longer is of a server that hangs. */
const QUERY_TIMEOUT_MS = 60_000;
/** The account's privileges; without one of them mysqldump leaves objects out and ends with 0 (measured). */
const PRIVILEGES = ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT'] as const;

/** The backup account's session. The schema lock goes with it, however it ends. */
export class SchemaSession {
  readonly #connection: Connection;
  readonly #database: string;

  private constructor(connection: Connection, database: string) {
    this.#connection = connection;
    this.#database = database;
  }

  /** @throws BackupFailure DatabaseUnreachable */
  static async open(settings: DatabaseSettings): Promise<SchemaSession> {
    const {host, port, database, user, password, ca, verifyIdentity} = settings;
    try {
      const connection = await createConnection({
        ...{host, port, database, user, password, connectTimeout: CONNECT_TIMEOUT_MS},
        ssl: {ca, minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity},
      });
      // A session that is lost is found by the next query; without a listener the process would end.
      connection.on('error', () => connection.destroy());
      // It has nothing to say while a long dump runs, and would lose the lock with its session.
      await connection.query('SET SESSION wait_timeout = 604800');
      return new SchemaSession(connection, database);
    } catch (error) {
      throw new BackupFailure(
        'DatabaseUnreachable',
        `The database refused the backup's login (${codeOf(error)})`,
        error,
      );
    }
  }

  /**
   * Keeps migrations and other backups out.
   *
   * @param waitSeconds - how long one that is under way is waited for
   * @param signal - ends the wait
   * @throws BackupFailure SchemaLocked
   */
  async lock(waitSeconds: number, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + waitSeconds * 1000;
    for (;;) {
      signal.throwIfAborted();
      const [row] = await this.#ask('SELECT GET_LOCK(?, 1) AS locked', [LOCK_NAME]);
      if (row?.['locked'] === 1) return;
      if (performance.now() < deadline) continue;
      throw new BackupFailure(
        'SchemaLocked',
        `Another backup or a migration has held the schema lock of "${this.#database}" for ${String(waitSeconds)} s`,
      );
    }
  }

  /** Whether the lock was held all the time: it goes with the session, which does not come back. */
  async holdsLock(): Promise<boolean> {
    const [row] = await this.#ask('SELECT IS_USED_LOCK(?) = CONNECTION_ID() AS held', [LOCK_NAME]);
    return row?.['held'] === 1;
  }

  /**
   * The catalogue shows an account only what it has privileges on: so that is looked at first.
   *
   * @throws BackupFailure GrantMissing naming every one that is missing
   */
  async requireGrants(): Promise<void> {
    const rows = await this.#ask('SHOW GRANTS');
    const missing = missingGrants(
      rows.map((row) => String(Object.values(row)[0])),
      this.#database,
    );
    if (missing.length > 0)
      throw new BackupFailure(
        'GrantMissing',
        `The backup's account lacks ${missing.join(', ')} on "${this.#database}"; without it a dump leaves objects out`,
      );
  }

  async catalogue(): Promise<Catalogue> {
    const objects = (await this.#ask(CATALOGUE, Array<string>(4).fill(this.#database))).map((row): DumpedObject => ({
      kind: row['kind'] as ObjectKind,
      name: String(row['name']),
    }));
    const [server] = await this.#ask('SELECT VERSION() AS version, @@GLOBAL.gtid_executed AS gtids');
    const hasMigrations = objects.some(({kind, name}) => kind === 'TABLE' && name === 'schema_migrations');
    const [migration] = hasMigrations ? await this.#ask('SELECT MAX(version) AS version FROM schema_migrations') : [];
    const schemaVersion: unknown = migration?.['version'];
    return {
      objects,
      serverVersion: String(server?.['version']),
      gtidExecuted: String(server?.['gtids']).replaceAll(/\s/g, ''),
      schemaVersion: typeof schemaVersion === 'number' ? schemaVersion : undefined,
    };
  }

  close(): void {
    this.#connection.destroy();
  }

  async #ask(sql: string, values: readonly (string | number)[] = []): Promise<RowDataPacket[]> {
    try {
      const [rows] = await this.#connection.query<RowDataPacket[]>({
        sql,
        values: [...values],
        timeout: QUERY_TIMEOUT_MS,
      });
      return rows;
    } catch (error) {
      throw new BackupFailure(
        'DatabaseUnreachable',
        `The database was lost during the backup (${codeOf(error)})`,
        error,
      );
    }
  }
}

const CATALOGUE = `
  SELECT IF(TABLE_TYPE = 'VIEW', 'VIEW', 'TABLE') AS kind, TABLE_NAME AS name
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?
  UNION ALL SELECT 'TRIGGER', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?
  UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?
  UNION ALL SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?`;

/**
 * The privileges that a dump needs and the grants don't give.
 *
 * @param grants - the statements of SHOW GRANTS
 */
export function missingGrants(grants: readonly string[], database: string): string[] {
  const global = new Set<string>();
  const onSchema = new Set<string>();
  for (const grant of grants) {
    const [, list = '', target = ''] = /^GRANT (.+?) ON (\S+) TO /.exec(grant) ?? [];
    const schema = /^`((?:[^`]|``)*)`\.\*$/
      .exec(target)?.[1]
      ?.replaceAll('``', '`')
      .replaceAll(/\\([_%])/g, '$1');
    const granted = target === '*.*' ? global : schema === database ? onSchema : undefined;
    for (const privilege of list.split(', ')) granted?.add(privilege);
  }
  const has = (privilege: string): boolean =>
    [global, onSchema].some((granted) => granted.has(privilege) || granted.has('ALL PRIVILEGES'));
  const missing: string[] = PRIVILEGES.filter((privilege) => !has(privilege));
  // SELECT on everything shows routines too.
  const seesRoutines = ['SHOW_ROUTINE', 'SELECT', 'ALL PRIVILEGES'].some((privilege) => global.has(privilege));
  return seesRoutines ? missing : [...missing, 'SHOW_ROUTINE'];
}

/** The error's code: its message may quote an address or a user. */
function codeOf(error: unknown): string {
  const {code} = (typeof error === 'object' ? (error ?? {}) : {}) as {code?: unknown};
  return typeof code === 'string' ? code : 'UnknownError';
}
