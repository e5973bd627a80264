import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {cached} from '../lib/cache.ts';
import {run} from '../lib/exec.ts';
import {goEnvironment, goProgram} from '../lib/go.ts';
import type {Progress} from '../lib/progress.ts';

const MODULE = 'github.com/prometheus-operator/prometheus-operator';
const VERSION = 'v0.85.0';
const DEFINITIONS = 'prometheus-operator-crd';
/** Folders of the module's examples. */
const FOLDERS = [DEFINITIONS, 'rbac/prometheus-operator', 'rbac/prometheus'];
const OURS = ['monitoring.coreos.com_prometheusrules.yaml', 'monitoring.coreos.com_podmonitors.yaml'];
const RIGHTS = [
  ...['service-account', 'cluster-role', 'cluster-role-binding'].map(
    (kind) => `rbac/prometheus-operator/prometheus-operator-${kind}.yaml`,
  ),
  ...['service-account', 'cluster-role', 'cluster-role-binding'].map(
    (kind) => `rbac/prometheus/prometheus-${kind}.yaml`,
  ),
];

/**
 * The Prometheus operator's definitions of PrometheusRule and PodMonitor, from its Go module, which Go checks against
 * the checksum database.
 *
 * @returns the texts of the manifests
 * @throws CommandError when the module can't be fetched
 */
export async function monitoringDefinitions(progress: Progress): Promise<readonly string[]> {
  return texts(await examples(progress), DEFINITIONS, OURS);
}

/**
 * All definitions of the Prometheus operator, and the rights that it and a Prometheus of its need, for namespace
 * `default`.
 *
 * @throws CommandError when the module can't be fetched
 */
export async function prometheusOperatorManifests(
  progress: Progress,
): Promise<{readonly definitions: readonly string[]; readonly rights: readonly string[]}> {
  const folder = await examples(progress);
  return {
    definitions: await texts(folder, DEFINITIONS, await readdir(join(folder, DEFINITIONS))),
    rights: await texts(folder, '', RIGHTS),
  };
}

async function texts(folder: string, below: string, files: readonly string[]): Promise<readonly string[]> {
  return Promise.all(files.map((file) => readFile(join(folder, below, file), 'utf8')));
}

/** A folder with the examples of the module. */
async function examples(progress: Progress): Promise<string> {
  return cached(`prometheus-operator-examples/${VERSION}`, async (directory) => {
    const go = await goProgram('fetches the definitions of the Prometheus operator', progress);
    // Outside of any module: its requirements are of no interest.
    const empty = await mkdtemp(join(tmpdir(), 'definitions-'));
    try {
      const {stdout} = await run([go, 'mod', 'download', '-json', `${MODULE}@${VERSION}`], {
        cwd: empty,
        env: goEnvironment(),
      });
      const {Dir} = JSON.parse(stdout) as {Dir: string};
      for (const folder of FOLDERS) {
        // What Go keeps is write-protected, folders included.
        await run(['cp', '--recursive', '--no-preserve=mode', '--parents', folder, directory], {
          cwd: join(Dir, 'example'),
        });
      }
    } finally {
      await rm(empty, {recursive: true});
    }
  });
}
