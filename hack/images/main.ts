import {parseArgs} from 'node:util';
import {ClusterStartError} from '../cluster/ready.ts';
import {joinKindCluster, loadIntoKind} from '../cluster/kind.ts';
import {joinLocalCluster} from '../cluster/local.ts';
import {ImageLoadError} from '../cluster/cluster.ts';
import {PreflightError} from '../lib/apt.ts';
import {CommandError} from '../lib/exec.ts';
import {createProgress, type Progress} from '../lib/progress.ts';
import {shellQuote} from '../lib/shell.ts';
import type {Image} from './archive.ts';
import {buildImages} from '../../test/harness/world.ts';

const USAGE = `usage: npm run images -- [--name NAME] [--provider local|kind]

Builds the images of this checkout, makes them known to a cluster of this machine (default: local) and prints their names
as variables of the shell: eval "$(npm run --silent images -- --name NAME)"
`;

/** The command line can't be understood. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Invocation {
  readonly name: string;
  readonly provider: string;
}

function parse(argv: readonly string[]): Invocation {
  try {
    const options = {name: {type: 'string', default: 'local'}, provider: {type: 'string', default: 'local'}} as const;
    return parseArgs({args: [...argv], options}).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @returns what makes an image known to the cluster; throws when there is no such cluster */
async function loader({name, provider}: Invocation, progress: Progress): Promise<(image: Image) => Promise<void>> {
  switch (provider) {
    case 'local': {
      const cluster = await joinLocalCluster(name);
      return async ({archive, ref}) => cluster.loadImage(archive, ref);
    }
    case 'kind': {
      await joinKindCluster(name, progress);
      return async ({archive}) => loadIntoKind(name, archive);
    }
    default:
      throw new UsageError(`--provider is local or kind, not ${provider}`);
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const progress = createProgress();
  // First, so that a cluster that doesn't run is said before minutes of building.
  const load = await loader(parse(argv), progress);
  const images = await buildImages(progress);
  for (const [name, image] of Object.entries(images) as [string, Image][]) {
    await progress.run(`loading ${image.ref}`, async () => load(image));
    process.stdout.write(`export ${name.toUpperCase()}_IMAGE=${shellQuote(image.ref)}\n`);
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
