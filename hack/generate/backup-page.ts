import * as z from 'zod';
import {environment} from '../../operator/src/backup/config.ts';
import {failureReasons, lostRunReasons} from '../../operator/src/api/v1alpha1/backup-run.ts';
import {cell, code, page, table} from './markdown.ts';

/** The page on the program that makes backups: how it is told what to do, and why it may come to nothing. */
export function backupPage(): string {
  const {properties = {}, required = []} = z.toJSONSchema(environment, {io: 'input'});
  return page(
    'Backups: reasons of failure, settings',
    '`operator/src/api/v1alpha1/backup-run.ts` and `operator/src/backup/config.ts`',
    'Of the program that makes backups: [how the operator runs it](../how-to/back-up.md), ' +
      '[how to run it without one](../how-to/back-up-by-hand.md).',
    '## Reasons',
    'A run that fails leaves nothing in the bucket that could be taken for a backup, and says one of these.',
    table(
      ['Reason', 'What it means'],
      Object.entries(failureReasons).map(([reason, meaning]) => [code(reason), `${cell(meaning)}.`]),
    ),
    '## Reasons that the operator finds',
    'When the program could not say why itself, these are in the status of a MaintenanceApiBackup and in `BackupReady`.',
    table(
      ['Reason', 'What it means'],
      Object.entries(lostRunReasons).map(([reason, meaning]) => [code(reason), `${cell(meaning)}.`]),
    ),
    '## Settings',
    'Variables of the environment. What is secret is in files.',
    table(
      ['Variable', 'What it is', 'When unset'],
      Object.entries(properties).map(([name, schema]) => {
        const {description = '', default: fallback} = typeof schema === 'boolean' ? {} : schema;
        const isShown = typeof fallback === 'number' || (typeof fallback === 'string' && fallback !== '');
        const unset = isShown ? code(String(fallback)) : '–';
        return [code(name), `${cell(description)}.`, required.includes(name) ? 'refused' : unset];
      }),
    ),
  );
}
