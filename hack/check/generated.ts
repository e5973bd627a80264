import {readdir, readFile} from 'node:fs/promises';
import {join, relative, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

import type {Finding, Step} from './step.ts';

/** Folders in which every file is generated. */
const generatedFolders = ['crds'];

type Generate = () => Promise<ReadonlyMap<string, string>>;

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, {recursive: true, withFileTypes: true});
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Generated: what is in the tree is what the generators would write now. */
export const generated: Step = {
  name: 'generated',
  run: async (root) => {
    const module = (await import(pathToFileURL(join(root, 'hack/generate.ts')).href)) as {generate: Generate};
    const wanted = new Map([...(await module.generate())].map(([path, content]) => [resolve(root, path), content]));
    const findings: Finding[] = [];
    for (const [path, content] of wanted) {
      const present = await contentOf(path);
      if (present === content) continue;
      const message = `${present === undefined ? 'missing' : 'differs from its source'}; run \`npm run generate\``;
      findings.push({file: relative(root, path), rule: 'generated-stale', message});
    }
    for (const path of (await Promise.all(generatedFolders.map((f) => filesBelow(join(root, f))))).flat()) {
      if (wanted.has(path)) continue;
      findings.push({
        file: relative(root, path),
        rule: 'generated-left-over',
        message: 'no generator writes it; delete it',
      });
    }
    return findings;
  },
};
