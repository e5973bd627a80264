import {parseArgs} from 'node:util';
import {ClusterStartError} from '../cluster/ready.ts';
import {joinLocalCluster} from '../cluster/local.ts';
import {ImageLoadError} from '../cluster/cluster.ts';
import {PreflightError} from '../lib/apt.ts';
import {CommandError} from '../lib/exec.ts';
import {createProgress} from '../lib/progress.ts';
import {shellQuote} from '../lib/shell.ts';
import type {Image} from './archive.ts';
import {buildImages} from '../../test/harness/world.ts';

const USAGE = `usage: npm run images -- [--name NAME]

Builds the images of this checkout, makes them known to a local cluster (default: local) and prints their names as
variables of the shell: eval "$(npm run --silent images -- --name NAME)"
`;

/** The command line can't be understood. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

function clusterName(argv: readonly string[]): string {
  try {
    return parseArgs({args: [...argv], options: {name: {type: 'string', default: 'local'}}}).values.name;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const progress = createProgress();
  // First, so that a cluster that doesn't run is said before minutes of building.
  const cluster = await joinLocalCluster(clusterName(argv));
  const images = await buildImages(progress);
  for (const [name, {archive, ref}] of Object.entries(images) as [string, Image][]) {
    await progress.run(`loading ${ref}`, async () => cluster.loadImage(archive, ref));
    process.stdout.write(`export ${name.toUpperCase()}_IMAGE=${shellQuote(ref)}\n`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const expected = [PreflightError, ClusterStartError, CommandError, ImageLoadError, RangeError];
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof Error && expected.some((kind) => error instanceof kind)) {
    // Their text says what to do, and a stack would bury it.
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
