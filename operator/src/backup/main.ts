import {writeFile} from 'node:fs/promises';
import {pino} from 'pino';
import {readBackupConfig} from './config.ts';
import {dumpScript} from './dump-script.ts';
import {BackupFailure} from './failure.ts';
import type {RunResult} from '../api/v1alpha1/backup-run.ts';
import {failed, succeeded} from './result.ts';
import {runBackup} from './run.ts';

const logger = pino({level: process.env['LOG_LEVEL'] ?? 'info', base: {}});

async function backUp(): Promise<RunResult> {
  const interrupted = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => interrupted.abort(new BackupFailure('Interrupted', `The run was told to end by ${name}`)));
  try {
    const config = await readBackupConfig(process.env);
    return succeeded(await runBackup(config, logger, interrupted.signal));
  } catch (error) {
    logger.error({err: error}, 'No backup was made');
    return failed(error);
  }
}

if (process.argv[2] === 'dump-script') {
  process.stdout.write(dumpScript);
} else {
  const result = await backUp();
  const text = `${JSON.stringify(result)}\n`;
  const {TERMINATION_LOG} = process.env;
  if (TERMINATION_LOG !== undefined) await writeFile(TERMINATION_LOG, text);
  process.stdout.write(text);
  process.exitCode = result.outcome === 'Succeeded' ? 0 : 1;
}
