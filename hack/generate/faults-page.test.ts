import {expect, test} from '@jest/globals';
import {faultsPage, faultTable} from './faults-page.ts';

const row = {
  ...{cause: 'a bucket | that is missing', condition: 'BackupReady=False', reason: 'BucketMissing'},
  ...{message: 'Bucket "nowhere": it does not exist', requests: 2, cure: 'the bucket is made', seconds: 41},
};
const tables = [{title: 'Backups', test: 'test/integration/operator/any.test.ts', rows: [row]}];

test('a fault is told by everything that a run saw of it', () => {
  expect(faultsPage(tables)).toContain(
    '| a bucket \\| that is missing | `BackupReady=False` | `BucketMissing` | Bucket "nowhere": it does not exist | 2 | the bucket is made | 41 s |',
  );
  expect(faultsPage(tables)).toContain(
    'Injected by [`test/integration/operator/any.test.ts`](../../test/integration/operator/any.test.ts).',
  );
});

test('a table with a field that nothing shows is refused', () => {
  expect(faultTable.safeParse(tables[0]).success).toBe(true);
  expect(faultTable.safeParse({...tables[0], rows: [{...row, note: 'x'}]}).success).toBe(false);
});
