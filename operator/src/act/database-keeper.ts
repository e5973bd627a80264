import {X509Certificate} from 'node:crypto';
import type {Connection, RowDataPacket} from 'mysql2/promise';
import type {DatabaseTarget} from '../api/v1alpha1/index.ts';
import type {Clock, Logger, TimerHandle} from '../runtime/index.ts';

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

/** What is wrong with a database's accounts or certificate. */
export interface DatabaseProblem {
  readonly message: string;
  /** Only a person can change it. */
  readonly lasting: boolean;
}

interface Kept {
  readonly fingerprint: string;
  check: () => DatabaseCheck;
  problem: DatabaseProblem | undefined;
  /** Tries in a row that came to no end. */
  unfinished: number;
  timer: TimerHandle | undefined;
}

/** What a look at the server came to: it is as it should be; only a person can help; or it isn't known yet, and why. */
type Verdict =
  | {readonly kind: 'Well'}
  | {readonly kind: 'Wrong'; readonly message: string}
  | {readonly kind: 'Unfinished'; readonly message: string};

const QUERY_TIMEOUT_MS = 3_000;
/** The kubelet brings a renewed certificate into the pod within one or two minutes. */
const AGAIN_MS = 30_000;
/** What isn't known after so many tries is said. */
const PATIENCE = 5;

const SERVER_NOT_AFTER = `SELECT VARIABLE_VALUE AS value FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Ssl_server_not_after'`;

export interface DatabaseKeeperOptions {
  readonly connect: Connect;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told the key when what {@link DatabaseKeeper.keep} answers is another. */
  readonly onChange: (key: string) => void;
}

/**
 * Brings running servers to what the Secrets and the spec say, without a restart. The init file sets every account at
 * each start, but a statement of it that fails silently skips the rest (measured): so each account is tried once a start.
 * Servers are looked at beside the reconciles, so that one that hangs holds up nothing (invariant 13).
 */
export class DatabaseKeeper {
  readonly #options: DatabaseKeeperOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(options: DatabaseKeeperOptions) {
    this.#options = options;
  }

  /**
   * Sees to it that a reachable server is looked at. Doesn't wait for that.
   *
   * @param fingerprint - changes when the server was restarted or a Secret changed; what was found well is not looked at
   *   twice
   * @returns what is known to be wrong; undefined when all is well, or nothing is known yet
   */
  keep(key: string, fingerprint: string, check: () => DatabaseCheck): DatabaseProblem | undefined {
    const known = this.#kept.get(key);
    if (known?.fingerprint === fingerprint) {
      known.check = check;
      return known.problem;
    }
    known?.timer?.cancel();
    const kept: Kept = {fingerprint, check, problem: known?.problem, unfinished: 0, timer: undefined};
    this.#kept.set(key, kept);
    void this.#look(key, kept);
    return kept.problem;
  }

  forget(key: string): void {
    this.#kept.get(key)?.timer?.cancel();
    this.#kept.delete(key);
  }

  stop(): void {
    for (const key of [...this.#kept.keys()]) this.forget(key);
  }

  async #look(key: string, kept: Kept): Promise<void> {
    const verdict = await this.#verify(kept.check).catch(unfinished);
    if (this.#kept.get(key) !== kept) return;
    const before = kept.problem?.message;
    kept.problem = this.#problemOf(kept, verdict);
    if (verdict.kind !== 'Well') {
      this.#options.logger.warn({key, detail: verdict.message}, 'The database is not as its Secrets say');
      kept.timer = this.#options.clock.setTimeout(() => void this.#look(key, kept), AGAIN_MS);
    }
    if (kept.problem?.message !== before) this.#options.onChange(key);
  }

  #problemOf(kept: Kept, verdict: Verdict): DatabaseProblem | undefined {
    switch (verdict.kind) {
      case 'Well':
        kept.unfinished = 0;
        return undefined;
      case 'Wrong':
        kept.unfinished = 0;
        return {message: verdict.message, lasting: true};
      case 'Unfinished':
        kept.unfinished++;
        return kept.unfinished < PATIENCE ? kept.problem : {message: verdict.message, lasting: false};
    }
  }

  async #verify(make: () => DatabaseCheck): Promise<Verdict> {
    const check = make();
    const admin = await this.#open(check.admin);
    if (typeof admin === 'string') return admin === DENIED ? wrong(lockedOut('admin', admin)) : unfinished(admin);
    try {
      await ask(admin, 'SET GLOBAL max_connections = ?', [check.maxConnections]);
      const verdicts = [await this.#certificate(admin, check.certificate).catch(unfinished)];
      for (const account of check.accounts) verdicts.push(await this.#account(admin, check, account));
      return worst(verdicts);
    } finally {
      admin.destroy();
    }
  }

  /** A renewed certificate is taken up without a restart, once the kubelet has brought it into the pod. */
  async #certificate(admin: Connection, certificate: string): Promise<Verdict> {
    if (await serves(admin, certificate)) return {kind: 'Well'};
    // The admin interface has a context of its own, which the server's status doesn't tell: it comes first, so that where
    // the ordinary one serves the new certificate, whoever was killed in between, this one does too.
    await ask(admin, 'ALTER INSTANCE RELOAD TLS FOR CHANNEL mysql_admin');
    await ask(admin, 'ALTER INSTANCE RELOAD TLS');
    return (await serves(admin, certificate))
      ? {kind: 'Well'}
      : {kind: 'Unfinished', message: 'The database does not serve its renewed certificate yet'};
  }

  async #account(admin: Connection, check: DatabaseCheck, account: DatabaseAccount): Promise<Verdict> {
    const {role, user, password} = account;
    const target = {...check.admin, port: check.port, user, password};
    const first = await this.#tryLogin(target);
    if (first === undefined) return {kind: 'Well'};
    if (first !== DENIED) return unfinished(first);
    try {
      await ask(admin, 'ALTER USER ?@? IDENTIFIED BY ?', [user, '%', password]);
    } catch (error) {
      return wrong(lockedOut(role, errorCode(error)));
    }
    const second = await this.#tryLogin(target);
    return second === undefined ? {kind: 'Well'} : wrong(lockedOut(role, second));
  }

  /** @returns undefined when the login works, else the error's code */
  async #tryLogin(target: DatabaseTarget): Promise<string | undefined> {
    const connection = await this.#open(target);
    if (typeof connection === 'string') return connection;
    connection.destroy();
    return undefined;
  }

  /** @returns the error's code where it fails */
  async #open(target: DatabaseTarget): Promise<Connection | string> {
    try {
      return await this.#options.connect(target);
    } catch (error) {
      return errorCode(error);
    }
  }
}

const DENIED = 'ER_ACCESS_DENIED_ERROR';

const wrong = (message: string): Verdict => ({kind: 'Wrong', message});

function unfinished(error: unknown): Verdict {
  const code = typeof error === 'string' ? error : errorCode(error);
  return {kind: 'Unfinished', message: `The database's accounts and certificate could not be checked (${code})`};
}

function lockedOut(role: string, code: string): string {
  return `Account ${role} of the database can not log in (${code}); delete the database's pod so that its init file sets the accounts again`;
}

function worst(verdicts: readonly Verdict[]): Verdict {
  const wrongs = verdicts.filter((verdict) => verdict.kind === 'Wrong');
  if (wrongs.length > 0) return wrong(wrongs.map(({message}) => message).join('; '));
  return verdicts.find((verdict) => verdict.kind === 'Unfinished') ?? {kind: 'Well'};
}

async function ask(connection: Connection, sql: string, values: readonly (string | number)[] = []): Promise<unknown> {
  const [rows] = await connection.query<RowDataPacket[]>({sql, values: [...values], timeout: QUERY_TIMEOUT_MS});
  return rows;
}

async function serves(admin: Connection, certificate: string): Promise<boolean> {
  const rows = (await ask(admin, SERVER_NOT_AFTER)) as readonly RowDataPacket[];
  const served = Date.parse(String(rows[0]?.['value'] ?? ''));
  return Math.abs(served - Date.parse(new X509Certificate(certificate).validTo)) <= 1000;
}

/** The error's code: its message may quote an address or a user, and its `sql` a password. */
function errorCode(error: unknown): string {
  const {code} = (typeof error === 'object' ? (error ?? {}) : {}) as {code?: unknown};
  return typeof code === 'string' ? code : 'UnknownError';
}
