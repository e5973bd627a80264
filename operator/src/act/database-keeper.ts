import {X509Certificate} from 'node:crypto';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import type {DatabaseTarget} from '../api/v1alpha1/index.ts';

/** One account as its Secret has it. */
export interface DatabaseAccount {
  readonly role: string;
  readonly user: string;
  readonly password: string;
}

/** What must hold after a server has started. */
export interface DatabaseCheck {
  /** The admin interface, as the admin account. */
  readonly admin: DatabaseTarget;
  /** The same server's ordinary port. */
  readonly port: number;
  readonly accounts: readonly DatabaseAccount[];
  readonly maxConnections: number;
  /** The certificate that the Secret holds, PEM. */
  readonly certificate: string;
}

/** Opens a connection to MySQL over TLS. */
export type Connect = (target: DatabaseTarget) => Promise<Connection>;

interface Verified {
  readonly fingerprint: string;
  readonly problem: string | undefined;
}

const SERVER_NOT_AFTER = `SELECT VARIABLE_VALUE AS value FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Ssl_server_not_after'`;

/**
 * Brings a running server to what the Secrets and the spec say, without a restart. The init file sets every account at
 * each start, but a statement of it that fails silently skips the rest (measured): so each account is tried once a start.
 */
export class DatabaseKeeper {
  readonly #connect: Connect;
  readonly #verified = new Map<string, Verified>();

  constructor(options: {connect: Connect}) {
    this.#connect = options.connect;
  }

  /**
   * @param fingerprint - changes when the server was restarted or a Secret changed; the same one is not checked twice
   * @returns what is wrong and what to do about it; undefined when all is well
   * @throws when the server can't be asked now: try again with the next look
   */
  async keep(key: string, fingerprint: string, check: () => DatabaseCheck): Promise<string | undefined> {
    const known = this.#verified.get(key);
    if (known?.fingerprint === fingerprint) return known.problem;
    const problem = await this.#verify(check());
    this.#verified.set(key, {fingerprint, problem});
    return problem;
  }

  forget(key: string): void {
    this.#verified.delete(key);
  }

  async #verify(check: DatabaseCheck): Promise<string | undefined> {
    const admin = await this.#connect(check.admin);
    try {
      await this.#limits(admin, check.maxConnections);
      await this.#certificate(admin, check.certificate);
      const problems: string[] = [];
      for (const account of check.accounts) {
        const problem = await this.#account(admin, check, account);
        if (problem !== undefined) problems.push(problem);
      }
      return problems.length === 0 ? undefined : problems.join('; ');
    } finally {
      admin.destroy();
    }
  }

  async #limits(admin: Connection, maxConnections: number): Promise<void> {
    await admin.query('SET GLOBAL max_connections = ?', [maxConnections]);
  }

  /** A renewed certificate is taken up without a restart, once the kubelet has brought it into the pod. */
  async #certificate(admin: Connection, certificate: string): Promise<void> {
    const notAfter = Date.parse(new X509Certificate(certificate).validTo);
    const [rows] = await admin.query<RowDataPacket[]>(SERVER_NOT_AFTER);
    const served = Date.parse(String(rows[0]?.['value'] ?? ''));
    if (!Number.isNaN(served) && Math.abs(served - notAfter) > 1000) await admin.query('ALTER INSTANCE RELOAD TLS');
  }

  async #account(admin: Connection, check: DatabaseCheck, account: DatabaseAccount): Promise<string | undefined> {
    const target = {...check.admin, port: check.port, user: account.user, password: account.password};
    const first = await this.#tryLogin(target);
    if (first === undefined) return undefined;
    if (first !== 'ER_ACCESS_DENIED_ERROR') throw new Error(`login as ${account.role} failed: ${first}`);
    try {
      await admin.query('ALTER USER ?@? IDENTIFIED BY ?', [account.user, '%', account.password]);
    } catch (error) {
      return `account ${account.role} can not log in and its password can not be set (${errorCode(error)}); delete the database's pod so that its init file sets the accounts again`;
    }
    const second = await this.#tryLogin(target);
    return second === undefined ? undefined : `account ${account.role} can not log in (${second})`;
  }

  /** @returns undefined when the login works, else the error's code */
  async #tryLogin(target: DatabaseTarget): Promise<string | undefined> {
    try {
      const connection = await this.#connect(target);
      connection.destroy();
      return undefined;
    } catch (error) {
      return errorCode(error);
    }
  }
}

/** The error's code: its message may quote an address or a user. */
function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UnknownError';
}
