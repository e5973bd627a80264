import {readFile} from 'node:fs/promises';
import {join} from 'node:path';

import type {Finding, Step} from './step.ts';

interface Lock {
  readonly packages: Readonly<Record<string, {readonly optionalDependencies?: Readonly<Record<string, string>>}>>;
}

/** Where npm may have put the package that one at `path` asks for, the nearest first. */
function places(path: string, name: string): string[] {
  const parents = path.split('/node_modules/').map((_, at, parts) => parts.slice(0, at + 1).join('/node_modules/'));
  return [...parents.reverse().map((parent) => `${parent}/node_modules/${name}`), `node_modules/${name}`];
}

/**
 * Lock: it names no registry, and every optional package, also those for other platforms. npm leaves out what it
 * could not look up when it wrote the lock, and `npm ci` then refuses it, on every machine.
 */
export const lock: Step = {
  name: 'lock',
  run: async (root) => {
    const file = 'package-lock.json';
    const content = await readFile(join(root, file), 'utf8');
    const findings: Finding[] = content.split('\n').flatMap((text, index) => {
      if (!/"resolved":\s*"(https?|git)/.test(text)) return [];
      const message = 'a registry is named; see omit-lockfile-registry-resolved in .npmrc';
      return [{file, line: index + 1, rule: 'lock-host', message}];
    });
    const {packages} = JSON.parse(content) as Lock;
    for (const [path, {optionalDependencies = {}}] of Object.entries(packages)) {
      for (const [name, version] of Object.entries(optionalDependencies)) {
        if (places(path, name).some((place) => place in packages)) continue;
        findings.push({
          file,
          rule: 'lock-incomplete',
          message: `${name}@${version}, which ${path || 'the root'} names`,
        });
      }
    }
    return findings;
  },
};
