import {describe, expect, test} from '@jest/globals';
import {decide} from './change.ts';
import {newTask} from './draft.ts';
import {STATUSES, type PatchTask, type Task, type TaskStatus} from './schema.ts';
import {allowedAfter} from './transitions.ts';
import {uuidV7} from './uuid.ts';

const NOW = new Date('2026-03-01T00:00:00Z');

function task(fields: Partial<Task> = {}): Task {
  return {...newTask({title: 'a'}, uuidV7(1), '2026-01-01T00:00:00.000Z'), ...fields};
}

describe('the transitions', () => {
  test('are these', () => {
    expect(Object.fromEntries(STATUSES.map((status) => [status, allowedAfter(status)]))).toEqual({
      open: ['in_progress', 'done', 'cancelled'],
      in_progress: ['open', 'done', 'cancelled'],
      done: ['open'],
      cancelled: ['open'],
    });
  });

  test.each(STATUSES.flatMap((from) => STATUSES.map((to): [TaskStatus, TaskStatus] => [from, to])))(
    'from %s to %s',
    (from, to) => {
      const decision = decide(task({status: from}), {status: to}, NOW);
      if (from === to) expect(decision).toEqual({kind: 'unchanged'});
      else if (allowedAfter(from).includes(to)) expect(decision).toMatchObject({kind: 'changed', task: {status: to}});
      else expect(decision).toEqual({kind: 'refused', from, to});
    },
  );
});

const repeating = {dueAt: NOW.toISOString(), recurrence: {rule: 'FREQ=DAILY', timeZone: 'UTC'}};

describe('a task is followed by the next', () => {
  test.each<[string, Partial<Task>, PatchTask, boolean]>([
    ['completed', {}, {status: 'done'}, true],
    ['completed and changed', {}, {status: 'done', title: 'b'}, true],
    ['begun', {}, {status: 'in_progress'}, false],
    ['cancelled', {}, {status: 'cancelled'}, false],
    ['completed a second time', {next: uuidV7(2)}, {status: 'done'}, false],
    ['done already and changed', {status: 'done'}, {title: 'b'}, false],
    ['completed without a recurrence', {recurrence: null}, {status: 'done'}, false],
    ['completed as its recurrence is taken away', {}, {status: 'done', recurrence: null}, false],
  ])('%s', (_what, fields, patch, repeats) => {
    expect(decide(task({...repeating, ...fields}), patch, NOW)).toMatchObject({kind: 'changed', repeats});
  });
});

test('a completed task keeps the time of its completion until it is opened again', () => {
  const done = task({status: 'done', completedAt: '2026-02-01T00:00:00.000Z'});
  expect(decide(done, {title: 'b'}, NOW)).toMatchObject({task: {completedAt: done.completedAt}});
  expect(decide(done, {status: 'open'}, NOW)).toMatchObject({task: {completedAt: null}});
  expect(decide(task(), {status: 'done'}, NOW)).toMatchObject({task: {completedAt: NOW.toISOString()}});
});

test('labels are a set: their order is no change', () => {
  expect(decide(task({labels: ['a', 'b']}), {labels: ['b', 'a']}, NOW)).toEqual({kind: 'unchanged'});
});
