import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {FaultRow} from '../../hack/generate/faults-page.ts';
import {FaultRecord, normalised} from './fault-table.ts';

const ABOUT = {title: 'Backups', test: 'test/any.test.ts'};
const CAUSES = ['no bucket', 'no key'];
const row = (
  cause: string,
  message = `Job "tasks-backup-0123456789" made no backup at 2026-01-01T10:00:00Z`,
): FaultRow => ({
  ...{cause, condition: 'BackupReady=False', reason: 'BucketMissing', message},
  ...{requests: 2, cure: 'the bucket is made', seconds: 40},
});

let folder: string;
const table = (records: boolean, causes = CAUSES): FaultRecord =>
  new FaultRecord('backup', ABOUT, causes, {records, folder});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'faults-'));
  const recorded = table(true);
  // As they end: in any order.
  for (const cause of CAUSES.toReversed()) recorded.hold(row(cause));
});

afterEach(() => rmSync(folder, {recursive: true}));

describe('the table of faults', () => {
  test('is recorded in the order of the test', () => {
    const {rows} = JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8')) as {rows: FaultRow[]};
    expect(rows).toEqual(CAUSES.map((cause) => row(cause)));
    expect(() => table(false).holdWhole()).not.toThrow();
  });

  test('holds what is the same but for generated names, times and figures', () => {
    const again = row('no key', 'Job "tasks-backup-abcdef0123" made no backup at 2027-12-01T11:22:33.5Z');
    expect(() => table(false).hold({...again, requests: 5, seconds: 3})).not.toThrow();
  });

  test.each<[string, Partial<FaultRow>]>([
    ['condition', {condition: 'BackupReady=Unknown'}],
    ['reason', {reason: 'KeyMissing'}],
    ['message', {message: 'Job "tasks-backup-0123456789" made a backup at 2026-01-01T10:00:00Z'}],
    ['cure', {cure: 'nothing'}],
  ])('is refused with another %s', (_, other) => {
    expect(() => table(false).hold({...row('no key'), ...other})).toThrow('says of "no key"');
  });

  test('has a row for each fault, and no other', () => {
    expect(() => table(false).hold(row('no disk'))).toThrow('nothing');
    expect(() => table(false, [...CAUSES, 'no disk']).holdWhole()).toThrow('no disk');
    expect(() => table(false, ['no key']).holdWhole()).toThrow('no bucket');
  });
});

test.each([
  ['Pod "tasks-7c9d8b6f5-x2b4z" waits', 'Pod "tasks-…" waits'],
  ['PersistentVolumeClaim "data-tasks-mysql-0"', 'PersistentVolumeClaim "data-tasks-mysql-…"'],
  ['20.5% of responses (20 of 98 in 60 s)', '…% of responses (… of … in … s)'],
  ['breaks the connection (EPIPE)', 'breaks the connection (…)'],
  ['uid 0f7c1d5e-1111-2222-3333-0123456789ab', 'uid …'],
  ['Secret "nowhere" has no key "password"', 'Secret "nowhere" has no key "password"'],
])('%s without what differs from run to run', (message, without) => {
  expect(normalised(message)).toBe(without);
});
