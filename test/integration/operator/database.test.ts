import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test} from '@jest/globals';
import type {TLSSocket} from 'node:tls';
import {createServer, type AddressInfo} from 'node:net';
import {DatabaseKeeper, type DatabaseCheck} from '../../../operator/src/act/database-keeper.ts';
import type {DatabaseTarget} from '../../../operator/src/api/v1alpha1/index.ts';
import {databaseRoles} from '../../../operator/src/desired/index.ts';
import {connectDatabase, DatabaseProbes, type DatabaseReading} from '../../../operator/src/observe/database-probe.ts';
import {systemClock} from '../../../operator/src/runtime/index.ts';
import {RecordingLogger} from '../../../operator/src/runtime/testing/logs.ts';
import {waitFor} from '../../harness/wait.ts';
import {certificateOf, ManagedDatabase, passwordOf, roleSecrets} from '../desired/managed-database.ts';

jest.setTimeout(120_000);

const KEY = 'apis/shop';
const EVERY_MS = 100;
const MINUTE_MS = 60_000;
/** What must be in no text: addresses, ports' owners and passwords. */
const SECRET = /127\.0\.0\.1|0123456789abcdef/;

let database: ManagedDatabase;
let probes: DatabaseProbes;
let keeper: DatabaseKeeper;
let logger: RecordingLogger;
/** Told by probe and keeper. */
/** What was known at each call of onChange. */
let changes: (DatabaseReading | undefined)[];

beforeAll(async () => {
  database = await ManagedDatabase.create();
}, 180_000);

afterAll(async () => {
  await database.remove();
});

beforeEach(() => {
  changes = [];
  logger = new RecordingLogger();
  const onChange = (): void => void changes.push(probes.reading(KEY));
  probes = new DatabaseProbes({connect: connectDatabase, clock: systemClock, onChange, testifies: true});
  keeper = new DatabaseKeeper({connect: connectDatabase, clock: systemClock, logger, onChange});
});

afterEach(async () => {
  probes.stop();
  keeper.stop();
  await database.removePod();
});

async function started(...options: string[]): Promise<void> {
  await database.newPodWithData();
  await database.start(...options);
}

const watch = (target: DatabaseTarget = database.target('monitor', {admin: true})): void => {
  probes.watch(KEY, target, EVERY_MS);
};

const until = async (what: string, holds: (reading: DatabaseReading) => boolean): Promise<DatabaseReading> =>
  await waitFor(
    what,
    async () => {
      const reading = probes.reading(KEY);
      if (reading !== undefined && holds(reading)) return Promise.resolve(reading);
      throw new Error(`last read: ${JSON.stringify(reading)}`);
    },
    60_000,
  );

const wanted = (change: Partial<DatabaseCheck> = {}): DatabaseCheck => ({
  admin: database.target('admin', {admin: true}),
  port: database.target('app').port,
  accounts: databaseRoles.map((role) => ({role, user: role, password: passwordOf(role)})),
  maxConnections: 93,
  certificate: database.certificate,
  ...change,
});

/** Has the server looked after until a state is there. */
async function kept(fingerprint: string, check: DatabaseCheck, holds: () => Promise<boolean> | boolean): Promise<void> {
  keeper.keep(KEY, fingerprint, () => check);
  await waitFor(
    'the keeper has done its work',
    async () => ((await holds()) ? true : Promise.reject(new Error(JSON.stringify(logger.lines)))),
    60_000,
  );
}

const canLogIn = async (target: DatabaseTarget): Promise<boolean> =>
  await connectDatabase(target).then(
    (connection) => {
      connection.destroy();
      return true;
    },
    () => false,
  );

/** When the certificate that a port serves runs out. */
async function servedUntil(port: number): Promise<number> {
  const connection = await connectDatabase({...database.target('admin'), port});
  try {
    const {stream} = (connection as unknown as {connection: {stream: TLSSocket}}).connection;
    return Date.parse(stream.getPeerCertificate().valid_to);
  } finally {
    connection.destroy();
  }
}

describe('a probe of a real server', () => {
  test('reads its figures over the admin interface, as the monitor alone', async () => {
    await started();
    const held = await database.as('app');
    watch();
    const reading = await until('it is read', ({reachable}) => reachable);
    expect(reading).toMatchObject({
      serverUuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      maxConnections: 280,
      slowQueries: 0,
      connectionErrorsMax: 0,
    });
    expect(reading.threadsConnected).toBeGreaterThan(1);
    expect(reading.threadsRunning).toBeGreaterThan(0);
    expect(reading.connectionsByAddress.get('127.0.0.1')).toBeGreaterThan(1);
    expect(Math.abs(Date.now() - (reading.startedAt ?? 0))).toBeLessThan(60_000);
    await held.end();
  });

  test('answers also while every ordinary connection is taken, and counts those that were refused', async () => {
    // The probe's own connection counts, though it is let in whatever the count.
    await started('--max-connections=2');
    probes.watch(KEY, database.target('monitor', {admin: true}), 1_000);
    await until('it is read', ({reachable}) => reachable);
    const taken = await database.as('app');
    // A reading tells of the refusals since the one before: they go on until one is seen.
    const refused = {code: 'ER_CON_COUNT_ERROR'};
    const reading = await waitFor(
      'refusals are seen',
      async () => {
        await expect(database.as('app')).rejects.toMatchObject(refused);
        const last = probes.reading(KEY);
        if (last?.connectionErrorsMax === undefined || last.connectionErrorsMax === 0) throw new Error('none yet');
        return last;
      },
      60_000,
    );
    expect(reading).toMatchObject({reachable: true, maxConnections: 2});
    await taken.end();
  });

  test('tells that it was killed, since when, and that it is there again as the same server', async () => {
    await started();
    watch();
    const {serverUuid} = await until('it is read', ({reachable}) => reachable);
    await database.stop();
    const lost = await until('it is lost', ({reachable}) => !reachable);
    expect(lost.reason).toMatch(/^(ECONNREFUSED|ECONNRESET|PROTOCOL_CONNECTION_LOST)$/);
    expect(JSON.stringify(lost)).not.toMatch(SECRET);
    const {unreachableSince} = await until('it is still lost', ({readAt}) => readAt > lost.readAt);
    expect(unreachableSince).toBe(lost.unreachableSince);

    await database.start();
    watch();
    await until('it is back', ({reachable}) => reachable);
    // The first answer: a server that has just started may be lost once more.
    const back = changes.slice(changes.findIndex((one) => one?.reachable === false)).find((one) => one?.reachable);
    expect(back).toMatchObject({serverUuid, lastOutage: {from: unreachableSince}});
    expect(back?.lastOutage?.to).toBeGreaterThan(lost.readAt);
    expect(back?.lastOutage?.to).toBeLessThanOrEqual(back?.readAt ?? 0);
    expect(changes.length).toBeGreaterThanOrEqual(3);
  });

  test.each([
    ['that says nothing', () => undefined, 'ETIMEDOUT'],
    [
      'that speaks something else',
      (socket: {end: (text: string) => void}) => {
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      },
      /./,
    ],
  ])('of a port %s ends, and leaves no connection', async (_what, talk, reason) => {
    const open = new Set<object>();
    const server = createServer((socket) => {
      open.add(socket.on('close', () => open.delete(socket)).on('error', () => undefined));
      talk(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await database.newPodWithData();
    watch({...database.target('monitor'), port: (server.address() as AddressInfo).port});
    const reading = await until('it is given up', ({reachable}) => !reachable);
    expect(reading.reason).toMatch(reason);
    expect(JSON.stringify(reading)).not.toMatch(SECRET);
    probes.stop();
    await waitFor(
      'no connection is open',
      async () => (open.size === 0 ? true : Promise.reject(new Error('open'))),
      20_000,
    );
    await new Promise((resolve) => server.close(resolve));
  });

  test('trusts no server but its own, by authority and by name', async () => {
    await started();
    const target = database.target('monitor', {admin: true});
    const other = await ManagedDatabase.create();
    try {
      watch({...target, ca: other.target('monitor').ca});
      const foreign = await until('another authority is refused', ({reachable}) => !reachable);
      expect(foreign.reason).toMatch(/SSL|CERT/);
      probes.stop();
      watch({...target, serverName: 'db.example.com'});
      const misnamed = await until('another name is refused', ({reachable}) => !reachable);
      expect(misnamed.reason).toMatch(/SSL|CERT/);
    } finally {
      await other.remove();
    }
  });

  test('with a password that the server does not know says that the server is there', async () => {
    await started();
    watch(database.target('monitor', {admin: true, password: 'another0123456789'}));
    const reading = await until('it is read', () => true);
    expect(reading).toMatchObject({reachable: true, reason: 'ER_ACCESS_DENIED_ERROR', serverUuid: undefined});
  });
});

describe('a keeper of a real server', () => {
  test('sets the limit, and leaves accounts that work as they are', async () => {
    await started();
    await kept('1', wanted(), async () => {
      const [row] = await database.query('monitor', 'SELECT @@max_connections AS n');
      return row?.['n'] === 93;
    });
    for (const role of databaseRoles) expect(await canLogIn(database.target(role))).toBe(true);
    expect([keeper.keep(KEY, '1', wanted), logger.lines]).toEqual([undefined, []]);
  });

  test('brings accounts to what their Secrets say, the monitor that can not log in any more among them', async () => {
    await started();
    const password = 'changed0123456789abcdef';
    const changed = ['app', 'migrate', 'monitor'] as const;
    watch(database.target('monitor', {admin: true, password}));
    await until('the monitor is refused', ({reason}) => reason === 'ER_ACCESS_DENIED_ERROR');
    const accounts = databaseRoles.map((role) => ({
      ...{role, user: role},
      password: role === 'admin' ? passwordOf(role) : password,
    }));
    await kept('1', wanted({accounts}), async () =>
      (await Promise.all(changed.map((role) => canLogIn(database.target(role, {password}))))).every(Boolean),
    );
    await until('the monitor reads again', ({reason, serverUuid}) => reason === undefined && serverUuid !== undefined);
    for (const role of changed) expect(await canLogIn(database.target(role))).toBe(false);
    expect(keeper.keep(KEY, '1', wanted)).toBeUndefined();
    expect(JSON.stringify(logger.lines)).not.toMatch(SECRET);
  });

  test('says that the admin itself is locked out, and what to do; a new start of the pod sets it right', async () => {
    await started();
    const admin = database.target('admin', {admin: true, password: 'changed0123456789abcdef'});
    await kept('1', wanted({admin}), () => keeper.keep(KEY, '1', () => wanted({admin})) !== undefined);
    const problem = keeper.keep(KEY, '1', () => wanted({admin}));
    expect(problem).toMatchObject({lasting: true, message: expect.stringContaining("delete the database's pod")});
    expect(JSON.stringify([problem, logger.lines])).not.toMatch(SECRET);

    await database.stop();
    const accounts = databaseRoles.map((role) => ({role, user: role, password: `${passwordOf(role)}Next`}));
    await database.pod.mountSecrets(roleSecrets('Next'));
    await database.initialise();
    await database.start();
    const next = {admin: database.target('admin', {admin: true, password: `${passwordOf('admin')}Next`}), accounts};
    await kept('2', wanted(next), () => keeper.keep(KEY, '2', () => wanted(next)) === undefined);
  });

  test('has a renewed certificate taken up on both interfaces, without a restart', async () => {
    await started();
    const ports = [database.target('app').port, database.target('app', {admin: true}).port];
    const before = await servedUntil(ports[0] ?? 0);
    const renewed = await database.issueCertificate(new Date(Date.now() + MINUTE_MS));
    await database.pod.mountSecrets([renewed]);
    await kept(
      '1',
      wanted({certificate: certificateOf(renewed)}),
      async () => (await servedUntil(ports[0] ?? 0)) > before,
    );
    for (const port of ports) expect(await servedUntil(port)).toBeGreaterThan(before);
  });

  test('of a server that stopped answering in the middle of everything ends in no harm', async () => {
    await started();
    const check = wanted();
    for (let i = 0; i < 20; i++) keeper.keep(KEY, String(i), () => check);
    await database.stop();
    await waitFor(
      'each look has ended',
      async () => (logger.lines.length > 0 ? true : Promise.reject(new Error('no look has ended'))),
      60_000,
    );
    expect(JSON.stringify(logger.lines)).not.toMatch(SECRET);
  });
});
