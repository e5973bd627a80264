import {copyFile, mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {cached} from './cache.ts';
import {run} from './exec.ts';
import {goEnvironment, goProgram} from './go.ts';
import type {Progress} from './progress.ts';

/** Some files of a Go module that is fetched for them alone. */
export interface GoModuleFiles {
  readonly module: string;
  readonly version: string;
  /** Paths in the module. */
  readonly files: readonly string[];
  /** What they are for, for a machine without Go. */
  readonly purpose: string;
}

/**
 * Files of a Go module, which Go checks against the checksum database.
 *
 * @returns their texts, in the given order
 * @throws CommandError when the module can't be fetched
 */
export async function goModuleFiles(
  {module, version, files, purpose}: GoModuleFiles,
  progress: Progress,
): Promise<readonly string[]> {
  const entry = await cached(`go-module-${basename(module)}/${version}`, async (directory) => {
    const go = await goProgram(purpose, progress);
    // Outside of any module: its requirements are of no interest.
    const empty = await mkdtemp(join(tmpdir(), 'go-module-'));
    try {
      const {stdout} = await run([go, 'mod', 'download', '-json', `${module}@${version}`], {
        cwd: empty,
        env: goEnvironment(),
      });
      const {Dir} = JSON.parse(stdout) as {Dir: string};
      for (const file of files) await copyFile(join(Dir, file), join(directory, basename(file)));
    } finally {
      await rm(empty, {recursive: true});
    }
  });
  return Promise.all(files.map((file) => readFile(join(entry, basename(file)), 'utf8')));
}
