import {createHash} from 'node:crypto';
import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {Problem} from '../problems.ts';
import {decodeCursor, encodeCursor} from './cursor.ts';
import {newTask} from './draft.ts';
import {etagOf, parseIfMatch} from './etag.ts';
import {hashBody, parseIdempotencyKey} from './idempotency.ts';
import {taskOf, taskOfDocument} from './rows.ts';
import {TaskSchema} from './schema.ts';
import {isTaskId, uuidV7} from './uuid.ts';

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
  return undefined;
}

test('a task has the fields of the schema in its order and no others, whether it is new, a row or a document', () => {
  const fields = Object.keys(TaskSchema.properties);
  const task = newTask({description: 'Both bearings.', title: 'Grease the pump'}, 'an-id', '2026-11-23T05:00:00.000Z');
  expect(Object.keys(task)).toEqual(fields);
  const at = new Date('2026-11-23T05:00:00.000Z');
  const row = {constructor: {name: 'RowDataPacket'}, created_at: at, updated_at: at, recurrence_rule: null} as const;
  expect(Object.keys(taskOf(row))).toEqual(fields);
  const document = Object.fromEntries(Object.entries({...task, ofALaterRelease: 1}).reverse());
  expect(Object.keys(taskOfDocument(document))).toEqual(fields);
  expect(taskOfDocument(document)).toEqual(task);
});

describe('task ids', () => {
  test('are in order of time and are recognised', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 45), fc.integer({min: 1, max: 2 ** 45}), (time, later) => {
        const [first, second] = [uuidV7(time), uuidV7(time + later)];
        expect(first < second).toBe(true);
        expect(isTaskId(first)).toBe(true);
      }),
    );
  });

  test('carry the time as RFC 9562 has it', () => {
    expect(uuidV7(0x017f22e279b0)).toMatch(/^017f22e2-79b0-7/);
  });

  test.each(['', '1', '017F22E2-79B0-7CC3-98C4-DC0C0C07398F', '017f22e2-79b0-4cc3-98c4-dc0c0c07398f'])(
    'are not %j',
    (text) => expect(isTaskId(text)).toBe(false),
  );
});

describe('cursors', () => {
  const position = ['2026-03-01T09:00:00.000Z', uuidV7(1)];
  const real = encodeCursor('list', position);

  test('lead back to their position', () => expect(decodeCursor('list', real)).toEqual(position));

  test('of another list are told from those that no service made', () => {
    expect(codeOf(() => decodeCursor('other', real))).toBe('cursor-mismatch');
    const others = [`${real}=`, ` ${real}`, real.slice(1), real.slice(0, -4), "1' OR '1'='1", ''];
    for (const cursor of others) expect(codeOf(() => decodeCursor('list', cursor))).toBe('invalid-cursor');
    fc.assert(
      fc.property(fc.string(), (text) => expect(codeOf(() => decodeCursor('list', text))).toBe('invalid-cursor')),
    );
  });

  test('with any character changed are refused', () => {
    for (let i = 0; i < real.length; i++) {
      const changed = `${real.slice(0, i)}${real[i] === 'A' ? 'B' : 'A'}${real.slice(i + 1)}`;
      expect(codeOf(() => decodeCursor('list', changed))).toBe('invalid-cursor');
    }
  });
});

describe('If-Match', () => {
  test.each([
    [undefined, 3, true],
    ['*', 3, true],
    ['"3"', 3, true],
    ['"2"', 3, false],
    ['"1", "3"', 3, true],
    ['"1","2"', 3, false],
    ['W/"3"', 3, false],
    ['W/"3", "3"', 3, true],
    ['""', 3, false],
    ['"a,b", "3"', 3, true],
  ])('%j against version %j', (header, version, matches) => {
    expect(parseIfMatch(header)(version)).toBe(matches);
  });

  test.each(['3', '', '"3', '"1" "3"', 'w/"3"', '"1",'])('%j is refused', (header) => {
    expect(codeOf(() => parseIfMatch(header))).toBe('invalid-if-match');
  });

  test('takes the tag that an answer gave', () => expect(parseIfMatch(etagOf(7))(7)).toBe(true));
});

describe('idempotency keys', () => {
  test('are optional, visible ASCII and bounded', () => {
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
    expect(parseIdempotencyKey('a'.repeat(255))).toBe('a'.repeat(255));
    for (const header of ['', 'a b', 'ä', 'a'.repeat(256), ['a', 'b']]) {
      expect(codeOf(() => parseIdempotencyKey(header))).toBe('invalid-idempotency-key');
    }
  });

  test('tell bodies apart by what they say, not by the order of their fields', () => {
    expect(hashBody({title: 'a', description: 'b'})).toEqual(hashBody({description: 'b', title: 'a'}));
    const hashes = [{title: 'a'}, {title: 'b'}, {title: 'a', description: ''}, {title: 'a', status: 'open' as const}];
    expect(new Set(hashes.map((body) => hashBody(body).toString('hex'))).size).toBe(hashes.length);
    const [bulk, turned] = [{tasks: [{title: 'a', priority: 'low'}]}, {tasks: [{priority: 'low', title: 'a'}]}];
    expect(hashBody(bulk)).toEqual(hashBody(turned));
  });

  test('have the hash that the release before this one gives, so that a repetition may reach either', () => {
    const hash = createHash('sha256').update('[["description","b"],["title","a"]]').digest();
    expect(hashBody({title: 'a', description: 'b'})).toEqual(hash);
  });
});
