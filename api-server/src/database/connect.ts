import {readFile} from 'node:fs/promises';
import {isIP, type Socket} from 'node:net';
import {createConnection, type Connection as CoreConnection, type ConnectionOptions, type SslOptions} from 'mysql2';
import type {Connection as PromiseConnection} from 'mysql2/promise';
import type {DatabaseConfig} from '../config.ts';
import {withDeadline} from './deadline.ts';
import {DatabaseUnavailableError, messageOf, NameUnknownError} from './errors.ts';

/** A connection by promises, and the one by callbacks that is under it, which the driver's types leave out. */
export type Connection = PromiseConnection & {readonly connection: CoreConnection};

/** Opens connections, each with the password and the certificate authority that the files hold at that moment. */
export type Connector = () => Promise<Connection>;

/** Long enough for a handshake on a server whose CPU is throttled, short enough that a request can still be answered. */
const CONNECT_TIMEOUT_MS = 5000;
const KEEP_ALIVE_MS = 30_000;

export interface ConnectorOptions {
  /** Statements run on each new connection, before it is used. */
  readonly initStatements?: readonly string[];
  /** Longest wait for the server's handshake. */
  readonly timeoutMs?: number;
}

/**
 * Makes a connector for an account.
 *
 * The promise of a connector rejects with a DatabaseUnavailableError when a file can't be read or the server refuses, a
 * NameUnknownError among them when no name server told the server's address in time; with
 * the driver's error when the server answered with one.
 */
export function connectorFor(
  config: DatabaseConfig,
  {initStatements = [], timeoutMs = CONNECT_TIMEOUT_MS}: ConnectorOptions = {},
): Connector {
  let ssl: SslOptions | undefined;
  return async () => {
    const password = (await readMounted(config.passwordFile, 'DB_PASSWORD_FILE')).replace(/\r?\n$/, '');
    if (config.tlsCaFile !== undefined) {
      const ca = await readMounted(config.tlsCaFile, 'DB_TLS_CA_FILE');
      // mysql2 keeps the secure context and TLS sessions by this object's identity: a new one only for a new authority.
      if (ssl?.ca !== ca) ssl = {ca, rejectUnauthorized: true, verifyIdentity: true, minVersion: 'TLSv1.2'};
    }
    return open({...optionsFor(config, password, ssl), connectTimeout: timeoutMs}, initStatements);
  };
}

function optionsFor(config: DatabaseConfig, password: string, ssl: SslOptions | undefined): ConnectionOptions {
  return {
    host: config.host,
    port: config.port,
    database: config.name,
    user: config.user,
    password,
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    // Without these mysql2 would shift times by this machine's zone and let one statement smuggle in a second.
    timezone: 'Z',
    multipleStatements: false,
    // A stack for each statement, in case it fails, costs a request a twentieth of its CPU time.
    trace: false,
    // Filters and orders of lists make many texts, and the server bounds those of all connections of all pods together.
    maxPreparedStatements: 64,
    ...(ssl === undefined ? {} : {ssl}),
  };
}

async function open(options: ConnectionOptions, initStatements: readonly string[]): Promise<Connection> {
  const connection = await new Promise<Connection>((resolve, reject) => {
    const core = createConnection(options);
    let found = isIP(options.host ?? '') !== 0;
    socketOf(core).once('lookup', (error: unknown) => {
      found = error === null;
    });
    // This listener stays for good: an 'error' event that nobody listens to, as after a failed handshake, ends the process.
    core.on('error', (error: Error) => reject(found ? error : new NameUnknownError(messageOf(error), {cause: error})));
    core.once('connect', () => resolve(Object.assign(core.promise(), {connection: core})));
  });
  try {
    for (const statement of initStatements) {
      await withDeadline(connection.query(statement), CONNECT_TIMEOUT_MS, 'preparing a connection');
    }
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** The driver's types leave it out. */
function socketOf(core: CoreConnection): Socket {
  return (core as CoreConnection & {readonly stream: Socket}).stream;
}

async function readMounted(path: string, variable: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new DatabaseUnavailableError(`The file that ${variable} names can't be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
