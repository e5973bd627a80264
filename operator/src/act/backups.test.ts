import {describe, expect, test} from '@jest/globals';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {Attempts} from './attempts.ts';
import {BackupWriter} from './backups.ts';
import {anError, FakeServer} from './testing.ts';

const OWNER = {name: 'shop', namespace: 'apis'};
const HANDLE = {name: 'b', uid: 'u1', resourceVersion: '42'};
const JOB = {apiVersion: 'batch/v1', kind: 'Job', metadata: {name: 'j', namespace: 'apis'}};

function aWriter() {
  const server = new FakeServer();
  const clock = new FakeClock();
  const noted: string[] = [];
  const writer = new BackupWriter({
    client: server,
    attempts: new Attempts(clock),
    guard: () => undefined,
    onWrite: (owner, kind, key, version) => noted.push(`${owner} ${kind} ${key}@${version}`),
  });
  return {server, clock, noted, writer};
}

describe('a MaintenanceApiBackup', () => {
  test('is made without an owner, so that it outlives what it is of, and the cache is told', async () => {
    const {server, noted, writer} = aWriter();
    const made = await writer.createBackup(OWNER, 'b', {labels: {a: 'b'}, touch: 't'});
    expect(made.kind).toBe('Done');
    expect(server.asked[0]?.body).toEqual({
      apiVersion: 'maintenance-api.io/v1alpha1',
      kind: 'MaintenanceApiBackup',
      metadata: {name: 'b', namespace: 'apis', labels: {a: 'b'}},
      spec: {maintenanceApi: 'shop'},
    });
    expect(noted).toEqual(['apis/shop MaintenanceApiBackup apis/b@101']);
  });

  test('that is there already is left as it is: an answer was lost', async () => {
    const {noted, writer} = aWriter();
    await writer.startJob(OWNER, JOB, 't');
    expect((await writer.startJob(OWNER, JOB, 'u')).kind).toBe('Done');
    expect(noted).toHaveLength(1);
  });

  test('gets its status on what was read of it', async () => {
    const {server, writer} = aWriter();
    await writer.writeStatus(OWNER, HANDLE, {phase: 'Pending'});
    expect(server.asked[0]).toMatchObject({
      body: [
        {op: 'replace', path: '/metadata/resourceVersion', value: '42'},
        {op: 'add', path: '/status', value: {phase: 'Pending'}},
      ],
      options: {subresource: 'status'},
    });
    server.refuse = () => {
      throw anError(409, 'Conflict');
    };
    await expect(writer.writeStatus(OWNER, HANDLE, {phase: 'Running'})).rejects.toThrow('409');
  });

  test('that is refused is asked for again after a while, or when a person changed something', async () => {
    const {server, clock, writer} = aWriter();
    server.refuse = () => {
      throw anError(403, 'Forbidden');
    };
    const make = (touch: string) => writer.createBackup(OWNER, 'b', {labels: {}, touch});
    expect(await make('t')).toMatchObject({kind: 'Refused'});
    await clock.advance(60_000);
    expect(await make('t')).toMatchObject({kind: 'Refused'});
    expect(server.asked).toHaveLength(1);
    await make('u');
    await clock.advance(120_000);
    await make('u');
    expect(server.asked).toHaveLength(3);
  });
});
