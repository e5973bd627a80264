import {describe, expect, test} from '@jest/globals';
import {missingGrants} from './schema.ts';

const ON_SCHEMA = 'GRANT SELECT, SHOW VIEW, EVENT, TRIGGER ON `tasks\\_db`.* TO `backup`@`%`';
const ROUTINES = 'GRANT SHOW_ROUTINE ON *.* TO `backup`@`%`';

describe('the grants that a dump needs', () => {
  test.each([
    ['exactly those', [ON_SCHEMA, ROUTINES]],
    [
      'everything on the schema, and SELECT on all',
      ['GRANT ALL PRIVILEGES ON `tasks_db`.* TO `u`@`%`', 'GRANT SELECT ON *.* TO `u`@`%`'],
    ],
    ['everything', ['GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION']],
  ])('are there with %s', (_name, grants) => {
    expect(missingGrants(grants, 'tasks_db')).toEqual([]);
  });

  test.each([
    ['none', ['GRANT USAGE ON *.* TO `u`@`%`'], ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'SHOW_ROUTINE']],
    ['another schema', [ON_SCHEMA.replace('tasks', 'other'), ROUTINES], ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT']],
    [
      'one table',
      ['GRANT SELECT, SHOW VIEW, EVENT, TRIGGER ON `tasks_db`.`t` TO `u`@`%`', ROUTINES],
      ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT'],
    ],
    ['no routines', [ON_SCHEMA], ['SHOW_ROUTINE']],
    ['no triggers', [ON_SCHEMA.replace(', TRIGGER', ''), ROUTINES], ['TRIGGER']],
  ])('are missing with %s', (_name, grants, missing) => {
    expect(missingGrants(grants, 'tasks_db')).toEqual(missing);
  });
});
