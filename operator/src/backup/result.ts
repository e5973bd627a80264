import type {RunResult} from '../api/v1alpha1/backup-run.ts';
import {BackupFailure} from './failure.ts';
import type {Manifest} from './manifest.ts';

const MAX_MESSAGE = 1000;

/** The result of a run that made a backup. */
export function succeeded(manifest: Manifest): RunResult {
  const {backup, startedAt, finishedAt, manifestKey, keyId, bytes, dumpBytes} = manifest;
  return {
    outcome: 'Succeeded',
    ...{id: backup.id, startedAt, finishedAt, manifestKey, keyId, bytes, dumpBytes},
    tables: manifest.objects.filter(({kind}) => kind === 'TABLE').length,
    rows: manifest.sections.reduce((sum, {rows}) => sum + rows, 0),
  };
}

/**
 * The result of a run that made none.
 *
 * @throws the error itself when it isn't one that a run is expected to end with
 */
export function failed(error: unknown): RunResult {
  if (!(error instanceof BackupFailure)) throw error;
  return {outcome: 'Failed', reason: error.reason, message: error.message.slice(0, MAX_MESSAGE)};
}
