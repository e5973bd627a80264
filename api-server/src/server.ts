import {writeFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import closeWithGrace from 'close-with-grace';
import {ConfigError, parseMigrateConfig, parseServeConfig} from './config.ts';
import {knownCauseOf} from './database/cause.ts';
import {connectorFor} from './database/connect.ts';
import {createLogger} from './logger.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** How much longer than its own bounds the end of the process may take before it is forced. */
const LAST_RESORT_MS = 5000;

/** `node server.mjs` serves; `node server.mjs migrate` brings the schema up to date and ends. */
async function main(argument: string | undefined): Promise<void> {
  switch (argument) {
    case undefined:
      return runServer();
    case 'migrate':
      return runMigrate();
    default:
      throw new ConfigError(['The argument must be "migrate" or nothing']);
  }
}

async function runServer(): Promise<void> {
  const config = parseServeConfig(process.env);
  const logger = createLogger(config.logLevel);
  // Imported here so that a migration, which runs before every start of a pod, loads no web server.
  const {serve} = await import('./serve.ts');
  const server = await serve(config, logger);
  closeWithGrace({delay: config.drainMs + config.shutdownMs + LAST_RESORT_MS, logger}, async ({err}) => {
    if (err === undefined) return server.drain();
    logger.fatal({err}, 'Unexpected error, ending');
    return server.abort();
  });
}

async function runMigrate(): Promise<void> {
  const config = parseMigrateConfig(process.env);
  const logger = createLogger(config.logLevel);
  const {loadMigrations, migrate, MigrateTimeoutError, MIGRATION_SESSION} = await import('./migrate/run.ts');
  // The first process of a container has no default action for signals; without this it would only end by SIGKILL.
  process.once('SIGTERM', () => process.exit(EXIT_FAILED));
  try {
    await migrate({
      connect: connectorFor(config.database, {initStatements: MIGRATION_SESSION}),
      migrations: await loadMigrations(config.migrationsDir ?? fileURLToPath(new URL('./migrations', import.meta.url))),
      timeoutMs: config.timeoutMs,
      retryMs: config.retryMs,
      logger,
    });
  } catch (error) {
    const cause = knownCauseOf(error instanceof MigrateTimeoutError ? error.cause : error);
    // The words of the metric dependency_failing, for whoever reads how the container ended; nothing else may be in it.
    if (cause !== undefined && config.terminationLog !== undefined)
      await writeFile(config.terminationLog, `database: ${cause}\n`);
    throw error;
  }
}

try {
  await main(process.argv[2]);
} catch (error) {
  createLogger('info').fatal({err: error}, error instanceof Error ? error.message : 'Failed');
  // Not exitCode alone: what was started before the failure would keep the process alive.
  process.exit(error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED);
}
