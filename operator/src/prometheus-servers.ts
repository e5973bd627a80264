import {readFile} from 'node:fs/promises';
import {isAbsolute} from 'node:path';
import {parse, YAMLParseError} from 'yaml';
import * as z from 'zod';
import {ConfigError} from './config.ts';
import type {PrometheusServer} from './observe/ask-prometheus.ts';

const file = z.string().refine(isAbsolute, 'must be an absolute path');

const server = z
  .strictObject({
    name: z
      .string()
      .max(253)
      .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits, hyphens and dots'),
    url: z.url({protocol: /^https?$/, error: 'must be an http or https URL', abort: true}).refine((url) => {
      const {search, hash, username, password} = new URL(url);
      return [search, hash, username, password].every((part) => part === '');
    }, 'must have no query, fragment, user or password'),
    caFile: file.optional(),
    bearerTokenFile: file.optional(),
    // Else a tenant could make series that look like another tenant's, and have that one's service acted on.
    namespaceLabelEnforced: z.literal(true, {
      error:
        'must be true: declare it once the server gives every series the namespace that it was read in (enforcedNamespaceLabel: namespace)',
    }),
  })
  .refine(({url, bearerTokenFile}) => bearerTokenFile === undefined || url.startsWith('https:'), {
    path: ['bearerTokenFile'],
    error: 'must not be set with an http URL: the token could be read on the way',
  });

const servers = z.strictObject({
  prometheus: z
    .array(server)
    .max(16)
    .refine((all) => new Set(all.map(({name}) => name)).size === all.length, 'must not have a name twice'),
});

/**
 * Reads which Prometheus servers specs may refer to. Only the platform team can write this: the operator fetches no URL
 * that a resource names (invariant 15).
 *
 * @param text - YAML: docs/how-to/prometheus.md
 * @throws ConfigError naming what must be so
 */
export function readPrometheusServers(text: string): readonly PrometheusServer[] {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new ConfigError(`PROMETHEUS_SERVERS_FILE must be YAML: ${error.message}`, {cause: error});
  }
  const read = servers.safeParse(value);
  if (read.success) return read.data.prometheus;
  const [issue] = read.error.issues;
  throw new ConfigError(`PROMETHEUS_SERVERS_FILE: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

/**
 * Reads the file of {@link readPrometheusServers}.
 *
 * @param path - undefined, or a file that isn't there: no servers are configured, since the ConfigMap is optional
 * @throws ConfigError naming what must be so
 */
export async function loadPrometheusServers(path: string | undefined): Promise<readonly PrometheusServer[]> {
  if (path === undefined) return [];
  try {
    return readPrometheusServers(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
