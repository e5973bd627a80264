import {copyFile, mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {cached} from '../lib/cache.ts';
import {run} from '../lib/exec.ts';
import {goEnvironment, goProgram} from '../lib/go.ts';
import type {Progress} from '../lib/progress.ts';

const MODULE = 'github.com/prometheus-operator/prometheus-operator';
const VERSION = 'v0.85.0';
const FILES = ['monitoring.coreos.com_prometheusrules.yaml', 'monitoring.coreos.com_podmonitors.yaml'];

/**
 * The Prometheus operator's definitions of PrometheusRule and PodMonitor, from its Go module, which Go checks against
 * the checksum database.
 *
 * @returns the texts of the manifests
 * @throws CommandError when the module can't be fetched
 */
export async function monitoringDefinitions(progress: Progress): Promise<readonly string[]> {
  const entry = await cached(`prometheus-operator-definitions/${VERSION}`, async (directory) => {
    const go = await goProgram('fetches the definitions of the Prometheus operator', progress);
    // Outside of any module: its requirements are of no interest.
    const empty = await mkdtemp(join(tmpdir(), 'definitions-'));
    try {
      const {stdout} = await run([go, 'mod', 'download', '-json', `${MODULE}@${VERSION}`], {
        cwd: empty,
        env: goEnvironment(),
      });
      const {Dir} = JSON.parse(stdout) as {Dir: string};
      for (const file of FILES)
        await copyFile(join(Dir, 'example/prometheus-operator-crd', file), join(directory, file));
    } finally {
      await rm(empty, {recursive: true});
    }
  });
  return Promise.all(FILES.map((file) => readFile(join(entry, file), 'utf8')));
}
