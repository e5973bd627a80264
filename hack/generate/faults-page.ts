import * as z from 'zod';
import {cell, code, page, table} from './markdown.ts';

/** What a run saw of one fault. */
export const faultRow = z.strictObject({
  cause: z.string(),
  /** `Type=Status`. */
  condition: z.string(),
  reason: z.string(),
  message: z.string(),
  /** Of the operator to the API server in a minute while it lasted, its Lease and watches apart. */
  requests: z.int().min(0),
  /** What ended it. */
  cure: z.string(),
  /** Seconds from then until all was well. */
  seconds: z.int().min(0),
});
export type FaultRow = z.output<typeof faultRow>;

/** The faults that one test file injects. */
export const faultTable = z.strictObject({
  title: z.string(),
  /** The file that injects them. */
  test: z.string(),
  rows: z.array(faultRow),
});
export type FaultTable = z.output<typeof faultTable>;

/** Where the tables are that tests fill. */
export const FAULTS = 'test/faults';

/** The page on what is said of each fault. */
export function faultsPage(tables: readonly FaultTable[]): string {
  return page(
    'Faults: what is said of each, and what ends it',
    `what tests saw (\`${FAULTS}\`)`,
    'Each row is a fault that a test injects, with what a run of it saw: the condition of the MaintenanceApi that names the ' +
      'cause, what the operator asked of the API server in a minute while it lasted (by the audit log, its Lease and watches ' +
      'apart; tests hold at most 6), what ended it, and how long after that all was well, on a machine with two cores that ' +
      'played many of them at once. Whenever the tests run they hold conditions, reasons and messages to be these. What every ' +
      'reason means is on the pages of [conditions](conditions.md) and [backups](backup-failures.md).',
    ...tables.flatMap(({title, test, rows}) => [
      `## ${title}`,
      `Injected by [\`${test}\`](../../${test}).`,
      table(
        ['Cause', 'Condition', 'Reason', 'Message', 'Requests a minute', 'What ends it', 'Over after'],
        rows.map((row) => [
          cell(row.cause),
          code(row.condition),
          code(row.reason),
          cell(row.message),
          String(row.requests),
          cell(row.cure),
          `${String(row.seconds)} s`,
        ]),
      ),
    ]),
  );
}
