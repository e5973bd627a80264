import {spawnSync} from 'node:child_process';
import {cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const repository = join(fileURLToPath(import.meta.url), '../../..');

/** The real rules and runners; everything else of an overlay is made up, so that other work can't turn it red. */
const realFiles = [
  ...['.dependency-cruiser.mjs', '.gitignore', '.npmrc', '.prettierignore', '.prettierrc.json', 'eslint.config.mjs'],
  ...['jest.config.mjs', 'knip.jsonc', 'package-lock.json', 'tsconfig.base.json', 'tsconfig.json'],
  ...['hack/check.ts', 'hack/check', 'hack/test.ts', 'hack/test', 'hack/mutate.ts', 'hack/mutate'],
];

const nothingToDo = "import {tmpdir} from 'node:os';\n\nexport default () => tmpdir();\n";

/** What Jest's configuration names, and no run of an overlay needs. */
const madeUp = Object.fromEntries(
  ['test/e2e/setup.mjs', 'test/e2e/teardown.mjs', 'test/integration/prepare.mjs'].map((file) => [file, nothingToDo]),
);

/** A small repository in a temporary folder, under the real rules. */
export interface Overlay {
  readonly root: string;
  /** Writes files, by path relative to the root; creates their folders. */
  readonly write: (files: Readonly<Record<string, string>>) => void;
  /** Runs one of the runners in it, with `environment` added to this process's. */
  readonly run: (
    script: string,
    args: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ) => {readonly status: number | null; readonly stdout: string; readonly stderr: string};
  readonly read: (path: string) => string;
  readonly deleteFile: (path: string) => void;
  readonly remove: () => void;
}

/** Makes an overlay of the real rules and `files`. */
export function overlay(files: Readonly<Record<string, string>>): Overlay {
  const root = mkdtempSync(join(tmpdir(), 'maintenance-api-overlay-'));
  const write: Overlay['write'] = (written) => {
    for (const [path, content] of Object.entries(written)) {
      mkdirSync(dirname(join(root, path)), {recursive: true});
      writeFileSync(join(root, path), content);
    }
  };
  for (const path of realFiles) {
    const filter = (source: string) => !source.endsWith('.test.ts');
    cpSync(join(repository, path), join(root, path), {recursive: true, filter});
  }
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  write({...madeUp, ...files});
  const initialised = spawnSync('git', ['init', '--quiet'], {cwd: root, encoding: 'utf8'});
  if (initialised.status !== 0) throw new Error(`git init: ${initialised.stderr}`);
  // A link isn't the folder that .gitignore speaks of.
  write({'.git/info/exclude': 'node_modules\n'});
  return {
    root,
    write,
    run: (script, args, environment = {}) => {
      const env = {...process.env, ...environment};
      return spawnSync(process.execPath, [script, ...args], {cwd: root, encoding: 'utf8', env, maxBuffer: 2 ** 26});
    },
    read: (path) => readFileSync(join(root, path), 'utf8'),
    deleteFile: (path) => {
      rmSync(join(root, path));
    },
    remove: () => {
      rmSync(root, {recursive: true});
    },
  };
}
