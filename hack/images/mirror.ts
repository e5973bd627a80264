import {readFile, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {isNotFound} from '../lib/errors.ts';

/** One entry of apt's sources.list(5), in either of its two formats. */
export interface AptSource {
  readonly types: readonly string[];
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

/** No Debian mirror is configured on this machine; the message says how to name one. */
export class NoMirrorError extends Error {
  override readonly name = 'NoMirrorError';
}

/**
 * Reads the one-line format: `deb [options] uri suite component…`.
 * @param text - content of a *.list file
 */
export function parseSourcesList(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(deb|deb-src)\s+(?:\[[^\]]*\]\s+)?(\S+)\s+([^\s#]+)\s*([^#]*)/.exec(line);
    if (match === null) continue;
    const [, type = '', uri = '', suite = '', components = ''] = match;
    sources.push({types: [type], uris: [uri], suites: [suite], components: words(components)});
  }
  return sources;
}

/**
 * Reads the deb822 format; entries with `Enabled: no` are left out.
 * @param text - content of a *.sources file
 */
export function parseDeb822(text: string): AptSource[] {
  const withoutComments = text.replaceAll(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const match of stanza.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t]+.*)*)/gm)) {
      fields.set((match[1] ?? '').toLowerCase(), match[2] ?? '');
    }
    if (fields.get('enabled')?.trim().toLowerCase() === 'no') return [];
    const list = (name: string): string[] => words(fields.get(name) ?? '');
    const source = {types: list('types'), uris: list('uris'), suites: list('suites'), components: list('components')};
    return source.uris.length === 0 ? [] : [source];
  });
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}

/**
 * Picks the mirror that has Debian's main archive; the security archive is another one and has no full suites.
 * @returns the first http(s) or file URI, or undefined
 */
export function chooseMirror(sources: readonly AptSource[]): string | undefined {
  const main = sources.filter(
    ({types, suites, components}) =>
      types.includes('deb') && components.includes('main') && suites.some((suite) => !suite.includes('-security')),
  );
  return main.flatMap(({uris}) => uris).find((uri) => /^(https?|file):/.test(uri) && !uri.includes('debian-security'));
}

/**
 * The Debian mirror of this machine: DEBIAN_MIRROR if set, else what apt uses.
 * @param environment - where DEBIAN_MIRROR is looked up
 * @param folder - apt's configuration folder
 * @throws NoMirrorError when neither names one
 */
export async function debianMirror(environment: NodeJS.ProcessEnv = process.env, folder = '/etc/apt'): Promise<string> {
  const named = environment.DEBIAN_MIRROR;
  if (named !== undefined && named !== '') return named;
  const sources = parseSourcesList((await textOf(join(folder, 'sources.list'))) ?? '');
  for (const name of await namesIn(join(folder, 'sources.list.d'))) {
    const text = (await textOf(join(folder, 'sources.list.d', name))) ?? '';
    if (name.endsWith('.list')) sources.push(...parseSourcesList(text));
    if (name.endsWith('.sources')) sources.push(...parseDeb822(text));
  }
  const mirror = chooseMirror(sources);
  if (mirror === undefined) {
    throw new NoMirrorError(`${folder} names no Debian mirror: set DEBIAN_MIRROR to the address of one`);
  }
  return mirror;
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
