import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';

import {build} from 'esbuild';

import type {Finding, Step} from './step.ts';

/** What we ship under Apache-2.0 may contain these. */
const shipped = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0', 'MPL-2.0']);

/** What only builds and tests may be under these too: none asks anything of what it works on. */
const development = new Set([
  ...shipped,
  'BlueOak-1.0.0',
  'CC-BY-3.0',
  'CC-BY-4.0',
  'CC0-1.0',
  'Python-2.0',
  'Unlicense',
]);

/** Installed with what we ship but in no bundle, which the check proves each time. */
const neverBundled: Readonly<Record<string, string>> = {
  argparse: 'PSF-2.0',
  'stream-buffers': 'Unlicense',
};

const programs = ['operator/src/main.ts', 'operator/src/backup/main.ts', 'api-server/src/server.ts'];

interface LockedPackage {
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
}

/** The part of package-lock.json (version 3) that is judged. */
interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** Whether an SPDX expression can be satisfied with the licences allowed; one that mixes AND with OR is not judged. */
function satisfiable(expression: string, allowed: ReadonlySet<string>): boolean {
  const terms = expression.replace(/[()]/g, ' ').trim();
  if (/\bAND\b/.test(terms) && /\bOR\b/.test(terms)) return false;
  const alternatives = terms.split(/\s+OR\s+/);
  return alternatives.some((alternative) => alternative.split(/\s+AND\s+/).every((licence) => allowed.has(licence)));
}

/** Name of the package that a path in node_modules belongs to. */
function packageName(path: string): string | undefined {
  const [scopeOrName, name] = path.split('node_modules/').at(-1)?.split('/') ?? [];
  if (!path.includes('node_modules/') || scopeOrName === undefined) return undefined;
  return scopeOrName.startsWith('@') ? `${scopeOrName}/${name ?? ''}` : scopeOrName;
}

/**
 * What is wrong with the licences of a lock file.
 * @param lock - the lock, whose `license` fields npm took from the packages themselves
 * @param bundled - names of the packages that are in a bundle
 */
function licenceFindings(lock: Lock, bundled: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  const refuse = (rule: string, message: string) => findings.push({file: 'package-lock.json', rule, message});
  for (const [path, locked] of Object.entries(lock.packages)) {
    const name = packageName(path);
    if (name === undefined || locked.link === true) continue;
    const licence = locked.license ?? 'none given';
    const onlyDevelopment = locked.dev === true || locked.devOptional === true;
    if (satisfiable(licence, onlyDevelopment ? development : shipped)) continue;
    const excepted = !onlyDevelopment && neverBundled[name] === licence;
    if (excepted && bundled.has(name)) refuse('licence-bundled', `${name} (${licence}) is in a bundle`);
    if (!excepted) refuse('licence', `${name}: ${licence} is not among the licences allowed`);
  }
  return findings;
}

/** Packages that contribute to a bundle of the programs that are shipped. */
async function bundledPackages(root: string): Promise<Set<string>> {
  const names = new Set<string>();
  for (const program of programs.filter((file) => existsSync(join(root, file)))) {
    const {metafile} = await build({
      absWorkingDir: root,
      entryPoints: [program],
      bundle: true,
      platform: 'node',
      format: 'esm',
      metafile: true,
      write: false,
      logLevel: 'silent',
    });
    for (const output of Object.values(metafile.outputs)) {
      for (const [path, {bytesInOutput}] of Object.entries(output.inputs)) {
        const name = packageName(path);
        if (name !== undefined && bytesInOutput > 0) names.add(name);
      }
    }
  }
  return names;
}

/** Licences: of all that is installed, more strictly of all that is shipped. */
export const licences: Step = {
  name: 'licences',
  run: async (root) => {
    const missing = programs.filter((file) => !existsSync(join(root, file)));
    const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock;
    return [
      ...missing.map((file) => ({file, rule: 'licence-program', message: 'not there, so its bundle is not judged'})),
      ...licenceFindings(lock, await bundledPackages(root)),
    ];
  },
};
