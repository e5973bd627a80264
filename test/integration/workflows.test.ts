import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {actionlint} from '../../hack/actionlint/actionlint.ts';
import {run} from '../../hack/lib/exec.ts';
import {silentProgress} from '../../hack/lib/progress.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, '.github/workflows');
/** From nothing actionlint is built first. */
const BUILD_MS = 300_000;

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'workflows-test-'));
  program = await actionlint(silentProgress);
}, BUILD_MS);

afterAll(async () => rm(folder, {recursive: true}));

/** Only its own rules: ShellCheck and pyflakes are not on every machine. */
async function lint(file: string): Promise<string> {
  return (await run([program, '-no-color', '-shellcheck=', '-pyflakes=', file], {cwd: ROOT})).stdout;
}

test.each(['ci.yml', 'kind.yml'])('actionlint has nothing against %s', async (name) => {
  expect(await lint(join(FOLDER, name))).toBe('');
});

test.each([
  ['an expression of what is not there', '${{ github.ref }}', '${{ github.reff }}', 'property "reff" is not defined'],
  ['a key that no workflow has', 'timeout-minutes:', 'timeout-hours:', 'unexpected key "timeout-hours"'],
])('actionlint has something against %s', async (_, find, replace, message) => {
  const text = await readFile(join(FOLDER, 'ci.yml'), 'utf8');
  const file = join(folder, 'broken.yml');
  await writeFile(file, text.replace(find, replace));
  await expect(lint(file)).rejects.toThrow(message);
});
