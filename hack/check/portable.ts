import {readFile} from 'node:fs/promises';
import {join} from 'node:path';

import {type Finding, runProgram, type Step} from './step.ts';

/** Names that every machine has for itself; they tie nobody to one of them. */
const everywhere = new Set(['localhost', '127.0.0.1']);

/** Paths that exist on one person's machine only; an example may speak of /home/me. */
const homePath = /(?<![\w.-])\/(?:home|Users)\/(?!me\/)[\w.-]+\//;

interface Traces {
  /** Absolute path of the checkout. */
  readonly checkout: string;
  /** Registries configured on this machine. */
  readonly hosts: readonly string[];
}

/** What ties one file to the machine that it was written on. */
function traceFindings(file: string, content: string, {checkout, hosts}: Traces): Finding[] {
  return content.split('\n').flatMap((text, index) => {
    const at = {file, line: index + 1};
    const found: Finding[] = [];
    if (text.includes(`${checkout}/`) || homePath.test(text)) {
      found.push({...at, rule: 'machine-path', message: 'a path of one machine; make it relative or ask the system'});
    }
    if (hosts.some((host) => text.includes(host))) {
      found.push({...at, rule: 'registry-host', message: "this machine's registry; leave it to the configuration"});
    }
    return found;
  });
}

/** Host names in a list of URLs as npm's and Go's settings have them. */
function hostsIn(settings: string): string[] {
  const hosts = settings.split(/[\s,|]+/).flatMap((entry) => (URL.canParse(entry) ? [new URL(entry).hostname] : []));
  return [...new Set(hosts)].filter((host) => host !== '' && !everywhere.has(host));
}

async function configuredHosts(root: string): Promise<string[]> {
  const npm = await runProgram('npm', ['config', 'get', 'registry'], root);
  return hostsIn([npm.stdout, process.env.GOPROXY ?? '', process.env.GOSUMDB ?? ''].join('\n'));
}

/** Portable: nothing in the tree names a registry host or a path of the machine that it was written on. */
export const portable: Step = {
  name: 'portable',
  run: async (root) => {
    const listed = await runProgram('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root);
    if (listed.code !== 0) throw new Error(`git ls-files: ${listed.stderr}`);
    const traces = {checkout: root, hosts: await configuredHosts(root)};
    const findings: Finding[] = [];
    for (const file of new Set(listed.stdout.split('\0').filter((name) => name !== ''))) {
      const content = await readFile(join(root, file), 'utf8').catch((error: unknown) => {
        // Listed but deleted in the work tree.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
        throw error;
      });
      if (!content.includes('\0')) findings.push(...traceFindings(file, content, traces));
    }
    return findings;
  },
};
