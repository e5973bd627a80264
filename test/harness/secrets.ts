import {readFile} from 'node:fs/promises';
import type {World} from './world.ts';

interface Secret {
  metadata: {name: string};
  data?: Record<string, string>;
}

/** Shorter values (a user's name) are no secrets. */
const SHORTEST_SECRET = 16;
const PUBLIC_KEYS = new Set(['ca.crt', 'tls.crt']);

/** What must not be read anywhere of a Secret, encoded and line by line, with the name of its place in the Secret. */
function secretValues({metadata, data = {}}: Secret): [value: string, name: string][] {
  return Object.entries(data)
    .filter(([key]) => !PUBLIC_KEYS.has(key))
    .flatMap(([key, value]) => {
      const lines = Buffer.from(value, 'base64').toString('utf8').trim().split('\n');
      // A token's line is `name:token`; the token alone is the secret.
      return [value, ...lines, ...lines.map((line) => line.slice(line.indexOf(':') + 1))]
        .filter((form) => form.length >= SHORTEST_SECRET && !form.startsWith('-----'))
        .map((form): [string, string] => [form, `${metadata.name}/${key}`]);
    });
}

/**
 * Looks for the values of every Secret of some namespaces in whatever people and tools read: operator's and pods' logs,
 * events, every object but Secrets, the audit log.
 *
 * @returns where one was found, as `Secret/key in place`; never the value
 */
export async function findSecrets(world: World, namespaces: readonly string[]): Promise<string[]> {
  const places = new Map<string, string>([['audit log', await readFile(world.cluster.auditLogPath, 'utf8')]]);
  const operator = ['-n', 'maintenance-api-system', '-l', 'app.kubernetes.io/name=maintenance-api-operator'];
  places.set("operator's log", await world.kubectl(['logs', ...operator, '--tail=-1', '--prefix']));
  const kinds =
    'all,events,maintenanceapis,controllerrevisions,configmaps,persistentvolumeclaims,endpointslices,poddisruptionbudgets';
  const values = new Map<string, string>();
  for (const namespace of namespaces) {
    places.set(
      `objects of ${namespace}`,
      await world.kubectl(['get', kinds, '-n', namespace, '-o', 'yaml', '--show-managed-fields']),
    );
    for (const component of ['api', 'database']) {
      const selector = ['-n', namespace, '-l', `app.kubernetes.io/component=${component}`, '--all-containers'];
      places.set(
        `logs of ${component} in ${namespace}`,
        await world.kubectl(['logs', ...selector, '--tail=-1', '--ignore-errors']),
      );
    }
    for (const secret of await world.list<Secret>('secrets', namespace)) {
      for (const [value, name] of secretValues(secret)) values.set(value, name);
    }
  }
  const found = new Set<string>();
  for (const [value, name] of values) {
    for (const [place, text] of places) if (text.includes(value)) found.add(`${name} in ${place}`);
  }
  return [...found].filter((text) => !text.includes('-mysql-state/'));
}
